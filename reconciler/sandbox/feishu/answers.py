"""What the public face says: envelopes, the error object, and headers in the case Feishu sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.feishu import idents

JsonObject = dict[str, Any]

CONSOLE = "https://open.feishu.cn"

_CANONICAL = {
    b"content-type": b"Content-Type",
    b"content-length": b"Content-Length",
    b"date": b"Date",
    b"x-tt-logid": b"X-Tt-Logid",
    b"x-request-id": b"X-Request-Id",
}


class CallError(Exception):
    """An answer with `code` other than 0; without `status` the call's documentation decides the HTTP status."""

    def __init__(
        self,
        code: int,
        msg: str,
        *,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.status = status
        self.details = dict(details or {})
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Answer:
    """A success; `top` members stand beside `code` and `msg` instead of in `data` (token, bot info)."""

    data: JsonObject | None = None
    msg: str = "success"
    top: JsonObject = field(default_factory=dict)


def new_log_id(now: datetime) -> str:
    """A log id as support asks for it: time and 18 hexadecimal digits."""
    return now.strftime("%Y%m%d%H%M%S") + idents.hexadecimal(18).upper()


def success(answer: Answer, *, now: datetime) -> Response:
    """The HTTP answer of a success."""
    body: JsonObject = {"code": 0, "msg": answer.msg, **answer.top}
    if answer.data is not None:
        body["data"] = answer.data
    return respond(body, now=now, log_id=new_log_id(now))


def failed(failure: CallError, *, now: datetime, status: int, call: str = "") -> Response:
    """The HTTP answer of a failure, with the error object real answers carry."""
    log_id = new_log_id(now)
    error: JsonObject = {
        "log_id": log_id,
        "troubleshooter": (
            f"排查建议查看(Troubleshooting suggestions): {CONSOLE}/search?from=openapi"
            f"&log_id={log_id}&code={failure.code}&method_id={idents.derived(call)[:19]}"
        ),
        **failure.details,
    }
    body = {"code": failure.code, "msg": failure.msg, "error": error}
    return respond(body, now=now, log_id=log_id, status=status, headers=failure.headers)


def respond(
    body: Mapping[str, Any],
    *,
    now: datetime,
    log_id: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON answer with log id, request id and the stand-in's own date."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(
        content,
        status_code=status,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "X-Tt-Logid": log_id or new_log_id(now),
            "X-Request-Id": idents.hexadecimal(),
            "Date": format_datetime(now, usegmt=True),
            **(headers or {}),
        },
    )


class CanonicalHeaders:
    """Wraps the app so that header names leave it in Feishu's case; clients exist that look them up by exact name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""

        async def send_canonical(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = [(_CANONICAL.get(bytes(key).lower(), key), value) for key, value in message.get("headers", ())]
                message = {**message, "headers": named}
            await send(message)

        await self._app(scope, receive, send_canonical)
