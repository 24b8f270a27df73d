"""Writing the app's configuration: only what is missing is added, and nothing else of the app moves."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from reconciler.errors import BugError, ConflictError, SpecError
from reconciler.ports.declarative import Write
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.feishu_resources.app import AppReader, AppWriter
from reconciler.providers.http import HttpSettings
from reconciler.resources.app import App
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import FeishuSeed
from reconciler.secret import Secret

SCOPES = ("application:application:patch", "application:application:self_manage", "contact:user.id:readonly")
ALL = frozenset({"bot", "scopes", "events"})


class Tenant(httpx.AsyncBaseTransport):
    """The stand-in in process, with what was written to it."""

    def __init__(self, **app: Any) -> None:
        values = {"id": "cli_a", "secret": "s", "published": True, "bot": True, "scopes": list(SCOPES), "events": []}
        users = [
            {"email": "alice@x.example", "name": "Alice", "visible": True},
            {"email": "bob@x.example", "name": "Bob", "visible": False},
        ]
        seed = FeishuSeed.model_validate({"apps": [{**values, **app}], "users": users})
        self._inner = httpx.ASGITransport(app=FeishuStandIn(seed, clock=SandboxClock()).app)
        self.written: list[tuple[str, Any]] = []
        self.answers: dict[str, httpx.Response] = {}
        self.client = FeishuClient(
            Platform.private("http://127.0.0.1:1"),
            AppCredentials("cli_a", Secret("s")),
            settings=HttpSettings(transport=self),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = request.url.path.rpartition("/")[2]
        if request.method in ("PATCH", "PUT") or call == "publish":
            self.written.append((call, json.loads(request.content)))
        return self.answers[call] if call in self.answers else await self._inner.handle_async_request(request)

    async def observed(self, wanted: App) -> App:
        (live,) = (await AppReader(self.client).observe([wanted], inventory=False)).live
        assert isinstance(live, App)
        return live


def wanted(**changes: Any) -> App:
    values = {"bot": True, "scopes": ("approval:approval",), "events": ("approval_instance",), "is_managed": True}
    return App("cli_a", **{**values, "transport": "websocket", **changes})


async def test_only_what_is_missing_is_declared_and_then_published() -> None:
    tenant = Tenant()
    desired = wanted(scopes=("approval:approval", "contact:user.id:readonly"))
    await AppWriter(tenant.client).write(
        Write(desired, await tenant.observed(desired), frozenset({"scopes", "events"}))
    )
    (configured, body), (published, _) = tenant.written
    assert (configured, published) == ("config", "publish")
    assert body == {
        "scope": {"add_scopes": [{"scope_name": "approval:approval", "token_type": "tenant"}]},
        "event": {"subscription_type": "websocket", "add_events": ["approval_instance"]},
    }


@pytest.mark.parametrize(
    ("paths", "calls"),
    [
        (["bot"], ["ability", "publish"]),
        (["scopes"], ["config", "publish"]),
        (["published"], ["publish"]),
        (["bot", "scopes", "events", "published"], ["ability", "config", "publish"]),
    ],
    ids=str,
)
async def test_a_field_that_does_not_differ_is_not_written(paths: list[str], calls: list[str]) -> None:
    tenant = Tenant(bot=False)
    desired = wanted()
    await AppWriter(tenant.client).write(Write(desired, await tenant.observed(desired), frozenset(paths)))
    assert [call for call, _ in tenant.written] == calls


async def test_events_arrive_the_way_the_spec_says() -> None:
    tenant = Tenant()
    tenant.answers = {"config": httpx.Response(200, json={"code": 0, "msg": "", "data": {}})}
    desired = wanted(transport="webhook")
    await AppWriter(tenant.client).write(Write(desired, await tenant.observed(desired), frozenset({"events"})))
    assert tenant.written[0][1]["event"] == {"subscription_type": "webhook", "add_events": ["approval_instance"]}


async def test_callbacks_to_an_address_that_the_console_does_not_hold_are_said_and_nothing_is_published() -> None:
    tenant = Tenant()
    desired = wanted(transport="webhook")
    with pytest.raises(SpecError, match="request_url is required") as caught:
        await AppWriter(tenant.client).write(Write(desired, await tenant.observed(desired), frozenset({"events"})))
    assert "console" in caught.value.next_step
    assert [call for call, _ in tenant.written] == ["config"]


async def test_scopes_events_and_people_who_have_the_app_keep_it() -> None:
    tenant = Tenant(events=["approval_task"])
    desired = wanted()
    before = await tenant.observed(desired)
    version = (await tenant.client.application.app()).online_version_id
    seen = (await tenant.client.application.version(version)).remark.visibility
    await AppWriter(tenant.client).write(Write(desired, before, ALL))
    after = await tenant.observed(desired)
    assert set(before.scopes or ()) < set(after.scopes or ())
    assert after.events == ("approval_instance", "approval_task")
    newest = (await tenant.client.application.app()).online_version_id
    assert newest != version
    assert (await tenant.client.application.version(newest)).remark.visibility == seen


async def test_a_version_that_waits_for_the_administrators_is_left_alone() -> None:
    tenant = Tenant()
    desired = wanted()
    live = await tenant.observed(desired)

    tenant.answers = {"config": httpx.Response(400, json={"code": 210040, "msg": "in review"})}
    with pytest.raises(ConflictError):
        await AppWriter(tenant.client).write(Write(desired, live, frozenset({"scopes"})))
    assert [call for call, _ in tenant.written] == ["config"]


async def test_an_app_is_never_deleted() -> None:
    tenant = Tenant()
    with pytest.raises(BugError):
        await AppWriter(tenant.client).write(Write(None, App("cli_a")))
    assert tenant.written == []
