"""Directory, application, messages and creation of an app through the official SDK."""

from __future__ import annotations

import io
import json
import threading

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


def lookup(tenant, emails, **more):
    request = tenant.sdk.request("contact", "BatchGetIdUserRequest", {"emails": emails} | more, user_id_type="open_id")
    return tenant.client.contact.v3.user.batch_get_id(request)


def test_addresses_resolve_whatever_their_case_and_others_are_echoed(tenant):
    people = lookup(tenant, ["ALICE@example.com", "ghost@example.com", "zoe@example.com"]).data.user_list
    assert [(person.email, person.user_id) for person in people] == [
        ("ALICE@example.com", tenant.alice),
        ("ghost@example.com", ""),
        ("zoe@example.com", ""),
    ]
    assert people[0].status is None


def test_resigned_people_do_not_resolve_unless_asked_for(tenant):
    tenant.call(lambda standin: standin.actions.resign("alice@example.com"))
    assert lookup(tenant, ["alice@example.com"]).data.user_list[0].user_id == ""
    assert lookup(tenant, ["alice@example.com"], include_resigned=True).data.user_list[0].user_id == tenant.alice


def test_more_than_fifty_addresses_are_a_field_violation(tenant):
    assert lookup(tenant, [f"u{number}@example.com" for number in range(51)]).code == 99992402


def test_the_status_needs_its_scope(make_tenant):
    wide = make_tenant(app={"scopes": ["contact:user.id:readonly", "contact:user.employee:readonly"]})
    status = lookup(wide, ["alice@example.com"]).data.user_list[0].status
    assert (status.is_activated, status.is_resigned) == (True, False)


def person(tenant, identifier):
    return tenant.client.contact.v3.user.get(
        tenant.sdk.request("contact", "GetUserRequest", user_id=identifier, user_id_type="open_id")
    )


def test_a_person_shows_what_the_scopes_allow(tenant):
    user = person(tenant, tenant.alice).data.user
    assert (user.name, user.open_id, user.email) == ("Alice", tenant.alice, None)


def test_unknown_foreign_and_hidden_people_have_different_codes(tenant):
    zoe = tenant.call(lambda s: s.world.directory.open_id(s.world.directory.by_email("zoe@example.com"), tenant.app_id))
    foreign = tenant.open_id("alice@example.com", tenant.other)
    codes = [person(tenant, item).code for item in (zoe, foreign, "ou_" + "f" * 32, "nonsense")]
    assert codes == [41050, 99992361, 99992351, 41012]


def test_the_contacts_range_lists_the_visible(tenant):
    request = tenant.sdk.request("contact", "ListScopeRequest", user_id_type="open_id", page_size=2)
    page = tenant.client.contact.v3.scope.list(request).data
    assert (len(page.user_ids), page.has_more) == (2, True)
    assert page.user_ids[0] == tenant.alice


def me(tenant):
    request = tenant.sdk.request("application6", "GetApplicationRequest", app_id="me", lang="zh_cn")
    return tenant.client.application.v6.application.get(request)


def test_the_app_reads_itself_its_versions_and_scopes(tenant):
    app = me(tenant).data.app
    assert (app.app_id, app.status, app.unaudit_version_id) == (tenant.app_id, 1, "")
    request = tenant.sdk.request(
        "application6", "GetApplicationAppVersionRequest", app_id="me", version_id=app.online_version_id, lang="zh_cn"
    )
    version = tenant.client.application.v6.application_app_version.get(request).data.app_version
    assert "approval_instance" in version.events
    assert version.status == 1
    listed = tenant.client.application.v6.scope.list(tenant.sdk.request("application6", "ListScopeRequest")).data.scopes
    assert {scope.grant_status for scope in listed} == {1}


def test_the_language_is_required(tenant):
    assert tenant.raw("GET", "/open-apis/application/v6/applications/me").code == 99992402


def test_availability_is_checked_per_person(tenant):
    zoe = tenant.call(lambda s: s.world.directory.open_id(s.world.directory.by_email("zoe@example.com"), tenant.app_id))
    request = tenant.sdk.request(
        "application6",
        "CheckWhiteBlackListApplicationVisibilityRequest",
        {"user_ids": [tenant.alice, zoe]},
        app_id=tenant.app_id,
        user_id_type="open_id",
    )
    rows = tenant.client.application.v6.application_visibility.check_white_black_list(request).data.user_visibility_list
    assert [(row.user_id, row.in_white_list) for row in rows] == [(tenant.alice, True), (zoe, False)]


def configure(tenant, **body):
    request = tenant.sdk.request(
        "application7", "PatchApplicationConfigRequest", body, app_id=tenant.app_id, user_id_type="open_id"
    )
    return tenant.client.application.v7.application_config.patch(request)


def publish(tenant, **body):
    body = {"remark": "r", "changelog": "c", "mobile_default_ability": "bot", "pc_default_ability": "bot"} | body
    request = tenant.sdk.request("application7", "CreateApplicationPublishRequest", body, app_id=tenant.app_id)
    return tenant.client.application.v7.application_publish.create(request)


def test_a_declared_scope_counts_only_once_it_is_published(make_tenant):
    bare = make_tenant(app={"scopes": ["application:application:patch"]})
    assert configure(
        bare, scope={"add_scopes": [{"scope_name": "approval:approval", "token_type": "tenant"}]}
    ).success()
    scopes = bare.client.application.v6.scope
    listing = bare.sdk.request("application6", "ListScopeRequest")
    assert {item.scope_name: item.grant_status for item in scopes.list(listing).data.scopes}["approval:approval"] == 2
    assert bare.define().code == 99991672
    assert publish(bare).data.version == "1.0.1"
    assert bare.define().success()
    assert {item.grant_status for item in scopes.list(listing).data.scopes} == {1}


def test_a_version_in_review_blocks_changes_until_it_is_decided(tenant):
    def review(standin):
        standin.world.tenant.review = True

    tenant.call(review)
    assert publish(tenant).success()
    assert me(tenant).data.app.unaudit_version_id.startswith("oav_")
    assert configure(tenant, scope={}).code == 210040
    assert publish(tenant).code == 210302
    tenant.call(lambda standin: standin.actions.decide_review(tenant.app_id, approve=True))
    assert configure(tenant, scope={}).success()


def test_version_numbers_must_increase(tenant):
    assert publish(tenant, version="1.0.0").code == 210303
    assert publish(tenant, version="one").code == 210303
    assert publish(tenant, version="1.2.0").data.version == "1.2.0"


def test_an_address_list_takes_effect_at_once(tenant):
    assert configure(tenant, security={"add": {"allowed_ips": ["203.0.113.9"]}}).success()
    assert me(tenant).code == 99991401


def test_the_bot_is_switched_off_with_the_next_release(tenant):
    request = tenant.sdk.request(
        "application7", "PatchApplicationAbilityRequest", {"bot": {"enable": False}}, app_id=tenant.app_id
    )
    assert tenant.client.application.v7.application_ability.patch(request).success()
    assert tenant.raw("GET", "/open-apis/bot/v3/info").code == 0
    assert publish(tenant).success()
    assert tenant.raw("GET", "/open-apis/bot/v3/info").code != 0


def test_another_apps_configuration_is_out_of_reach(tenant):
    request = tenant.sdk.request("application7", "PatchApplicationConfigRequest", {}, app_id=tenant.other_id)
    response = tenant.client.application.v7.application_config.patch(request)
    assert (response.code, response.raw.status_code) == (210036, 403)


def test_an_avatar_is_uploaded_and_named(tenant):
    picture = io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    picture.name = "icon.png"
    request = tenant.sdk.request("application7", "CreateAppAvatarUploadRequest", {"avatar": picture})
    url = tenant.client.application.v7.app_avatar_upload.create(request).data.url
    base = tenant.sdk.request(
        "application7",
        "PatchApplicationBaseRequest",
        {"avatar_url": url, "i18ns": [{"i18n_key": "en_us", "name": "Gate"}]},
        app_id=tenant.app_id,
    )
    assert tenant.client.application.v7.application_base.patch(base).success()
    publish(tenant)
    assert (me(tenant).data.app.avatar_url, me(tenant).data.app.app_name) == (url, "Gate")


def test_asking_for_scopes_tells_nothing_to_ask_and_asked_twice(tenant):
    apply = lambda: tenant.raw("POST", "/open-apis/application/v6/scopes/apply").code  # noqa: E731
    assert apply() == 212002
    configure(tenant, scope={"add_scopes": [{"scope_name": "im:chat", "token_type": "tenant"}]})
    assert [apply(), apply()] == [0, 212004]


CARD = json.dumps({"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": []}})


def send(tenant, receiver, **body):
    body = {"receive_id": receiver, "msg_type": "interactive", "content": CARD} | body
    request = tenant.sdk.request("im", "CreateMessageRequest", body, receive_id_type="open_id")
    return tenant.client.im.v1.message.create(request)


def test_a_card_is_sent_updated_and_buzzed(tenant):
    message = send(tenant, tenant.alice).data
    assert message.message_id.startswith("om_")
    assert message.chat_id.startswith("oc_")
    patch = tenant.sdk.request("im", "PatchMessageRequest", {"content": CARD}, message_id=message.message_id)
    assert tenant.client.im.v1.message.patch(patch).success()
    urgent = tenant.sdk.request(
        "im",
        "UrgentAppMessageRequest",
        {"user_id_list": [tenant.alice, "ou_" + "f" * 32]},
        "UrgentReceivers",
        message_id=message.message_id,
        user_id_type="open_id",
    )
    assert tenant.client.im.v1.message.urgent_app(urgent).data.invalid_user_id_list == ["ou_" + "f" * 32]


def test_the_same_message_uuid_is_delivered_once(tenant):
    assert (
        send(tenant, tenant.alice, uuid="m1").data.message_id == send(tenant, tenant.alice, uuid="m1").data.message_id
    )
    assert len(tenant.call(lambda standin: standin.actions.messages("alice@example.com"))) == 1


def test_nobody_outside_the_availability_is_written_to(tenant):
    zoe = tenant.call(lambda s: s.world.directory.open_id(s.world.directory.by_email("zoe@example.com"), tenant.app_id))
    assert send(tenant, zoe).code == 230013


def test_messages_need_a_bot_and_a_size_in_bounds(tenant, make_tenant):
    assert send(tenant, tenant.alice, content=json.dumps({"body": "x" * 31_000})).code == 230025
    quiet = make_tenant(app={"bot": False})
    assert send(quiet, quiet.alice).code == 230006


def test_the_approval_bot_sends_and_marks_done(tenant):
    body = {
        "template_id": "1008",
        "open_id": tenant.alice,
        "uuid": "n1",
        "actions": [{"action_name": "DETAIL", "url": "https://example.com"}],
    }
    sent = tenant.content(tenant.raw("POST", "/open-apis/approval/v1/message/send", body=body))
    again = tenant.content(tenant.raw("POST", "/open-apis/approval/v1/message/send", body=body))
    assert sent["data"]["message_id"] == again["data"]["message_id"]
    update = {"message_id": sent["data"]["message_id"], "status": "APPROVED"}
    assert tenant.raw("POST", "/open-apis/approval/v1/message/update", body=update).code == 0


def test_an_app_is_created_by_device_flow(tenant, sdk):
    from lark_oapi.scene.registration import register_app

    codes: list[str] = []
    tenant.served.stand_in.registrations.interval = 1

    def confirm(info):
        codes.append(info["url"].split("user_code=")[1].split("&")[0])
        threading.Timer(
            0.2,
            lambda: tenant.call(lambda standin: standin.actions.confirm_registration(codes[0], "alice@example.com")),
        ).start()

    created = register_app(confirm, domain=tenant.url, lark_domain=tenant.url)
    assert created["user_info"]["tenant_brand"] == "feishu"
    client = sdk.client(tenant.url, created["client_id"], created["client_secret"])
    request = sdk.request("approval", "GetInstanceRequest", instance_id="x")
    assert client.approval.v4.instance.get(request).code == 99991672


def test_a_lark_tenant_switches_the_accounts_host(tenant):
    from lark_oapi.scene.registration import register_app

    tenant.served.stand_in.registrations.interval = 1
    seen: list[str] = []
    codes: list[str] = []

    def switch(info):
        codes.append(info["url"].split("user_code=")[1].split("&")[0])
        tenant.call(lambda standin: standin.registrations.belongs_to_lark(codes[0]))

    def status(info):
        seen.append(info["status"])
        if info["status"] == "domain_switched":
            tenant.call(lambda standin: standin.actions.confirm_registration(codes[0], "bob@example.com"))

    created = register_app(switch, on_status_change=status, domain=tenant.url, lark_domain=tenant.url)
    assert "domain_switched" in seen
    assert created["user_info"]["tenant_brand"] == "lark"


def test_a_refused_app_creation_ends(tenant):
    from lark_oapi.scene.registration import register_app
    from lark_oapi.scene.registration.errors import AppAccessDeniedError

    tenant.served.stand_in.registrations.interval = 1

    def deny(info):
        code = info["url"].split("user_code=")[1].split("&")[0]
        tenant.call(lambda standin: standin.actions.deny_registration(code))

    with pytest.raises(AppAccessDeniedError):
        register_app(deny, domain=tenant.url, lark_domain=tenant.url)
