"""The frame around a stand-in: every request is logged, meets its fault, and is answered in canonical header case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.fault_answers import FaultAnswer, malformed_answer, status_answer
from reconciler.sandbox.faults import FaultBoard, RequestFault
from reconciler.sandbox.requests import LoggedRequest, RequestLog, Target

Cut = Callable[[Scope], bool]
"""Closes the connection a request came on, without an answer; false where there is none (in process)."""


class Frame:
    """An ASGI app around a stand-in's own."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        target: Target,
        log: RequestLog,
        faults: FaultBoard,
        caller_of: Callable[[str | None], str | None],
    ) -> None:
        self._app = app
        self._target: Target = target
        self._log = log
        self._faults = faults
        self._caller_of = caller_of
        self.cut: Cut = lambda _scope: False
        """Set by the server that serves this app; in process a cut is an exception in the caller."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket, which is logged but meets no fault here."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        entry = self._arrived(scope)
        fault = None
        if scope["type"] == "http":
            fault = self._faults.take(target=self._target, method=entry.method, path=entry.path)
        if fault is not None and fault.seconds:
            await asyncio.sleep(fault.seconds)
        send = _canonical(_noting_status(send, entry))
        match fault:
            case RequestFault(fault="status"):
                await _answer(send, status_answer(self._target, entry.path, fault.status))
            case RequestFault(fault="drop"):
                await self._break(scope, receive)
            case RequestFault(fault="loseAnswer"):
                await self._app(scope, receive, _noting_status(_nowhere, entry))
                await self._break(scope, receive)
            case RequestFault(fault="malformed"):
                await self._app(scope, receive, _nowhere)
                await _answer(send, malformed_answer())
            case _:
                await self._app(scope, receive, send)

    def _arrived(self, scope: Scope) -> LoggedRequest:
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization")
        return self._log.arrive(
            target=self._target,
            method=scope.get("method", "GET"),
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            caller=self._caller_of(authorization.decode("latin-1") if authorization else None),
        )

    async def _break(self, scope: Scope, receive: Receive) -> None:
        if not self.cut(scope):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        while (await receive())["type"] != "http.disconnect":
            pass


async def _nowhere(message: Message) -> None:
    """An answer that nobody gets."""


def _noting_status(send: Send, entry: LoggedRequest) -> Send:
    async def note(message: Message) -> None:
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                entry.status = message["status"]
            case "websocket.accept":
                entry.status = 101
            case "websocket.close" if entry.status is None:
                entry.status = 403
            case _:
                pass
        await send(message)

    return note


def _canonical(send: Send) -> Send:
    """Both real servers write `Content-Type`, not `content-type`; a client that reads bytes can tell."""

    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (b"-".join(part.capitalize() for part in bytes(name).split(b"-")), value)
                for name, value in message["headers"]
            ]
            message = {**message, "headers": headers}
        await send(message)

    return write


async def _answer(send: Send, answer: FaultAnswer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
