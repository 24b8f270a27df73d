"""Requests as the official SDK makes, reads, lists and cancels them."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


def test_a_request_by_the_bot_reads_as_pending_with_one_task_per_approver(tenant):
    code = tenant.definition()
    bob = tenant.open_id("bob@example.com")
    data = tenant.get(tenant.asked(code, approvers=(tenant.alice, bob), uuid="U-1")).data
    assert (data.status, data.reverted, data.end_time, data.uuid) == ("PENDING", False, "0", "U-1")
    assert data.open_id == tenant.bot()
    assert [task.open_id for task in data.task_list] == [tenant.alice, bob]
    assert {(task.status, task.type, task.custom_node_id) for task in data.task_list} == {
        ("PENDING", "OR", "stage_gate")
    }
    assert [moment.type for moment in data.timeline] == ["START"]
    assert len(data.serial_number) == 12


def test_a_request_is_found_by_code_and_by_uuid_in_any_case(tenant):
    instance = tenant.asked(tenant.definition(), uuid="AbC-1")
    assert {tenant.get(name).data.instance_code for name in (instance, instance.lower(), "AbC-1", "abc-1")} == {
        instance
    }


def test_an_unknown_request_is_1390003(tenant):
    assert tenant.get("81D31358-93AF-92D6-7425-01A5D67C4E71").code == 1390003


def test_a_uuid_serves_once_for_ever_whatever_its_case(tenant):
    code = tenant.definition()
    instance = tenant.asked(code, uuid="slot-1")
    assert tenant.ask(code, uuid="SLOT-1").code == 60012
    assert tenant.cancel(code, instance, tenant.bot()).success()
    assert tenant.ask(tenant.definition(), uuid="slot-1").code == 60012


def test_the_form_comes_back_under_system_and_custom_ids(tenant):
    form = [{"id": "sql", "type": "textarea", "value": "a\nb"}, {"id": "change", "type": "input", "value": "#1"}]
    data = tenant.get(tenant.asked(tenant.definition(), form=json.dumps(form))).data
    assert [(item["custom_id"], item["value"], item["ext"]) for item in json.loads(data.form)] == [
        ("change", "#1", None),
        ("sql", "a\nb", None),
    ]


def test_texts_of_the_request_read_in_the_language_asked_for(tenant):
    texts = [
        {
            "locale": "en-US",
            "is_default": True,
            "texts": [{"key": "@i18n@value", "value": "two tasks"}, {"key": "@i18n@title", "value": "T"}],
        },
        {"locale": "zh-CN", "is_default": False, "texts": [{"key": "@i18n@value", "value": "两个任务"}]},
    ]
    form = json.dumps([{"id": "change", "type": "input", "value": "@i18n@value"}])
    instance = tenant.asked(tenant.definition(), form=form, i18n_resources=texts, title="@i18n@title")
    values = [json.loads(tenant.get(instance, locale=locale).data.form)[0]["value"] for locale in ("en-US", "zh-CN")]
    assert values == ["two tasks", "两个任务"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"form": json.dumps([{"id": "change", "type": "input"}])}, 1390001),
        ({"form": json.dumps([{"id": "change", "type": "input", "value": ""}])}, 1390001),
        ({"form": json.dumps([{"id": "nothing", "type": "input", "value": "x"}])}, 1390001),
        ({"form": "no JSON"}, 1390001),
        ({"node_approver_open_id_list": []}, 1390001),
        ({"node_approver_open_id_list": [{"key": "stage_gate", "value": ["ou_" + "f" * 32]}]}, 1390004),
        ({"node_approver_open_id_list": [{"key": "elsewhere", "value": ["ou_" + "a" * 32]}]}, 1390001),
        ({"open_id": "ou_" + "f" * 32}, 1390004),
        ({"open_id": ""}, 1390001),
        ({"uuid": "u" * 65}, 1390001),
        ({"title": "@i18n@missing"}, 1390001),
        ({"approval_code": "81D31358-93AF-92D6-7425-01A5D67C4E71"}, 1390002),
    ],
)
def test_a_wrong_request_is_refused(tenant, changes, code):
    assert tenant.ask(tenant.definition(), **changes).code == code


def test_a_widget_without_a_value_is_named_in_the_message(tenant):
    response = tenant.ask(tenant.definition(), form=json.dumps([{"id": "change", "type": "input"}]))
    assert "widget value illegal or empty. widget=change" in response.msg


def test_a_required_widget_may_be_left_out(tenant):
    assert tenant.ask(tenant.definition(), form="[]").success()


def test_someone_outside_the_range_cannot_be_asked(tenant):
    zoe = tenant.call(lambda s: s.world.directory.open_id(s.world.directory.by_email("zoe@example.com"), tenant.app_id))
    assert tenant.ask(tenant.definition(), approvers=(zoe,)).code == 1390004


def test_another_apps_open_id_is_told_apart(tenant):
    foreign = tenant.open_id("alice@example.com", tenant.other)
    assert foreign != tenant.alice
    assert tenant.ask(tenant.definition(), approvers=(foreign,)).code == 99992361


def test_another_app_sees_the_same_people_under_its_own_names(tenant):
    instance = tenant.asked(tenant.definition())
    request = tenant.sdk.request("approval", "GetInstanceRequest", instance_id=instance)
    task = tenant.other.approval.v4.instance.get(request).data.task_list[0]
    assert task.open_id == tenant.open_id("alice@example.com", tenant.other)


def test_user_ids_are_empty_without_their_scope_and_there_with_it(tenant, make_tenant):
    assert tenant.get(tenant.asked(tenant.definition())).data.task_list[0].user_id == ""
    scopes = ["approval:approval", "contact:user.employee_id:readonly"]
    wider = make_tenant(app={"scopes": scopes})
    assert len(wider.get(wider.asked(wider.definition())).data.task_list[0].user_id) == 8


def test_the_submitter_cancels_and_nobody_else(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    assert tenant.cancel(code, instance, tenant.alice).code == 1390001
    assert tenant.cancel(code, instance, tenant.bot()).success()
    data = tenant.get(instance).data
    assert (data.status, data.task_list[0].status) == ("CANCELED", "DONE")
    assert [moment.type for moment in data.timeline] == ["START", "CANCEL"]
    assert int(data.end_time) >= int(data.start_time)
    assert tenant.cancel(code, instance, tenant.bot()).code == 1390001


def test_cancelling_under_another_definition_finds_nothing(tenant):
    instance = tenant.asked(tenant.definition())
    assert tenant.cancel(tenant.definition(), instance, tenant.bot()).code == 1390003


def test_nothing_is_cancelled_where_the_tenant_or_the_request_forbids_it(tenant, make_tenant):
    strict = make_tenant(tenant={"withdrawal": False})
    code = strict.definition()
    assert strict.cancel(code, strict.asked(code), strict.bot()).code == 1390001
    code = tenant.definition()
    assert tenant.cancel(code, tenant.asked(code, forbid_revoke=True), tenant.bot()).code == 1390001


def test_cancelling_an_approved_request_brings_it_back_into_progress(tenant, definition_body):
    code = tenant.definition(settings=definition_body["settings"] | {"revert_interval": 3600})
    instance = tenant.asked(code)
    assert tenant.decide("approve", code, instance, tenant.alice).success()
    assert tenant.get(instance).data.status == "APPROVED"
    assert tenant.cancel(code, instance, tenant.bot()).success()
    assert (tenant.get(instance).data.status, tenant.get(instance).data.end_time) == ("PENDING", "0")
    assert tenant.decide("approve", code, instance, tenant.alice).success()
    data = tenant.get(instance).data
    assert (data.status, data.reverted) == ("CANCELED", True)


def test_an_approved_request_without_revert_interval_cannot_be_cancelled(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    tenant.decide("approve", code, instance, tenant.alice)
    assert tenant.cancel(code, instance, tenant.bot()).code == 1390001
    assert tenant.get(instance).data.status == "APPROVED"


def test_codes_are_listed_page_by_page_within_ten_hours(tenant):
    code = tenant.definition()
    made = [tenant.asked(code) for _ in range(5)]
    now = int(time.time() * 1000)

    def page(token: str = "", begin: int = now - 3_600_000):
        query = {"approval_code": code, "start_time": begin, "end_time": now + 60_000, "page_size": 2}
        more = {"page_token": token} if token else {}
        request = tenant.sdk.request("approval", "ListInstanceRequest", **query, **more)
        return tenant.approval.instance.list(request)

    first = page()
    second = page(first.data.page_token)
    third = page(second.data.page_token)
    assert first.data.instance_code_list + second.data.instance_code_list + third.data.instance_code_list == made
    assert (first.data.has_more, third.data.has_more, third.data.page_token) == (True, False, None)
    assert page(begin=now - 36_000_000).code == 1390001


def test_the_query_filters_by_status_and_answers_in_lower_case(tenant):
    code = tenant.definition()
    kept, withdrawn = tenant.asked(code), tenant.asked(code)
    tenant.cancel(code, withdrawn, tenant.bot())

    def found(status: str):
        body = {"approval_code": code, "instance_status": status}
        request = tenant.sdk.request("approval", "QueryInstanceRequest", body, "InstanceSearch", page_size=10)
        return [
            (item.instance.code, item.instance.status)
            for item in tenant.approval.instance.query(request).data.instance_list
        ]

    assert found("RECALL") == [(withdrawn, "canceled")]
    assert found("PENDING") == [(kept, "pending")]
    assert len(found("ALL")) == 2


def test_a_copy_is_noted_and_found(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    bob = tenant.open_id("bob@example.com")
    body = {
        "approval_code": code,
        "instance_code": instance,
        "user_id": tenant.bot(),
        "cc_user_ids": [bob],
        "comment": "look",
    }
    request = tenant.sdk.request("approval", "CcInstanceRequest", body, "InstanceCc", user_id_type="open_id")
    assert tenant.approval.instance.cc(request).success()
    moment = tenant.get(instance).data.timeline[-1]
    assert (moment.type, moment.comment, moment.cc_user_list[0].open_id) == ("CC", "look", bob)
    search = tenant.sdk.request(
        "approval", "SearchCcInstanceRequest", {"user_id": bob}, "CcSearch", user_id_type="open_id"
    )
    assert tenant.approval.instance.search_cc(search).data.cc_list[0].instance.code == instance


def test_a_preview_names_all_nodes_and_which_approvers_are_free(tenant):
    code = tenant.definition()
    body = {"approval_code": code, "user_id": tenant.alice, "form": "[]"}
    request = tenant.sdk.request("approval", "PreviewInstanceRequest", body, user_id_type="open_id")
    nodes = tenant.content(tenant.approval.instance.preview(request))["data"]["preview_nodes"]
    assert [(node["node_type"], node["is_approver_type_free"]) for node in nodes] == [
        ("", False),
        ("OR", True),
        ("", False),
    ]


def test_deleting_a_definition_ends_its_pending_requests(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    tenant.call(lambda standin: standin.actions.delete_definition(code))
    assert tenant.get(instance).data.status == "DELETED"


def test_an_approved_request_revoked_later_reads_cancelled_and_reverted(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    tenant.decide("approve", code, instance, tenant.alice)
    tenant.call(lambda standin: standin.actions.revoke(instance))
    data = tenant.get(instance).data
    assert (data.status, data.reverted) == ("CANCELED", True)


def test_nodes_named_for_it_pass_by_themselves_with_nobodys_name(tenant):
    auto = [{"node_id_type": "CUSTOM", "node_id": "stage_gate"}]
    data = tenant.get(tenant.asked(tenant.definition(), node_auto_approval_list=auto)).data
    assert (data.status, data.task_list[0].type, data.task_list[0].open_id) == ("APPROVED", "AUTO_PASS", "")
    assert [moment.type for moment in data.timeline] == ["START", "AUTO_PASS"]


def comment(tenant, instance, author, **body):
    body = {"content": json.dumps({"text": "hello"})} | body
    request = tenant.sdk.request(
        "approval",
        "CreateInstanceCommentRequest",
        body,
        "CommentRequest",
        instance_id=instance,
        user_id=author,
        user_id_type="open_id",
    )
    return tenant.approval.instance_comment.create(request)


def comments(tenant, instance, **query):
    request = tenant.sdk.request(
        "approval",
        "ListInstanceCommentRequest",
        instance_id=instance,
        user_id=tenant.bot(),
        user_id_type="open_id",
        **query,
    )
    return tenant.approval.instance_comment.list(request)


def test_comments_are_written_answered_edited_and_deleted(tenant):
    instance = tenant.asked(tenant.definition())
    first = comment(tenant, instance, tenant.bot(), extra='{"mark":"e1"}').data.comment_id
    reply = comment(tenant, instance, tenant.alice, parent_comment_id=first).data.comment_id
    assert comment(
        tenant, instance, tenant.bot(), comment_id=first, content='{"text":"edited"}', extra='{"mark":"e1"}'
    ).success()
    listed = comments(tenant, instance).data.comments
    assert [(item.id, json.loads(item.content)["text"], item.extra, item.is_delete) for item in listed] == [
        (first, "edited", '{"mark":"e1"}', 0)
    ]
    assert [item.id for item in listed[0].replies] == [reply]
    delete = tenant.sdk.request(
        "approval",
        "DeleteInstanceCommentRequest",
        instance_id=instance,
        comment_id=first,
        user_id=tenant.bot(),
        user_id_type="open_id",
    )
    assert tenant.approval.instance_comment.delete(delete).data.comment_id == first
    assert comments(tenant, instance).data.comments[0].is_delete == 1
    remove = tenant.sdk.request(
        "approval", "RemoveInstanceCommentRequest", instance_id=instance, user_id=tenant.bot(), user_id_type="open_id"
    )
    assert tenant.approval.instance_comment.remove(remove).data.instance_id == instance
    assert comments(tenant, instance).data.comments == []


def test_comments_work_after_a_cancellation_and_come_in_pages(tenant):
    code = tenant.definition()
    instance = tenant.asked(code)
    tenant.cancel(code, instance, tenant.bot())
    made = [comment(tenant, instance, tenant.bot()).data.comment_id for _ in range(3)]
    page = comments(tenant, instance, page_size=2)
    token = tenant.content(page)["data"]["page_token"]
    rest = comments(tenant, instance, page_size=2, page_token=token)
    assert [item.id for item in page.data.comments + rest.data.comments] == made


def test_a_comment_that_is_not_json_is_refused(tenant):
    instance = tenant.asked(tenant.definition())
    assert comment(tenant, instance, tenant.bot(), content="plain").code == 1390001
