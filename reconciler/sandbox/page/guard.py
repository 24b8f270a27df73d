"""Only this machine's own browser may use the page: a foreign Host or Origin is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class LoopbackGuard:
    """Refuses requests whose Host is not loopback (a rebound name) or whose Origin is another site's (a forged form)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http":
            reason = _foreign(Headers(scope=scope))
            if reason:
                await PlainTextResponse(f"Refused: {reason}.\n", status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _foreign(headers: Headers) -> str | None:
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in _LOOPBACK:
        return "this page answers to loopback names only"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "the request comes from another site"
    if headers.get("sec-fetch-site") == "cross-site":
        return "the request comes from another site"
    return None
