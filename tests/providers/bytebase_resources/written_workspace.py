"""A workspace of the stand-in, our client on it with a log of what it wrote, and a look at everything that can change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import BytebaseSeed, load_seed
from reconciler.secret import Secret

URL = "http://127.0.0.1:1"
HOOK = "https://open.feishu.cn/open-apis/bot/v2/hook/canary"
SEED = """
bytebase:
  licence: LICENCE
  users:
    - {email: admin@example.com, password: Passw0rd!, title: Admin}
    - {email: alice@example.com, password: Passw0rd!, title: Alice}
  serviceAccounts:
    - {id: gitops, key: bbs_gitops, title: GitOps}
    - {id: bare, key: bbs_bare, title: Bare}
  roles: [{id: oa, title: OA, permissions: [bb.issues.get]}]
  workspaceIam:
    - {role: roles/workspaceAdmin, members: ["user:admin@example.com", "serviceAccount:gitops@service.bytebase.com"]}
    - {role: roles/workspaceMember, members: ["serviceAccount:bare@service.bytebase.com"]}
  environments: [{id: test, title: Test}, {id: prod, title: Prod}]
  rolloutPolicies: {prod: {automatic: true, roles: [roles/projectReleaser]}}
  projects:
    - {id: demo, title: Demo, iam: [{role: roles/projectOwner, members: ["user:alice@example.com"]}]}
    - {id: other, title: Other}
"""
_LOOKS = (
    "settings/APP_IM",
    "settings/WORKSPACE_APPROVAL",
    "settings/ENVIRONMENT",
    "settings/WORKSPACE_PROFILE",
    "environments/test/policies/rollout_policy",
    "environments/prod/policies/rollout_policy",
    "projects/demo",
    "projects/other",
    "projects/demo:getIamPolicy",
    "projects/other:getIamPolicy",
    "WORKSPACE:getIamPolicy",
    "roles/oa",
    "roles/new",
)


@dataclass(frozen=True)
class Sent:
    """One write as it went over the wire."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


@cache
def _seed(licence: str) -> BytebaseSeed:
    return load_seed(SEED.replace("LICENCE", licence), "seed.yaml").bytebase


async def _no_wait(seconds: float) -> None:
    """Retries need not wait here."""


class _Watched(httpx.AsyncBaseTransport):
    """The stand-in in process. `before` is called with each request; what it returns is the answer instead."""

    def __init__(self, stand_in: BytebaseStandIn) -> None:
        self._inner = httpx.ASGITransport(stand_in.app)
        self.sent: list[Sent] = []
        self.reads: list[str] = []
        self.before: Callable[[Sent], httpx.Response | Exception | None] = lambda sent: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/login":
            return await self._inner.handle_async_request(request)
        body = json.loads(request.content) if request.content else None
        call = Sent(request.method, request.url.path, dict(request.url.params), body)
        if request.method == "GET" or call.path == "/v1/projects:search":
            self.reads.append(call.path.removeprefix("/v1/"))
        else:
            self.sent.append(call)
        found = self.before(call)
        if isinstance(found, Exception):
            raise found
        return found if found is not None else await self._inner.handle_async_request(request)


class WrittenWorkspace:
    """The stand-in, `client` (may do everything) and `bare` (may do nothing) on it, and `sent`, what they wrote."""

    def __init__(self, licence: str = "ENTERPRISE") -> None:
        self._stand_in = BytebaseStandIn(
            _seed(licence), clock=SandboxClock(), im_credentials=lambda _type, _app, secret: secret.startswith("good")
        )
        self._wire = _Watched(self._stand_in)
        self.client = self.account("gitops")
        self.bare = self.account("bare")
        self._admin = httpx.AsyncClient(transport=httpx.ASGITransport(self._stand_in.app), base_url=f"{URL}/v1")
        self._workspace = ""

    @property
    def sent(self) -> list[Sent]:
        return self._wire.sent

    @property
    def reads(self) -> list[str]:
        return self._wire.reads

    def account(self, name: str) -> BytebaseClient:
        settings = HttpSettings(transport=self._wire, retry=RetryPolicy(sleep=_no_wait))
        account = ServiceAccount(f"{name}@service.bytebase.com", Secret(f"bbs_{name}"))
        return BytebaseClient(BytebaseConnection(URL, account), http=settings)

    def answer(self, before: Callable[[Sent], httpx.Response | Exception | None]) -> None:
        self._wire.before = before

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """One call of the administrator, outside of the log."""
        if not self._workspace:
            person = {"email": "admin@example.com", "password": "Passw0rd!"}
            token = (await self._admin.post("/auth/login", json=person)).json()["token"]
            self._admin.headers["Authorization"] = f"Bearer {token}"
            self._workspace = (await self._admin.get("/actuator/info")).json()["workspace"]
        name = path.replace("WORKSPACE:", f"{self._workspace}:")
        return await self._admin.request(method, f"/{name}", json=body, params=query)

    async def everything(self) -> dict[str, Any]:
        """What stands under each name that these writers could touch; times of change left out."""
        return {path: _untimed((await self.ask("GET", path)).json()) for path in _LOOKS}

    async def changed(self, before: dict[str, Any]) -> dict[str, Any]:
        """The names under which something else stands now, and what."""
        now = await self.everything()
        return {path: now[path] for path in now if now[path] != before[path]}

    async def aclose(self) -> None:
        for client in (self.client, self.bare):
            await client.aclose()
        await self._admin.aclose()


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untimed(each) for key, each in value.items() if key not in ("updateTime", "etag")}
    return [_untimed(each) for each in value] if isinstance(value, list) else value
