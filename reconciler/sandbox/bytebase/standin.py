"""The stand-in itself: one ASGI app with both faces, its world, and its own progress in the background."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reconciler.sandbox.bytebase.call import Handlers, RpcError
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.seeding import world_from_seed
from reconciler.sandbox.bytebase.services import Deps, collect
from reconciler.sandbox.bytebase.tokens import Tokens
from reconciler.sandbox.bytebase.wire.encode import to_json
from reconciler.sandbox.bytebase.wire.errors import connect_error, rest_error
from reconciler.sandbox.bytebase.wire.gateway import Answered, Credentials, Gateway
from reconciler.sandbox.bytebase.wire.routes import is_known_path, match
from reconciler.sandbox.bytebase.wire.shapes import shapes
from reconciler.sandbox.bytebase.world import World
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import BytebaseSeed

ImCredentials = Callable[[str, str, str], bool]
"""(type, app id, secret) → whether the IM accepts them."""
_CONNECT = "/bytebase.v1."
_PAGE = "<!doctype html><title>Bytebase</title><p>This build has no web interface."


class BytebaseStandIn:
    """Answers like Bytebase 3.21.1. `im_credentials` None: the IM hosts cannot be reached from here."""

    def __init__(self, seed: BytebaseSeed, *, clock: SandboxClock, im_credentials: ImCredentials | None = None) -> None:
        self.world: World = world_from_seed(seed, clock.now())
        self._clock = clock
        self._tokens = Tokens()
        self.progress = Progress(self.world, clock)
        handlers: Handlers = collect(Deps(self.world, self._tokens, self.progress, im_credentials))
        self._gateway = Gateway(self.world, handlers, self._tokens, clock)
        routes = [
            Route("/{path:path}", self._serve, methods=["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"])
        ]
        self.app: ASGIApp = Starlette(routes=routes)

    async def start(self) -> None:
        """Let checks, reviews, rollouts and tasks make progress."""
        await self.progress.start()

    async def stop(self) -> None:
        """End all progress."""
        await self.progress.stop()

    def caller_of(self, authorization: str | None) -> str | None:
        """The e-mail behind an Authorization header, for the request log."""
        return self._tokens.email_of(authorization)

    def expire_tokens(self) -> None:
        """All tokens issued so far answer 401 from now on."""
        self._tokens.expire_all()

    async def _serve(self, request: Request) -> Response:
        response = await self._answer(request)
        response.headers["Date"] = format_datetime(self._clock.now(), usegmt=True)
        return response

    async def _answer(self, request: Request) -> Response:
        path = (
            request.scope["raw_path"].decode("ascii").partition("?")[0]
            if "raw_path" in request.scope
            else request.url.path
        )
        if path.startswith(_CONNECT):
            return await self._connect(request, path)
        if path.startswith("/v1/"):
            return await self._rest(request, path)
        if path == "/healthz":
            return Response("OK", media_type="text/plain")
        return Response(_PAGE, media_type="text/html")

    async def _rest(self, request: Request, path: str) -> Response:
        verb = request.method
        found = match(verb, path)
        if found is None:
            status = 405 if is_known_path(path) else 404
            text = f"not_found: gateway routing error {status}: request method {verb}, URI {path}"
            return _json(status, {"code": 2, "message": text})
        try:
            body = await request.body()
            asked = self._gateway.rest_request(found, request.url.query, body, _credentials(request))
            return _answered(self._gateway.answer(asked))
        except RpcError as error:
            status, shown = rest_error(error)
            response = _json(status, shown)
            if status == 401:
                response.headers["WWW-Authenticate"] = error.message
            return response

    async def _connect(self, request: Request, path: str) -> Response:
        service, _, name = path.removeprefix(_CONNECT).partition("/")
        known = any(method.startswith(f"{service}/") for method in shapes().methods)
        if not known:
            response = _json(405, {"message": "Method Not Allowed"})
            response.headers["Allow"] = "OPTIONS, GET"
            return response
        method = shapes().methods.get(f"{service}/{name}")
        if method is None:
            return Response("404 page not found\n", status_code=404, media_type="text/plain")
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return Response(status_code=415, headers={"Accept-Post": "application/json"})
        try:
            body = await request.body()
            asked = self._gateway.connect_request(method, body, _credentials(request))
            response = _answered(self._gateway.answer(asked))
        except RpcError as error:
            status, shown = connect_error(error)
            response = _json(status, shown)
        if "gzip" in request.headers.get("accept-encoding", "") and len(response.body) > 1024:
            response.body = gzip.compress(bytes(response.body), 1)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
        return response


def _credentials(request: Request) -> Credentials:
    return Credentials(
        authorization=request.headers.get("authorization"),
        access_cookie=request.cookies.get("access-token", ""),
        refresh_cookie=request.cookies.get("refresh-token", ""),
    )


def _answered(answered: Answered) -> Response:
    response = _json(200, answered.message)
    for name, value in answered.cookies.items():
        response.set_cookie(name, value, path="/", httponly=True, samesite="lax")
    return response


def _json(status: int, value: object) -> Response:
    return Response(to_json(value), status_code=status, media_type="application/json")
