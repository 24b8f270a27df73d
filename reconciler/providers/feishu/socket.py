"""Feishu's long connection (facts §4.4): events arrive without any port open to the internet, and only wake keys.

Every event is acknowledged before anything is done with it. Whatever arrives, and however the connection ends, the loop
goes on; only `stop` or the cancellation of `run` ends it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException

from reconciler.errors import BugError, CredentialsError, ReconcilerError, RefusedError, SpecError, UnavailableError
from reconciler.providers.feishu.calls.connection import connection_error
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.events import FeishuEvent, load_json_object, read_event
from reconciler.providers.feishu.frames import CONTROL, DATA, Frame, decode_frame, encode_frame
from reconciler.providers.feishu.parts import PartBuffer
from reconciler.providers.feishu.wire.connection import ConnectionOffer, Pacing
from reconciler.providers.http_tls import is_loopback

log = logging.getLogger("reconciler.feishu.socket")
_wire_log = logging.getLogger("reconciler.feishu.socket.wire")
_wire_log.setLevel(logging.WARNING)  # the library's own lines hold the URL, and the URL holds secrets

MAX_EVENT = 1_000_000
"""Bytes of an event that are read; a larger one is acknowledged and dropped."""

_MAX_MESSAGE = 16 * 1024 * 1024
_ACK = b'{"code": 200}'
_OPEN_TIMEOUT, _CLOSE_TIMEOUT, _FIRST_WAIT = 10.0, 0.4, 1.0
_LASTING = (CredentialsError, SpecError, RefusedError)


@dataclass(slots=True)
class SocketState:
    """How the connection stands, for readiness and doctor. Times are of the monotonic clock, None = never.

    `problem` is the last failure while not connected; `problem_lasts` tells that somebody has to change something.
    """

    is_connected: bool = False
    connections: int = 0
    last_frame: float | None = None
    last_event: float | None = None
    problem: ReconcilerError | None = None
    problem_lasts: bool = False


class LongConnection:
    """Keeps one long connection of one app open and tells `on_event` of every event.

    `on_event` must only note something down: it runs in the reading task. `open_connection` asks Feishu where to
    connect. `pacing` holds until the server names its own; `jitter` returns a number in [0, 1).
    """

    def __init__(
        self,
        open_connection: Callable[[], Awaitable[ConnectionOffer]],
        *,
        caller: Caller,
        on_event: Callable[[FeishuEvent], None],
        tls: ssl.SSLContext | None = None,
        pacing: Pacing | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.state = SocketState()
        self._open_connection = open_connection
        self._caller = caller
        self._on_event = on_event
        self._tls = tls
        self._monotonic = monotonic
        self._jitter = jitter
        self._pacing = pacing or Pacing()
        self._parts = PartBuffer()
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Connect, read, reconnect, for ever."""
        self._running = asyncio.current_task()
        failures = 0
        while True:
            connections = self.state.connections
            try:
                await self._connect_and_read()
                problem: ReconcilerError = UnavailableError("Feishu closed the long connection")
            except ReconcilerError as error:
                problem = error
            except Exception as error:  # noqa: BLE001  # a connection that silently never comes back is the worst outcome
                problem = BugError("the long connection failed in an unforeseen way", why=type(error).__name__)
            finally:
                self.state.is_connected = False
            failures = 0 if self.state.connections > connections else failures + 1
            self._note(problem)
            await asyncio.sleep(self._wait(failures))

    async def stop(self) -> None:
        """End `run` and close the socket, within a second."""
        task, self._running = self._running, None
        if task is not None and not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _note(self, problem: ReconcilerError) -> None:
        is_news = self.state.problem is None or str(self.state.problem) != str(problem)
        self.state.problem = problem
        self.state.problem_lasts = isinstance(problem, _LASTING)
        log.log(logging.WARNING if is_news else logging.DEBUG, "long connection: %s", problem)

    def _wait(self, failures: int) -> float:
        """Seconds before the next attempt: the server's jitter after a lost connection, then doubling up to its interval."""
        interval = max(float(self._pacing.reconnect_interval), _FIRST_WAIT)
        if self.state.problem_lasts:
            return interval * (0.5 + self._jitter() / 2)
        if failures == 0:
            return max(self._pacing.reconnect_nonce, 0) * self._jitter()
        doubled: float = _FIRST_WAIT * 2 ** min(failures - 1, 10)
        return min(doubled, interval) * (0.5 + self._jitter() / 2)

    async def _connect_and_read(self) -> None:
        offer = await self._open_connection()
        self._pacing = offer.pacing
        try:
            service = _service_of(offer.url, self._caller)
            async with self._socket(offer.url) as socket:
                self.state.is_connected = True
                self.state.connections += 1
                self.state.problem, self.state.problem_lasts = None, False
                log.info("long connection open")
                pings = asyncio.create_task(self._ping(socket, service))
                try:
                    await self._read(socket)
                finally:
                    pings.cancel()
                    await asyncio.gather(pings, return_exceptions=True)
        except InvalidStatus as error:
            raise self._handshake_refused(error) from None
        except (WebSocketException, OSError, TimeoutError, ValueError) as error:
            # Their texts may quote the URL: only the kind of failure is told.
            raise UnavailableError("the long connection broke", why=type(error).__name__) from None

    def _socket(self, url: str) -> websockets.connect:
        parts = urlsplit(url)
        is_local = is_loopback(parts.hostname or "")
        if parts.scheme != "wss" and not (parts.scheme == "ws" and is_local):
            raise UnavailableError("Feishu names a connection that is not encrypted", where=self._caller.app_id)
        return websockets.connect(
            url,
            ssl=self._tls if parts.scheme == "wss" else None,
            proxy=None if is_local else True,
            max_size=_MAX_MESSAGE,
            open_timeout=_OPEN_TIMEOUT,
            close_timeout=_CLOSE_TIMEOUT,
            logger=_wire_log,
        )

    async def _ping(self, socket: ClientConnection, service: int) -> None:
        frame = encode_frame(Frame(service=service, method=CONTROL, headers=(("type", "ping"),)))
        with suppress(WebSocketException):  # the reader sees the same end
            while True:
                await socket.send(frame)
                await asyncio.sleep(max(self._pacing.ping_interval, 1))

    async def _read(self, socket: ClientConnection) -> None:
        """Read until the connection ends, or has been silent for two pings: then it is dead, whatever it says."""
        while True:
            silence = max(self._pacing.ping_interval, 1) * 2 + 10
            try:
                async with asyncio.timeout(silence):
                    message = await socket.recv()
            except websockets.ConnectionClosed:
                return
            self.state.last_frame = self._monotonic()
            if isinstance(message, bytes):
                await self._take(socket, message)

    async def _take(self, socket: ClientConnection, message: bytes) -> None:
        try:
            frame = decode_frame(message)
            if frame.method == CONTROL:
                self._take_control(frame)
            elif frame.method == DATA:
                await self._take_data(socket, frame)
        except ReconcilerError as error:
            log.warning("long connection: a message is left out: %s", error)

    def _take_control(self, frame: Frame) -> None:
        if frame.header("type") == "pong" and frame.payload:
            try:
                self._pacing = Pacing.model_validate_json(frame.payload)
            except ValueError:
                log.warning("long connection: a pong's configuration cannot be read")

    async def _take_data(self, socket: ClientConnection, frame: Frame) -> None:
        payload = self._parts.join(frame, self._monotonic())
        if payload is None:
            return
        # Also what cannot be read is acknowledged: unacknowledged, it would hold back this instance's events for hours.
        await socket.send(encode_frame(frame.answered(_ACK, ("biz_rt", "0"))))
        if frame.header("type") != "event":
            return
        if len(payload) > MAX_EVENT:
            raise UnavailableError("an event is too large to be one", why=f"{len(payload)} bytes")
        event = read_event(load_json_object(payload))
        self.state.last_event = self._monotonic()
        try:
            self._on_event(event)
        except Exception:
            log.exception("an event could not be noted")

    def _handshake_refused(self, error: InvalidStatus) -> ReconcilerError:
        """Feishu explains a refused handshake in headers (facts §4.4)."""
        headers = error.response.headers
        status, detail = headers.get("Handshake-Status", ""), headers.get("Handshake-Autherrcode", "")
        code = {"403": 403}.get(status) or {"1000040350": 1000040350, "1000040351": 1000040351}.get(detail)
        return connection_error(code, self._caller) or UnavailableError(
            "Feishu refuses the long connection's handshake",
            where=self._caller.app_id,
            why=f"status {error.response.status_code}"
            + (f", handshake status {status}" if status.isascii() and status.isdigit() else ""),
        )


def _service_of(url: str, caller: Caller) -> int:
    """The service id that frames carry; the URL must name it and the connection's own id."""
    query = parse_qs(urlsplit(url).query)
    service = query.get("service_id", [""])[0]
    if not (service.isascii() and service.isdigit()) or "device_id" not in query:
        raise UnavailableError("Feishu's connection address is incomplete", where=caller.app_id)
    return int(service)
