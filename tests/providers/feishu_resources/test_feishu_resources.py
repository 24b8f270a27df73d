"""Definitions, subscriptions and the app, read from and written to the stand-in."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from reconciler.diff import diff
from reconciler.errors import NotFoundError, RefusedError
from reconciler.ports.declarative import Write
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.feishu_resources.app import AppReader, AppWriter
from reconciler.providers.feishu_resources.definition import DefinitionReader, DefinitionWriter
from reconciler.providers.feishu_resources.subscription import SubscriptionWriter
from reconciler.providers.http import HttpSettings
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.app import App
from reconciler.resources.definition import SAFETY_TOKEN, Definition
from reconciler.resources.subscription import Subscription
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import FeishuSeed
from reconciler.secret import Secret

SCOPES = ["approval:approval", "approval:approval:readonly", "contact:user.id:readonly"]


def client_of(**app: object) -> FeishuClient:
    values = {
        "id": "cli_a",
        "secret": "s",
        "bot": True,
        "published": True,
        "scopes": SCOPES,
        "events": ["approval_instance"],
    }
    seed = FeishuSeed.model_validate({"apps": [{**values, **app}]})
    stand_in = FeishuStandIn(seed, clock=SandboxClock())
    settings = HttpSettings(transport=httpx.ASGITransport(app=stand_in.app))
    return FeishuClient(Platform.private("http://127.0.0.1:1"), AppCredentials("cli_a", Secret("s")), settings=settings)


def definition(**changes: object) -> Definition:
    title = (("en-US", "Database change"), ("zh-CN", "数据库变更"))
    return replace(Definition("stage-gate", "acme", title, "any"), **changes)  # type: ignore[arg-type]


async def created(client: FeishuClient, desired: Definition) -> Definition:
    written = await DefinitionWriter(client).write(Write(desired, None))
    assert written.code
    return replace(desired, code=written.code)


@pytest.mark.parametrize("decision", ["any", "all", "sequential"])
async def test_a_created_definition_reads_back_as_what_was_desired(decision: str) -> None:
    client = client_of()
    title = (("en-US", "Database change"), ("zh-CN", "数据库变更"))
    desired = await created(client, Definition("stage-gate", "acme", title, decision))
    (live,) = (await DefinitionReader(client).observe([desired], inventory=False)).live
    assert diff(live, desired).fields == ()
    assert diff(live, desired).unverifiable == ("safetySettings",)


async def test_a_changed_spec_is_seen_by_the_stamp_and_overwriting_heals_it() -> None:
    client = client_of()
    desired = await created(client, definition())
    title = (("en-US", "Other"), ("zh-CN", "其他"))
    changed = Definition("stage-gate", "acme", title, "all", desired.code)
    (live,) = (await DefinitionReader(client).observe([changed], inventory=False)).live
    assert {row.path for row in diff(live, changed).fields} == {"decision", "stamp", "title.en-US", "title.zh-CN"}
    written = await DefinitionWriter(client).write(Write(changed, live))
    assert written.code is None
    (healed,) = (await DefinitionReader(client).observe([changed], inventory=False)).live
    assert diff(healed, changed).fields == ()


async def test_a_definition_of_another_integration_is_not_taken_for_ours() -> None:
    client = client_of()
    theirs = await created(client, Definition("stage-gate", "other", (("en-US", "A"), ("zh-CN", "B")), "any"))
    ours = Definition("stage-gate", "acme", (("en-US", "A"), ("zh-CN", "B")), "any", theirs.code)
    (live,) = (await DefinitionReader(client).observe([ours], inventory=False)).live
    assert isinstance(live, Definition)
    assert live.safety_settings is None
    assert {row.path for row in diff(live, ours).fields} == {"safetySettings", "stamp"}
    assert ours.safety_settings == SAFETY_TOKEN


async def test_a_code_that_feishu_does_not_know_is_an_error_and_not_an_absence() -> None:
    with pytest.raises(NotFoundError):
        await DefinitionReader(client_of()).observe(
            [definition(code="7C468A54-8745-2245-9675-08B7C63E7A85")], inventory=False
        )


async def test_a_definition_that_was_not_created_yet_is_absent_without_a_call() -> None:
    assert (await DefinitionReader(client_of()).observe([definition()], inventory=False)).live == ()


async def test_an_adopted_definition_fits_or_shows_what_does_not() -> None:
    client = client_of()
    desired = await created(client, definition())
    fits = AdoptedDefinition(
        "stage-gate", desired.code or "", desired.stamp, (("digest", "digest"), ("change", "change")), "any"
    )
    (live,) = (await DefinitionReader(client).observe([fits], inventory=False)).live
    assert diff(live, fits).fields == ()
    wrong = AdoptedDefinition("stage-gate", desired.code or "", "nobody", (("digest", "nothing"),), "all")
    (live,) = (await DefinitionReader(client).observe([wrong], inventory=False)).live
    assert {row.path for row in diff(live, wrong).fields} == {"decision", "form.digest", "node"}


async def test_subscribing_twice_is_harmless_and_without_a_code_refused() -> None:
    client = client_of()
    desired = await created(client, definition())
    subscription = Subscription("stage-gate", desired.code)
    first = await SubscriptionWriter(client).write(Write(subscription, None))
    second = await SubscriptionWriter(client).write(Write(subscription, None))
    assert (first.note, second.note) == ("", "it was subscribed already")
    with pytest.raises(RefusedError, match="no approval code"):
        await SubscriptionWriter(client).write(Write(Subscription("stage-gate"), None))


async def test_an_app_shows_its_bot_and_scopes_and_leaves_open_what_it_may_not_read() -> None:
    wanted = App("cli_a", bot=True, published=True, scopes=tuple(SCOPES), events=("approval_instance",))
    (live,) = (await AppReader(client_of()).observe([wanted], inventory=False)).live
    assert diff(live, wanted).fields == ()
    assert diff(live, wanted).unverifiable == ("events", "published")
    able = client_of(scopes=[*SCOPES, "application:application:self_manage"])
    (live,) = (await AppReader(able).observe([wanted], inventory=False)).live
    assert diff(live, wanted).unverifiable == ()


async def test_an_app_without_a_bot_or_a_scope_differs() -> None:
    wanted = App("cli_a", bot=True, scopes=tuple(SCOPES))
    (live,) = (await AppReader(client_of(bot=False)).observe([wanted], inventory=False)).live
    assert [row.path for row in diff(live, wanted).fields] == ["bot"]
    (live,) = (await AppReader(client_of(scopes=SCOPES[:2])).observe([wanted], inventory=False)).live
    assert [row.path for row in diff(live, wanted).fields] == ["scopes"]


async def test_a_managed_app_is_configured_and_published() -> None:
    scopes = ["application:application:self_manage", "application:application:patch"]
    client = client_of(bot=False, scopes=scopes, events=[])
    wanted = App(
        "cli_a", bot=True, scopes=tuple(SCOPES), events=("approval_instance",), transport="websocket", is_managed=True
    )
    (live,) = (await AppReader(client).observe([wanted], inventory=False)).live
    difference = diff(live, wanted)
    assert {row.path for row in difference.fields} == {"bot", "events", "scopes"}
    written = await AppWriter(client).write(Write(wanted, live, frozenset(row.path for row in difference.fields)))
    assert written.settles_later
    (live,) = (await AppReader(client).observe([wanted], inventory=False)).live
    assert diff(live, wanted).fields == ()
