"""Definitions, people and the app itself against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from providers.feishu.standin_client import ALICE, SCOPES, Tenant, seed, tenant

from reconciler.errors import ConflictError, ForbiddenError, NotFoundError, SpecError
from reconciler.providers.feishu.calls.registration import RegistrationCalls
from reconciler.providers.feishu.definitions import (
    adopted_resource,
    definition_body,
    managed_resource,
    read_definition,
)
from reconciler.providers.feishu.wire.application import (
    AbilityBody,
    AppText,
    BaseBody,
    BotAbility,
    ConfigBody,
    ConfigEvent,
    ConfigScope,
    PublishBody,
    ScopeItem,
)
from reconciler.providers.feishu.wire.definitions import DefinitionBody
from reconciler.providers.http import HttpClient, HttpSettings
from reconciler.resources.definition import DEFAULT_TITLE, FORM, NODE_TYPES, Decision, Definition


@pytest.fixture
async def feishu() -> AsyncIterator[Tenant]:
    async with tenant() as here:
        yield here


async def read_back(feishu: Tenant, code: str) -> Definition:
    calls = feishu.client.definitions
    observed = read_definition(code, en=await calls.get(code, locale="en-US"), zh=await calls.get(code, locale="zh-CN"))
    return managed_resource(observed, spec_name="stage-gate", integration="acme")


@pytest.mark.parametrize("decision", list(NODE_TYPES))
async def test_a_definition_reads_back_as_it_was_desired(feishu: Tenant, decision: Decision) -> None:
    desired = Definition("stage-gate", "acme", DEFAULT_TITLE, decision)
    code = await feishu.client.definitions.put(definition_body(desired))
    observed = await read_back(feishu, code)
    assert {**observed.fields(), "safetySettings": None} == {**desired.fields(), "safetySettings": None}
    assert observed.code == code


async def test_overwriting_keeps_the_code_and_changes_the_stamp(feishu: Tenant) -> None:
    code = await feishu.define()
    changed = Definition("stage-gate", "acme", (("en-US", "New"), ("zh-CN", "新")), "all", code=code)
    assert await feishu.client.definitions.put(definition_body(changed)) == code
    observed = await read_back(feishu, code)
    assert (observed.stamp, observed.decision, dict(observed.title)["zh-CN"]) == (changed.stamp, "all", "新")


async def test_overwriting_what_is_not_there_creates_nothing(feishu: Tenant) -> None:
    ghost = Definition("stage-gate", "acme", DEFAULT_TITLE, "any", code="NOPE")
    with pytest.raises(NotFoundError):
        await feishu.client.definitions.put(definition_body(ghost))


async def test_a_subscription_is_made_once(feishu: Tenant) -> None:
    code = await feishu.define()
    calls = feishu.client.definitions
    assert [await calls.subscribe(code), await calls.subscribe(code)] == [True, False]
    assert [await calls.unsubscribe(code), await calls.unsubscribe(code)] == [True, False]


async def test_a_deleted_definition_is_not_found_or_reads_deleted(feishu: Tenant) -> None:
    code = await feishu.define()
    feishu.standin.actions.delete_definition(code)
    try:
        status = (await feishu.client.definitions.get(code, locale="en-US")).status
    except NotFoundError:
        status = "DELETED"
    assert status == "DELETED"


async def test_an_adopted_definition_shows_what_its_widgets_are(feishu: Tenant) -> None:
    code = await feishu.define()
    calls = feishu.client.definitions
    observed = read_definition(code, en=await calls.get(code, locale="en-US"), zh=await calls.get(code, locale="zh-CN"))
    adopted = adopted_resource(
        observed, spec_name="console", node=feishu.stamp, widgets={"digest": "digest", "sql": "w99"}
    )
    assert adopted.fields() == {"decision": "any", "node": feishu.stamp, "form": {"digest": "text", "sql": ""}}


async def test_a_body_without_its_texts_is_refused_as_input(feishu: Tenant) -> None:
    body = definition_body(Definition("stage-gate", "acme", DEFAULT_TITLE, "any"))
    broken: DefinitionBody = body.model_copy(update={"i18n_resources": []})
    with pytest.raises(SpecError):
        await feishu.client.definitions.put(broken)


async def test_a_person_has_details(feishu: Tenant) -> None:
    person = await feishu.client.users.get(ALICE)
    assert (person.open_id, person.name) == (ALICE, "Alice")


async def test_a_person_out_of_range_is_told_apart(feishu: Tenant) -> None:
    with pytest.raises((ForbiddenError, NotFoundError, SpecError)):
        await feishu.client.users.get("ou_" + "e" * 32)


async def test_the_app_tells_what_it_is(feishu: Tenant) -> None:
    application = feishu.client.application
    app = await application.app()
    assert (app.app_id, app.status) == ("cli_sandbox", 1)
    version = await application.version(app.online_version_id)
    assert version.status == 1
    assert {scope.scope for scope in version.scopes} >= {"approval:approval"}
    assert "approval_instance" in [*version.events, *(info.event_type for info in version.event_infos)]
    granted = {scope.scope_name for scope in await application.scopes() if scope.grant_status == 1}
    assert granted == set(SCOPES)
    bot = await application.bot()
    assert bot.activate_status == 2
    assert (await application.contacts_range()).contacts_scope_type
    (availability,) = await application.availability([ALICE])
    assert availability.in_white_list
    assert not availability.in_black_list


async def test_nothing_is_left_to_apply_for(feishu: Tenant) -> None:
    assert await feishu.client.application.apply_scopes() is False


async def test_a_configured_scope_counts_once_published() -> None:
    scopes = [scope for scope in SCOPES if scope != "im:message:send_as_bot"]
    async with tenant(seed(scopes=scopes)) as feishu:
        application = feishu.client.application
        with pytest.raises(ForbiddenError, match="im:message"):
            await feishu.client.messages.send(ALICE, card={"schema": "2.0"}, uuid="m-1")
        await application.configure(
            ConfigBody(
                scope=ConfigScope(add_scopes=[ScopeItem(scope_name="im:message:send_as_bot")]),
                event=ConfigEvent(subscription_type="websocket", add_events=["approval_instance"]),
            )
        )
        published = await application.publish(PublishBody(remark="notify", changelog="cards"))
        if (await application.app()).unaudit_version_id:
            with pytest.raises(ConflictError, match="in review"):
                await application.configure(ConfigBody())
            feishu.standin.actions.decide_review("cli_sandbox", approve=True)
        assert (await application.app()).online_version_id == published.version_id
        assert (await feishu.client.messages.send(ALICE, card={"schema": "2.0"}, uuid="m-1")).startswith("om_")


async def test_the_bot_is_turned_on() -> None:
    async with tenant(seed(bot=False)) as feishu:
        with pytest.raises(ForbiddenError):
            await feishu.client.bot_open_id()
        application = feishu.client.application
        await application.set_ability(AbilityBody(bot=BotAbility(enable=True)))
        await application.set_base(BaseBody(i18ns=[AppText(i18n_key="en_us", name="Gate", description="d")]))
        await application.publish(PublishBody(remark="bot", changelog="bot"))
        if (await application.app()).unaudit_version_id:
            feishu.standin.actions.decide_review("cli_sandbox", approve=True)
        assert (await feishu.client.bot_open_id()).startswith("ou_")


async def test_addresses_of_callbacks_are_listed(feishu: Tenant) -> None:
    assert await feishu.client.connection.outbound_addresses()


async def test_a_message_is_sent_once_updated_and_urged(feishu: Tenant) -> None:
    messages = feishu.client.messages
    card = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": []}}
    first = await messages.send(ALICE, card=card, uuid="m-1")
    assert await messages.send(ALICE, card=card, uuid="m-1") == first
    await messages.update(first, card={**card, "header": {"title": {"tag": "plain_text", "content": "x"}}})
    assert await messages.urge(first, [ALICE]) == ()
    assert len(feishu.standin.actions.messages("alice@example.com")) == 1


async def test_an_app_is_registered_once_a_person_confirms(feishu: Tenant) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            feishu.standin.actions.confirm_registration(registration.user_code, "alice@example.com")

    settings = HttpSettings(transport=httpx.ASGITransport(app=feishu.standin.app))
    async with HttpClient("http://127.0.0.1", upstream="feishu-accounts", settings=settings) as accounts:
        calls = RegistrationCalls(accounts, sleep=sleep)
        registration = await calls.begin(name="Gate", scopes=["approval:approval"], events=["approval_instance"])
        assert "addons=" in registration.link
        assert registration.device_code.reveal() not in repr(registration)
        registered = await calls.wait(registration)
        assert feishu.standin.has_app(registered.app.app_id, registered.app.secret.reveal())
        assert len(slept) >= 2


async def test_a_declined_registration_is_told(feishu: Tenant) -> None:
    async def sleep(seconds: float) -> None:
        feishu.standin.actions.deny_registration(registration.user_code)

    settings = HttpSettings(transport=httpx.ASGITransport(app=feishu.standin.app))
    async with HttpClient("http://127.0.0.1", upstream="feishu-accounts", settings=settings) as accounts:
        calls = RegistrationCalls(accounts, sleep=sleep)
        registration = await calls.begin(name="Gate", scopes=[], events=[])
        with pytest.raises(ForbiddenError, match="declined"):
            await calls.wait(registration)


def test_every_text_of_a_definition_exists_in_both_languages() -> None:
    body = definition_body(Definition("stage-gate", "acme", DEFAULT_TITLE, "any"))
    keys = [{text.key for text in resource.texts} for resource in body.i18n_resources]
    assert keys[0] == keys[1]
    assert all(key.startswith("@i18n@") and len(key) >= 9 for key in keys[0])
    assert all(text.value for resource in body.i18n_resources for text in resource.texts)
    assert len(keys[0]) == len(FORM) + 3


def test_a_title_in_one_language_serves_for_both() -> None:
    desired = replace(Definition("stage-gate", "acme", DEFAULT_TITLE, "any"), title=(("zh-CN", "变更"),))
    names = [
        next(text.value for text in resource.texts if text.key == "@i18n@definition_name")
        for resource in definition_body(desired).i18n_resources
    ]
    assert names == ["变更", "变更"]


def test_what_decides_safety_is_always_sent() -> None:
    sent = definition_body(Definition("stage-gate", "acme", DEFAULT_TITLE, "sequential")).model_dump(exclude_none=True)
    assert sent["viewers"] == [{"viewer_type": "NONE"}]
    assert sent["settings"] == {
        "revert_interval": 0,
        "revert_option": 1,
        "reject_option": 0,
        "quick_approval_option": 1,
    }
    assert set(sent["config"].values()) == {False}
    node = sent["node_list"][1]
    assert (node["node_type"], node["starter_assignee"], node["approver_chosen_multi"]) == (
        "SEQUENTIAL",
        "STARTER",
        True,
    )
