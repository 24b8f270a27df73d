"""A stand-in small enough to see through: it counts what takes effect and answers with its caller's words."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.control import control_routes
from reconciler.sandbox.world import EventDisturbance, World


class TinyStandIn:
    """Satisfies both stand-in protocols."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.calls: list[tuple[object, ...]] = []
        methods = ["GET", "POST", "PATCH", "DELETE"]
        self.app: ASGIApp = Starlette(
            routes=[WebSocketRoute("/ws", self._talk), Route("/{path:path}", self._answer, methods=methods)]
        )

    async def _answer(self, request: Request) -> JSONResponse:
        self.effects.append(f"{request.method} {request.url.path}")
        return JSONResponse({"seen": request.url.path}, status_code=201, headers={"X-Tt-Logid": "1"})

    async def _talk(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.receive()

    async def start(self) -> None:
        self.calls.append(("start",))

    async def stop(self) -> None:
        self.calls.append(("stop",))

    def caller_of(self, authorization: str | None) -> str | None:
        return authorization.removeprefix("Bearer ") if authorization else None

    def expire_tokens(self) -> None:
        self.calls.append(("expire",))

    def drop_sockets(self) -> None:
        self.calls.append(("drop",))

    def disturb_events(self, kind: EventDisturbance, times: int) -> None:
        self.calls.append((kind, times))


class TinyWorld:
    """A world of two tiny stand-ins with clients for each of its faces."""

    def __init__(self) -> None:
        self.bytebase, self.feishu = TinyStandIn(), TinyStandIn()
        self.clocks = SandboxClock(source=lambda: 1000.0), SandboxClock(source=lambda: 1000.0)
        self.world = World(
            bytebase=self.bytebase,
            bytebase_clock=self.clocks[0],
            feishu=self.feishu,
            feishu_clock=self.clocks[1],
        )
        self.control_app = Starlette(routes=list(control_routes(self.world)))

    def client(self, app: ASGIApp) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


@pytest.fixture
def tiny() -> TinyWorld:
    return TinyWorld()


@pytest.fixture
def fault(tiny: TinyWorld) -> Callable[..., object]:
    """Post a fault and return the answer."""

    async def post(**fields: object) -> httpx.Response:
        async with tiny.client(tiny.control_app) as control:
            return await control.post("/sandbox/faults", json=fields)

    return post
