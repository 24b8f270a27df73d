"""A Feishu tenant in process: no port, no SDK, a clock the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fakes.feishu_scopes import ADMIN_SCOPES, EVENTS, SCOPES

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.seed import FeishuSeed

ALICE = "ou_" + "a" * 32
ALL_SCOPES = [*SCOPES, *ADMIN_SCOPES]


class MovedClock(SandboxClock):
    """A clock that only moves when told; its sleeps are over at once and remembered."""

    def __init__(self) -> None:
        self.seconds = 1_779_595_200.0
        self.slept: list[float] = []
        super().__init__(source=lambda: self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Desk:
    """One app's view of a tenant, over HTTP in process."""

    def __init__(self, seed: dict[str, Any], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.clock = MovedClock()
        self.stand_in = FeishuStandIn(FeishuSeed.model_validate(seed), clock=self.clock, callback_transport=transport)
        self.world = self.stand_in.world
        self.actions = self.stand_in.actions
        self.posted: list[tuple[str, str, str]] = []
        self.alice = ALICE
        self.answers: list[tuple[str, str, dict[str, Any]]] = []
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.stand_in.app), base_url="http://feishu")
        post = self.world.delivery.post

        def remember(event: Any) -> None:
            body = event.body["event"]
            self.posted.append((event.app_id, event.event_type, body.get("status", "")))
            post(event)

        self.world.delivery.post = remember  # type: ignore[method-assign]

    async def token(self, app_id: str = "cli_one", secret: str = "one") -> dict[str, Any]:
        body = {"app_id": app_id, "app_secret": secret}
        return dict((await self._http.post("/open-apis/auth/v3/tenant_access_token/internal", json=body)).json())

    async def log_in(self, app_id: str = "cli_one", secret: str = "one") -> None:
        self._http.headers["Authorization"] = f"Bearer {(await self.token(app_id, secret))['tenant_access_token']}"

    async def send(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return await self._http.request(method, f"/open-apis{path}", content=content, params=query)

    async def upload(self, path: str, **files: Any) -> httpx.Response:
        return await self._http.post(f"/open-apis{path}", files=files)

    async def raw(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return await self._http.request(method, path, **arguments)

    def header(self, name: str, value: str | None) -> None:
        if value is None:
            self._http.headers.pop(name, None)
        else:
            self._http.headers[name] = value

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        answer = dict((await self.send(method, path, body, **query)).json())
        self.answers.append((method, f"/open-apis{path}", answer))
        return answer

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        return await self.call("POST", path, body if body is not None else {}, **query)

    def open_id(self, email: str, app_id: str = "cli_one") -> str:
        person = self.world.directory.by_email(email)
        assert person is not None
        return self.world.directory.open_id(person, app_id)

    def bot(self, app_id: str = "cli_one") -> str:
        return self.world.directory.open_id(self.world.directory.bot(app_id), app_id)

    async def definition(self, mode: str = "OR", *, subscribe: bool = False, **changes: Any) -> str:
        answer = await self.post("/approval/v4/approvals", definition_body(mode, **changes))
        assert answer["code"] == 0, answer
        code = str(answer["data"]["approval_code"])
        if subscribe:
            assert (await self.post(f"/approval/v4/approvals/{code}/subscribe"))["code"] == 0
        return code

    async def ask(self, code: str, *people: str, **changes: Any) -> dict[str, Any]:
        body = {
            "approval_code": code,
            "open_id": self.bot(),
            "form": json.dumps([{"id": "change", "type": "input", "value": "#42"}]),
            "node_approver_open_id_list": [{"key": "gate", "value": list(people or (ALICE,))}],
        } | changes
        return await self.post("/approval/v4/instances", body)

    async def asked(self, code: str, *people: str, **changes: Any) -> str:
        answer = await self.ask(code, *people, **changes)
        assert answer["code"] == 0, answer
        return str(answer["data"]["instance_code"])

    async def read(self, name: str, **query: Any) -> dict[str, Any]:
        return dict((await self.get(f"/approval/v4/instances/{name}", **query))["data"])


def definition_body(mode: str = "OR", *, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    gate = {
        "id": "gate",
        "name": "@i18n@gate",
        "node_type": mode,
        "approver": [{"type": "Free"}],
        "approver_chosen_multi": True,
    }
    texts = [("@i18n@name", "Change"), ("@i18n@gate", "Gate"), ("@i18n@label", "Title")]
    return {
        "approval_name": "@i18n@name",
        "viewers": [{"viewer_type": "NONE"}],
        "form": {
            "form_content": json.dumps([{"id": "change", "type": "input", "name": "@i18n@label", "required": True}])
        },
        "node_list": [{"id": "START"}, gate, {"id": "END"}],
        "settings": {"revert_interval": 0} | (settings or {}),
        "i18n_resources": [
            {"locale": "en-US", "is_default": True, "texts": [{"key": key, "value": value} for key, value in texts]}
        ],
    } | changes


def seed_of(**first: Any) -> dict[str, Any]:
    return {
        "apps": [
            {"id": "cli_one", "secret": "one", "scopes": ALL_SCOPES, "events": EVENTS} | first,
            {"id": "cli_two", "secret": "two", "scopes": ALL_SCOPES, "events": EVENTS},
        ],
        "users": [
            {"email": "alice@example.com", "openId": ALICE, "name": "Alice"},
            {"email": "bob@example.com", "name": "Bob"},
            {"email": "carol@example.com", "name": "Carol"},
            {"email": "zoe@example.com", "visible": False},
        ],
    }


@pytest.fixture
async def make_desk() -> AsyncIterator[Callable[..., Any]]:
    """Open a tenant: `first` changes its first app, `tenant` its switches, `transport` answers request URLs."""
    desks: list[Desk] = []

    async def make(
        *, tenant: dict[str, Any] | None = None, transport: Any = None, log_in: bool = True, **first: Any
    ) -> Desk:
        desk = Desk(seed_of(**first) | ({"tenant": tenant} if tenant else {}), transport)
        desks.append(desk)
        if log_in:
            await desk.log_in()
        return desk

    yield make
    for desk in desks:
        await desk.stand_in.stop()


@pytest.fixture
async def desk(make_desk: Callable[..., Any]) -> Desk:
    return await make_desk()


@pytest.fixture
def body_of() -> Callable[..., dict[str, Any]]:
    return definition_body


@pytest.fixture
def moved_clock() -> MovedClock:
    return MovedClock()
