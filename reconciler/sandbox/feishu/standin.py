"""The Feishu stand-in: one ASGI app for the open API, the long connection and the accounts host."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import json_text
from reconciler.sandbox.feishu.actions import Actions
from reconciler.sandbox.feishu.answers import CanonicalHeaders, respond
from reconciler.sandbox.feishu.callbacks import RequestUrls
from reconciler.sandbox.feishu.calls import HANDLERS
from reconciler.sandbox.feishu.connections import ClientConfig, LongConnections
from reconciler.sandbox.feishu.delivery import Disturbance
from reconciler.sandbox.feishu.events import Event
from reconciler.sandbox.feishu.gateway import Gateway
from reconciler.sandbox.feishu.registration import Registrations
from reconciler.sandbox.feishu.world import World
from reconciler.sandbox.seed import FeishuSeed

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class FeishuStandIn:
    """A Feishu tenant in memory, seen from outside only through `app`.

    `actions` are the acts of people and administrators, `connections`, `world.rates` and `world.tokens` have the knobs
    tests turn. `callback_transport` answers request URLs in process.
    """

    def __init__(
        self,
        seed: FeishuSeed,
        *,
        clock: SandboxClock,
        callback_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._request_urls = RequestUrls(clock, callback_transport)
        self.world = World(seed, clock=clock, carrier=self._carry)
        paced = ClientConfig(
            reconnect_interval=max(1, int(120 / clock.time_scale)), reconnect_nonce=int(30 / clock.time_scale)
        )
        self.connections = LongConnections(app_of=self.world.apps.get, config=paced)
        self.registrations = Registrations(self.world)
        self.actions = Actions(self.world, self.registrations)
        self._gateway = Gateway(
            self.world, connections=self.connections, request_urls=self._request_urls, handlers=HANDLERS
        )
        public = Starlette(
            routes=[
                Route("/callback/ws/endpoint", self._endpoint, methods=["POST"]),
                Route("/oauth/v1/app/registration", self._registration, methods=["POST"]),
                WebSocketRoute("/ws/v2", self.connections.serve),
                Route("/open-apis/{path:path}", self._gateway.serve, methods=_METHODS),
            ]
        )
        public.router.redirect_slashes = False
        self.app: ASGIApp = CanonicalHeaders(public)

    async def start(self) -> None:
        """Begin to deliver events."""
        self.world.delivery.start()

    async def stop(self) -> None:
        """Stop delivering, close every socket."""
        await self.world.delivery.stop()
        await self.connections.close_all()
        await self._request_urls.close()

    def caller_of(self, authorization: str | None) -> str | None:
        """The id of the app an Authorization header speaks for."""
        app = self._gateway.app_of(authorization)
        return app.app_id if app else None

    def has_app(self, app_id: str, secret: str) -> bool:
        """Whether an app with this secret exists."""
        app = self.world.apps.get(app_id)
        return app is not None and app.secret == secret

    def expire_tokens(self) -> None:
        """Every token issued so far is refused from now on."""
        self.world.tokens.expire_all()

    def drop_sockets(self) -> None:
        """Cut every long connection, as a network does."""
        self.connections.cut_all()

    def disturb_events(self, kind: Disturbance, times: int) -> None:
        """The next `times` events come twice, change places with the next one, or never come."""
        self.world.delivery.disturb(kind, times)

    async def _carry(self, event: Event) -> bool:
        app = self.world.apps.get(event.app_id)
        if app is None or app.online is None or not app.enabled:
            return False
        mode = app.online.callback_subscription if event.callback() else app.online.subscription
        if mode == "webhook":
            return await self._request_urls.deliver(app.online, event)
        return await self.connections.deliver(event)

    async def _endpoint(self, request: Request) -> Response:
        try:
            body = json_text.parse((await request.body()).decode())
        except ValueError:
            body = None
        answer = self.connections.endpoint(
            body if isinstance(body, dict) else {},
            authority=request.url.netloc,
            secure=request.url.scheme == "https",
        )
        return respond(answer, now=self._clock.now())

    async def _registration(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        origin = f"{request.url.scheme}://{request.url.netloc}"
        body, status = self.registrations.answer(form, origin=origin)
        return respond(body, now=self._clock.now(), status=status)
