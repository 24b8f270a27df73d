"""What the daemon answers over HTTP: health, metrics, callbacks that only wake keys, and the read-only page."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from reconciler.daemon.access import Access
from reconciler.daemon.host import Host
from reconciler.daemon.metrics import CONTENT_TYPE
from reconciler.daemon.page.render import render_live_part, render_page
from reconciler.daemon.page.view import TargetView, view_of
from reconciler.daemon.parts import HttpAnswer
from reconciler.errors import ReconcilerError

MAX_BODY = 1_000_000
"""Bytes of a callback that are read at all."""

MAX_STREAMS = 32
LIVE_SECONDS = 1.0
QUIET_SECONDS = 15

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Endpoint = Callable[[Request], Awaitable[Response]]


class HttpFace:
    """The routes over one host. `stop` ends every open stream, so that none holds up the shutdown."""

    def __init__(self, host: Host, *, access: Access, stop: asyncio.Event) -> None:
        self._host = host
        self._access = access
        self._stop = stop
        self._streams = 0

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._private(self._metrics)),
                Route("/", self._private(self._page)),
                Route("/live", self._private(self._live)),
                Route("/events/feishu", self._feishu, methods=["POST"]),
                Route("/external/{name}", self._external, methods=["POST"]),
            ]
        )

    def _private(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            if not self._access.knows_host(request.headers.get("host", "")):
                return PlainTextResponse("this host name is not ours\n", status_code=421)
            if not self._access.admits(request.headers.get("authorization", "")):
                challenge = {"WWW-Authenticate": 'Basic realm="reconciler", charset="UTF-8"'}
                return PlainTextResponse("the secret is required\n", status_code=401, headers=challenge)
            return await endpoint(request)

        return checked

    async def _healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, request: Request) -> Response:
        reasons = self._host.reasons()
        may_know = self._access.knows_host(request.headers.get("host", "")) and self._access.admits(
            request.headers.get("authorization", "")
        )
        body = {"ready": not reasons, "reasons": list(reasons) if may_know else []}
        return JSONResponse(body, status_code=503 if reasons else 200, headers=_HEADERS)

    async def _metrics(self, _request: Request) -> Response:
        metrics = self._host.metrics
        self._host.show_metrics()
        for runner in self._host.runners.values():
            with suppress(ReconcilerError):
                counts = await runner.target.agenda.counts()
                metrics.show_target(runner.target.name, entries=counts, skew=runner.target.clock.skew())
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    async def _page(self, _request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        views, reasons = await self._views()
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        page = render_page(views, reasons=reasons, nonce=nonce)
        return HTMLResponse(page, headers={**_HEADERS, "Content-Security-Policy": policy})

    async def _live(self, _request: Request) -> Response:
        if self._streams >= MAX_STREAMS:
            return PlainTextResponse("too many viewers\n", status_code=503, headers={"Retry-After": "30"})
        return StreamingResponse(self._parts(), media_type="text/event-stream", headers=_HEADERS)

    async def _parts(self) -> AsyncIterator[str]:
        """The live part whenever something changed, until the viewer leaves or the daemon stops."""
        self._streams += 1
        try:
            seen: object = None
            quiet = 0
            while not self._stop.is_set():
                version = await self._version()
                quiet += 1
                if version != seen:
                    seen, quiet = version, 0
                    views, reasons = await self._views()
                    yield _event("page", render_live_part(views, reasons=reasons))
                elif quiet >= QUIET_SECONDS:
                    quiet = 0
                    yield ": still here\n\n"
                with suppress(TimeoutError):
                    async with asyncio.timeout(LIVE_SECONDS):
                        await self._stop.wait()
        finally:
            self._streams -= 1

    async def _version(self) -> object:
        versions: list[object] = [self._host.reasons()]
        for name, runner in self._host.runners.items():
            with suppress(ReconcilerError):
                versions.append((name, await runner.target.agenda.version()))
        return tuple(versions)

    async def _views(self) -> tuple[list[TargetView], list[str]]:
        views, reasons = [], list(self._host.reasons())
        for name, runner in sorted(self._host.runners.items()):
            try:
                views.append(await view_of(runner.target))
            except ReconcilerError as error:
                reasons.append(f"{name}: {error}")
        return views, reasons

    async def _feishu(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _answer(HttpAnswer(413, {}))
        refused = HttpAnswer(404, {})
        for runner in list(self._host.runners.values()):
            if runner.target.feishu_callback is None:
                continue
            answer, hint = await runner.target.feishu_callback(request.headers, body)
            if hint is not None:
                runner.hint(hint)
            if answer.status < 400:
                return _answer(answer)
            refused = answer
        return _answer(refused)

    async def _external(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _answer(HttpAnswer(413, {}))
        accepted, refused = None, HttpAnswer(404, {})
        for runner in list(self._host.runners.values()):
            callback = runner.target.external_callbacks.get(request.path_params["name"])
            if callback is None:
                continue
            # One node may serve several targets with one key: each looks whether the approval is its own.
            answer, subject = await callback(request.headers, body)
            if subject is not None:
                runner.wake([subject])
            if answer.status < 400:
                accepted = answer
            else:
                refused = answer
        return _answer(accepted or refused)


async def _body(request: Request) -> bytes | None:
    """The whole body, None when it is too large to be read."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(answer: HttpAnswer) -> Response:
    return JSONResponse(dict(answer.body), status_code=answer.status)


def _event(name: str, text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n"
