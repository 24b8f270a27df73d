"""The long connection's server side: the endpoint that hands out addresses, the sockets, events sent and acknowledged."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from reconciler.sandbox.feishu import idents, json_text
from reconciler.sandbox.feishu.answers import JsonObject
from reconciler.sandbox.feishu.apps import App
from reconciler.sandbox.feishu.events import Event
from reconciler.sandbox.feishu.frames import CONTROL, DATA, BadFrameError, Frame, decode, encode

MOST_CONNECTIONS = 50
ACK_SECONDS = 3.0

OK, BUSY, FORBIDDEN, AUTH_FAILED = 0, 1, 403, 514
INTERNAL, NO_CREDENTIAL, TOO_MANY, WRONG_DOMAIN = 1000040343, 1000040344, 1000040350, 1000040351

_MESSAGES = {
    BUSY: "system busy",
    FORBIDDEN: "forbidden",
    AUTH_FAILED: "auth failed",
    INTERNAL: "internal error",
    NO_CREDENTIAL: "app_id or app_secret is empty",
    TOO_MANY: "the number of connections exceeded the limit",
    WRONG_DOMAIN: "incorrect domain name",
}


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Pacing the server dictates to clients, in seconds; a count of -1 is for ever."""

    reconnect_count: int = -1
    reconnect_interval: int = 120
    reconnect_nonce: int = 30
    ping_interval: int = 120

    def wire(self) -> JsonObject:
        """As the endpoint and pongs carry it."""
        return {
            "ReconnectCount": self.reconnect_count,
            "ReconnectInterval": self.reconnect_interval,
            "ReconnectNonce": self.reconnect_nonce,
            "PingInterval": self.ping_interval,
        }


@dataclass(slots=True, eq=False)
class _Connection:
    app_id: str
    service_id: int
    socket: WebSocket
    waiting: dict[str, asyncio.Future[Frame]] = field(default_factory=dict)
    sequence: int = 0


class LongConnections:
    """All open sockets of all apps; each event goes to one of its app's, chosen at random."""

    def __init__(self, *, app_of: Callable[[str], App | None], config: ClientConfig, split_over: int = 60_000) -> None:
        self._app_of = app_of
        self.config = config
        self.split_over = split_over
        """Payloads longer than this many bytes are sent in parts."""
        self.ack_seconds = ACK_SECONDS
        self._tickets: dict[str, tuple[str, int]] = {}
        self._open: list[_Connection] = []
        self._refusals: list[int] = []
        self._handshake_refusals: list[tuple[int, int]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def count(self, app_id: str) -> int:
        """How many sockets the app has open."""
        return sum(connection.app_id == app_id for connection in self._open)

    def refuse_endpoint(self, code: int, times: int = 1) -> None:
        """The endpoint's next `times` answers carry this code."""
        self._refusals += [code] * times

    def refuse_handshake(self, status: int, auth_code: int = 0, times: int = 1) -> None:
        """The next `times` upgrades are refused with this `Handshake-Status` and `Handshake-Autherrcode`."""
        self._handshake_refusals += [(status, auth_code)] * times

    def endpoint(self, body: JsonObject, *, authority: str, secure: bool) -> JsonObject:
        """The answer of the bootstrap call: a socket address with a ticket, or a code that says why not."""
        app_id, secret = str(body.get("AppID") or ""), str(body.get("AppSecret") or "")
        code = self._refusals.pop(0) if self._refusals else self._refusal(app_id, secret)
        if code:
            return {"code": code, "msg": _MESSAGES.get(code, "failed"), "data": None}
        ticket, service_id = secrets.token_hex(16), 33554678
        self._tickets[ticket] = (app_id, service_id)
        query = {
            "fpid": "493",
            "aid": "552564",
            "device_id": idents.decimal(),
            "access_key": secrets.token_hex(16),
            "service_id": str(service_id),
            "ticket": ticket,
        }
        url = f"{'wss' if secure else 'ws'}://{authority}/ws/v2?{urlencode(query)}"
        return {"code": OK, "msg": "", "data": {"URL": url, "ClientConfig": self.config.wire()}}

    def _refusal(self, app_id: str, secret: str) -> int:
        if not app_id or not secret:
            return NO_CREDENTIAL
        app = self._app_of(app_id)
        if app is None or not secrets.compare_digest(app.secret.encode(), secret.encode()):
            return AUTH_FAILED
        if not app.enabled:
            return FORBIDDEN
        return TOO_MANY if self.count(app_id) >= MOST_CONNECTIONS else OK

    async def serve(self, socket: WebSocket) -> None:
        """One socket from its upgrade to its end."""
        known = self._tickets.get(socket.query_params.get("ticket", ""))
        app = self._app_of(known[0]) if known else None
        refused = self._handshake_refusals.pop(0) if self._handshake_refusals else None
        if refused is None and (known is None or app is None):
            refused = (AUTH_FAILED, AUTH_FAILED)
        elif refused is None and app is not None and not app.enabled:
            refused = (FORBIDDEN, 0)
        elif refused is None and known is not None and self.count(known[0]) >= MOST_CONNECTIONS:
            refused = (AUTH_FAILED, TOO_MANY)
        if refused is not None or known is None:
            await _deny(socket, *(refused or (AUTH_FAILED, AUTH_FAILED)))
            return
        await socket.accept()
        connection = _Connection(known[0], known[1], socket)
        self._open.append(connection)
        try:
            while True:
                await self._hear(connection, await socket.receive_bytes())
        except (WebSocketDisconnect, KeyError, RuntimeError):
            pass
        finally:
            self._forget(connection)

    def _forget(self, connection: _Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)
        for future in connection.waiting.values():
            if not future.done():
                future.cancel()

    async def _hear(self, connection: _Connection, content: bytes) -> None:
        try:
            frame = decode(content)
        except BadFrameError:
            return
        if frame.method == CONTROL and frame.header("type") == "ping":
            config = json.dumps(self.config.wire()).encode()
            pong = Frame(service=frame.service, method=CONTROL, headers=(("type", "pong"),), payload=config)
            await connection.socket.send_bytes(encode(pong))
        elif frame.method == DATA:
            future = connection.waiting.pop(frame.header("message_id"), None)
            if future is not None and not future.done():
                future.set_result(frame)

    async def deliver(self, event: Event) -> bool:
        """One attempt to hand the event to the app; true when it answers 200 in time."""
        candidates = [connection for connection in self._open if connection.app_id == event.app_id]
        if not candidates:
            return False
        connection = secrets.choice(candidates)
        message_id = idents.hexadecimal()
        future = asyncio.get_running_loop().create_future()
        connection.waiting[message_id] = future
        try:
            async with asyncio.timeout(self.ack_seconds):
                await self._send(connection, message_id, event.payload(""))
                return _acknowledged(await future)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return False
        except asyncio.CancelledError:
            if future.cancelled() and connection not in self._open:
                return False
            raise
        finally:
            connection.waiting.pop(message_id, None)

    async def _send(self, connection: _Connection, message_id: str, payload: bytes) -> None:
        parts = [payload[at : at + self.split_over] for at in range(0, len(payload), self.split_over)]
        trace_id = idents.hexadecimal()
        connection.sequence += 1
        for number, part in enumerate(parts):
            headers = (
                ("type", "event"),
                ("message_id", message_id),
                ("sum", str(len(parts))),
                ("seq", str(number)),
                ("trace_id", trace_id),
            )
            frame = Frame(
                seq_id=connection.sequence,
                log_id=int(idents.decimal()),
                service=connection.service_id,
                method=DATA,
                headers=headers,
                payload=part,
            )
            await connection.socket.send_bytes(encode(frame))

    def cut_all(self) -> None:
        """Cut every socket without waiting for anything."""
        for connection in list(self._open):
            self._forget(connection)
            closing = asyncio.get_running_loop().create_task(_close(connection.socket))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close_all(self) -> None:
        """Close every socket, as a restart of the platform's front end does."""
        self.cut_all()
        await asyncio.gather(*self._closing, return_exceptions=True)


async def _close(socket: WebSocket) -> None:
    if socket.client_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError):
            await socket.close(1001)


def _acknowledged(frame: Frame) -> bool:
    try:
        answer = json_text.parse((frame.payload or b"").decode())
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("code") == 200


async def _deny(socket: WebSocket, status: int, auth_code: int) -> None:
    headers = {"Handshake-Status": str(status), "Handshake-Msg": _MESSAGES.get(auth_code or status, "refused")}
    if auth_code:
        headers["Handshake-Autherrcode"] = str(auth_code)
    await socket.send_denial_response(Response(status_code=403, headers=headers))
