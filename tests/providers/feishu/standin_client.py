"""Our client before the Feishu stand-in, in one process, with a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from reconciler.providers.feishu.approvals import FeishuApprovals
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.definitions import definition_body
from reconciler.providers.feishu.live_definitions import DefinitionBinding
from reconciler.providers.feishu.people import MatchRules
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.resources.definition import DEFAULT_TITLE, FORM, Decision, Definition
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import FeishuSeed
from reconciler.secret import Secret
from reconciler.subjects import instance as facts

ALICE, BOB, CAROL = (f"ou_{number:032}" for number in (1, 2, 3))
SCOPES = [
    "approval:approval",
    "approval:approval:readonly",
    "contact:user.id:readonly",
    "contact:contact.base:readonly",
    "application:application:self_manage",
    "application:application:patch",
    "admin:app.info:readonly",
    "im:message:send_as_bot",
    "im:message.urgent",
    "event:ip_list",
]


def seed(*, scopes: list[str] | None = None, withdrawal: bool = True, bot: bool = True) -> FeishuSeed:
    return FeishuSeed.model_validate(
        {
            "apps": [
                {
                    "id": "cli_sandbox",
                    "secret": "sandbox",
                    "bot": bot,
                    "scopes": SCOPES if scopes is None else scopes,
                    "events": ["approval_instance", "approval_task", "approval.approval.updated_v4"],
                }
            ],
            "users": [
                {"email": "alice@example.com", "openId": ALICE, "name": "Alice"},
                {"email": "bob@example.com", "openId": BOB, "name": "Bob"},
                {"email": "carol@example.com", "openId": CAROL, "name": "Carol"},
                {"email": "hidden@example.com", "name": "Hidden", "visible": False},
            ],
            "tenant": {"withdrawal": withdrawal},
        }
    )


@dataclass
class Tenant:
    """A stand-in, our client of it, and the definition `stage-gate` in it."""

    standin: FeishuStandIn
    clock: SandboxClock
    client: FeishuClient
    code: str = ""
    stamp: str = ""

    def now(self) -> datetime:
        return self.clock.now()

    def approvals(self, *bindings: DefinitionBinding, rules: MatchRules | None = None) -> FeishuApprovals:
        bound = bindings or (DefinitionBinding("stage-gate", self.code, facts.Decision.ANY),)
        return FeishuApprovals(self.client, definitions=bound, rules=rules or MatchRules(), now=self.now)

    async def define(self, decision: Decision = "any", *, name: str = "stage-gate") -> str:
        definition = Definition(name, "acme", DEFAULT_TITLE, decision)
        self.stamp = definition.stamp
        self.code = await self.client.definitions.put(definition_body(definition))
        return self.code

    def request(
        self, approvers: list[str], *, uuid: str = "5c0b1f3e-0000-5000-8000-000000000001", submitter: str = CAROL
    ) -> facts.InstanceRequest:
        return facts.InstanceRequest(
            uuid=uuid,
            definition_code=self.code,
            node_key=self.stamp,
            submitter=submitter,
            approvers=tuple(facts.AskedPerson(f"{open_id}@x.example", open_id) for open_id in approvers),
            title=facts.FieldText("title", (("en-US", "Prod · #101"), ("zh-CN", "生产 · #101"))),
            form=tuple(facts.FieldText(widget.id, texts_of(widget.id)) for widget in FORM),
        )


def texts_of(widget: str) -> tuple[tuple[str, str], ...]:
    if widget in ("link", "digest"):
        return (("en-US", f"same for all: {widget}"), ("zh-CN", f"same for all: {widget}"))
    return (("en-US", f"English {widget}\nline 2"), ("zh-CN", f"中文 {widget} 😀\u200f"))


@asynccontextmanager
async def tenant(feishu_seed: FeishuSeed | None = None, *, secret: str = "sandbox") -> AsyncIterator[Tenant]:
    clock = SandboxClock()
    standin = FeishuStandIn(feishu_seed or seed(), clock=clock)
    settings = HttpSettings(
        transport=httpx.ASGITransport(app=standin.app), retry=RetryPolicy(attempts=2, first_wait=0.01, total=1.0)
    )
    platform = Platform.private("http://127.0.0.1")
    client = FeishuClient(platform, AppCredentials("cli_sandbox", Secret(secret)), settings=settings)
    await standin.start()
    try:
        yield Tenant(standin, clock, client)
    finally:
        await client.aclose()
        await standin.stop()


def later(tenant: Tenant, seconds: float) -> timedelta:
    tenant.clock.offset += seconds
    return timedelta(seconds=seconds)
