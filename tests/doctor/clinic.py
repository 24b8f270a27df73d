"""Doctor before both stand-ins in one process: a healthy company, and whatever a test makes wrong with it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from fakes.declarative_specs import target_of

from reconciler.adapters.clock import SystemClock
from reconciler.cli.match_rules import match_rules
from reconciler.cli.wiring import Upstreams, readers_of
from reconciler.cli.wiring_doctor import console_of
from reconciler.cli.wiring_gates import bindings_of
from reconciler.errors import CredentialsError, ReconcilerError
from reconciler.operations.doctor import DoctorRequest, examine
from reconciler.ports.setup import DoctorPorts, OtherAccount
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.feishu.approvals import FeishuApprovals
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.definitions import definition_body
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.feishu.probe import FeishuProbe
from reconciler.providers.feishu.setup import FeishuSetup
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.resources.base import Key
from reconciler.resources.definition import DEFAULT_TITLE, Definition
from reconciler.resources.record import AppliedRecord
from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import Seed
from reconciler.secret import Secret
from reconciler.setup.check import Check, Examination, Status

NEEDED = ["approval:approval", "approval:approval:readonly", "contact:user.id:readonly"]
SELF_MANAGE = "application:application:self_manage"

SEED: dict[str, Any] = {
    "bytebase": {
        "licence": "ENTERPRISE",
        "users": [
            {"email": "admin@example.com", "password": "Passw0rd!"},
            {"email": "alice@example.com", "password": "Passw0rd!"},
        ],
        "serviceAccounts": [
            {"id": "gitops", "key": "bbs_gitops"},
            {"id": "sync", "key": "bbs_sync"},
            {"id": "oa", "key": "bbs_oa"},
        ],
        "workspaceIam": [
            {
                "role": "roles/workspaceAdmin",
                "members": ["user:admin@example.com", "serviceAccount:gitops@service.bytebase.com"],
            },
        ],
        "rolloutPolicies": {"prod": {"automatic": False, "roles": ["roles/projectReleaser"]}},
        "projects": [
            {
                "id": "demo",
                "iam": [
                    {
                        "role": "roles/projectReleaser",
                        "members": ["user:alice@example.com", "serviceAccount:sync@service.bytebase.com"],
                    }
                ],
            }
        ],
    },
    "feishu": {
        "apps": [
            {"id": "cli_sandbox", "secret": "sandbox", "scopes": [*NEEDED, SELF_MANAGE]},
            {"id": "cli_maker", "secret": "maker"},
        ],
        "users": [{"email": "alice@example.com", "name": "Alice"}],
    },
}

SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: http://127.0.0.1:7001
    credentials:
      plan: {serviceAccount: gitops@service.bytebase.com, key: {env: PLAN_KEY}}
      sync: {serviceAccount: sync@service.bytebase.com, key: {env: SYNC_KEY}}
  feishu:
    platform: {openApi: http://127.0.0.1:7002}
    app: {id: cli_sandbox, secret: {env: FEISHU_APP_SECRET}}
    definitions:
      - {name: stage-gate, code: CODE}
  gates:
    - {name: prod, at: stage, match: {projects: [demo], environments: [prod]}, decide: {definition: stage-gate}}
"""
"""`CODE` becomes the code of a definition that exists."""


class Memory:
    """What the store remembers."""

    def __init__(self, *records: AppliedRecord) -> None:
        self._records = {record.key: record for record in records}

    async def records(self, integration: str) -> Mapping[Key, AppliedRecord]:
        return self._records

    async def workspace(self, identity: str) -> str | None:
        return None


@dataclass
class Clinic:
    """What is examined, and how it is sick. `sicken` gets both stand-ins before anything is read."""

    spec: str = SPEC
    seed: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(SEED))
    key: str = "bbs_gitops"
    sync_key: str | None = "bbs_sync"
    secret: str | None = "sandbox"
    memory: Memory = field(default_factory=Memory)
    sicken: Callable[[BytebaseStandIn, FeishuStandIn], None] = lambda bytebase, feishu: None
    wrap: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda transport: transport
    skew: float = 0.0
    integration: str = "acme"
    last_event: datetime | None = None
    siblings: frozenset[str] = frozenset({"acme"})
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def app(self) -> dict[str, Any]:
        return self.seed["feishu"]["apps"][0]

    async def examine(self, *, probe: str | None = None) -> Examination:
        seed = Seed.model_validate(self.seed)
        clock = SandboxClock()
        bytebase_standin = BytebaseStandIn(seed.bytebase, clock=clock)
        feishu_standin = FeishuStandIn(seed.feishu, clock=clock)
        async with AsyncExitStack() as stack:
            for standin in (bytebase_standin, feishu_standin):
                await standin.start()
                stack.push_async_callback(standin.stop)
            target = target_of(self.spec.replace("CODE", await self._define(feishu_standin)))
            self.sicken(bytebase_standin, feishu_standin)
            clock.offset += self.skew
            ours = SystemClock()

            def settings(app: Any) -> HttpSettings:
                transport = self.wrap(_Noting(httpx.ASGITransport(app=app), self.requests))
                retry = RetryPolicy(attempts=2, first_wait=0.001, total=0.5)
                return HttpSettings(transport=transport, retry=retry, on_date=ours.observe)

            async def bytebase(account: str, key: str) -> BytebaseClient:
                credentials = ServiceAccount(f"{account}@service.bytebase.com", Secret(key))
                connection = BytebaseConnection(url=target.spec.bytebase.url, credentials=credentials)
                return await stack.enter_async_context(BytebaseClient(connection, http=settings(bytebase_standin.app)))

            feishu: FeishuClient | None = None
            if self.secret is not None and target.spec.feishu is not None and target.spec.feishu.app is not None:
                credentials = AppCredentials(target.spec.feishu.app.id, Secret(self.secret))
                client = FeishuClient(
                    Platform.private("http://127.0.0.1:7002"), credentials, settings=settings(feishu_standin.app)
                )
                feishu = await stack.enter_async_context(client)
            has_app = target.spec.feishu is not None and target.spec.feishu.app is not None
            bindings = bindings_of(target, await self.memory.records("acme"))
            sync = await bytebase("sync", self.sync_key or "")
            ports = DoctorPorts(
                bytebase=readers_of(target, Upstreams.of(await bytebase("gitops", self.key), feishu), self.memory),
                feishu=FeishuSetup(feishu, integration="acme", bindings=bindings, now=clock.now)
                if feishu is not None
                else _lacks("FEISHU_APP_SECRET")
                if has_app
                else None,
                applied=self.memory,
                skews=ours.skews,
                now=clock.now,
                last_event=self._last_event,
                accounts=[
                    OtherAccount(
                        "sync",
                        "sync@service.bytebase.com",
                        lambda: _sign_in(sync),
                        None if self.sync_key is not None else _lacks("SYNC_KEY"),
                    )
                ],
                probe=FeishuProbe(
                    feishu,
                    FeishuApprovals(feishu, definitions=bindings, rules=match_rules(target.spec.users), now=clock.now),
                )
                if probe is not None and feishu is not None
                else None,
            )
            self.requests.clear()
            return await examine(DoctorRequest(target, self.siblings, probe, patience=0.05), ports, console_of(target))

    async def lines(self, *, probe: str | None = None) -> dict[str, Check]:
        """The checks by id."""
        return {check.id: check for check in (await self.examine(probe=probe)).checks}

    async def _define(self, standin: FeishuStandIn) -> str:
        """A definition of ours, made by an app that may."""
        settings = HttpSettings(transport=httpx.ASGITransport(app=standin.app))
        maker = AppCredentials("cli_maker", Secret("maker"))
        async with FeishuClient(Platform.private("http://127.0.0.1:7002"), maker, settings=settings) as client:
            definition = Definition("stage-gate", self.integration, DEFAULT_TITLE, "any")
            return await client.definitions.put(definition_body(definition))

    async def _last_event(self) -> datetime | None:
        return self.last_event


class _Noting(httpx.AsyncBaseTransport):
    """Notes every request."""

    def __init__(self, inner: httpx.AsyncBaseTransport, seen: list[tuple[str, str]]) -> None:
        self._inner = inner
        self._seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.append((request.method, request.url.path))
        return await self._inner.handle_async_request(request)


async def _sign_in(client: BytebaseClient) -> None:
    await client.iam.me()


def _lacks(name: str) -> ReconcilerError:
    return CredentialsError(f"environment variable {name} is not set", next_step=f"set {name}")


def shown(check: Check) -> str:
    """A check as one line, without what differs from run to run."""
    text = f"{check.status.value}: {check.cause}"
    if check.status is not Status.OK:
        text += f" | {check.fix} | {check.link}"
    text = re.sub(r", log id [0-9A-Fa-f-]+", "", text)
    return re.sub(r"\b[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\b", "CODE", text)
