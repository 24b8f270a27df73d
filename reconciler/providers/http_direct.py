"""HTTP/1.1 straight on the event loop's sockets, for hosts that are reached without a proxy.

A transport for httpx that does what a call here needs and no more: httpx's own spends most of a call's processor time on
what it offers beyond that. Whoever uses it bounds the requests in flight and never cancels one half-way.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping

import h11
import httpx

KEPT = 5.0
"""Seconds for which an unused connection is kept: longer than that, and servers begin to close them."""
NEXT_ADDRESS = 1.0
"""Seconds after which an address of several that does not answer leaves the time to the next one."""
LARGEST_HEAD = 100 * 1024
"""Bytes that status and headers may have."""

CUT_OFF = "peer closed connection before the end of its answer"
_CUT_OFF_WORDS = ("peer closed", "can't handle event type ConnectionClosed")
"""How h11 says the same; everything else that it does not accept is no HTTP."""

Place = tuple[str, int]
"""Host and port."""


class DirectTransport(httpx.AsyncBaseTransport):
    """Connections to the hosts it is asked for, kept for the next request. Bound to one event loop.

    A failure before the request could have left is a ConnectError or ConnectTimeout; any later one may have arrived.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls
        self._idle: dict[Place, list[_Line]] = {}
        self._busy: set[_Line] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer as soon as its head is there; the body follows as it is read."""
        url = request.url
        place = (url.raw_host.decode("ascii"), url.port or {"http": 80, "https": 443}[url.scheme])
        times: Mapping[str, float | None] = request.extensions.get("timeout", {})
        body = await request.aread()
        line = self._kept(place) or await self._connected(place, url.scheme == "https", times.get("connect"))
        self._busy.add(line)
        answer = _Answer(line, times.get("read"), self, place)
        try:
            line.send(request, body)
            head = await answer.head()
        except BaseException:
            await answer.aclose()
            raise
        return httpx.Response(head.status_code, headers=list(head.headers.raw_items()), stream=answer)

    async def aclose(self) -> None:
        """Close every connection."""
        lines = [*self._busy, *(line for kept in self._idle.values() for line in kept)]
        self._idle.clear()
        self._busy.clear()
        for line in lines:
            line.close()
        await asyncio.gather(*(line.closed.wait() for line in lines))

    def give_back(self, line: _Line, place: Place) -> None:
        """A request on this connection has ended: keep the connection where it can take another one."""
        self._busy.discard(line)
        if line.begin_again():
            self._idle.setdefault(place, []).append(line)
        else:
            line.close()

    def _kept(self, place: Place) -> _Line | None:
        kept = self._idle.get(place, [])
        while kept:
            line = kept.pop()
            if line.is_fresh():
                return line
            line.close()
        return None

    async def _connected(self, place: Place, is_secure: bool, seconds: float | None) -> _Line:
        try:
            async with asyncio.timeout(seconds):
                reached = await _reached(*place)
                try:
                    _, line = await asyncio.get_running_loop().create_connection(
                        _Line,
                        sock=reached,
                        ssl=self._tls if is_secure else None,
                        server_hostname=place[0] if is_secure else None,
                    )
                except BaseException:
                    reached.close()
                    raise
        except TimeoutError as error:
            raise httpx.ConnectTimeout("") from error
        except OSError as error:
            raise httpx.ConnectError("") from error
        return line


async def _reached(host: str, port: int) -> socket.socket:
    """A socket that is connected to the first address of the host that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for place, (family, kind, protocol, _, address) in enumerate(found, 1):
        one = socket.socket(family, kind, protocol)
        try:
            one.setblocking(False)
            async with asyncio.timeout(NEXT_ADDRESS if place < len(found) else None):
                await loop.sock_connect(one, address)
        except OSError:  # also when it took too long
            one.close()
            if place == len(found):
                raise
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise OSError("the name has no address")


class _Line(asyncio.Protocol):
    """One connection, and how far its conversation has come."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        """Set once the connection is gone."""
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._transport: asyncio.Transport | None = None
        self._news = asyncio.Event()
        self._lost: Exception | None = None
        self._is_over = False
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection gives
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Something came."""
        self._h11.receive_data(data)
        self._news.set()

    def eof_received(self) -> None:
        """Nothing more will come."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(exc)
        self.closed.set()

    def _end(self, problem: Exception | None) -> None:
        if not self._is_over:
            self._h11.receive_data(b"")
        self._is_over = True
        self._lost = self._lost or problem
        self._news.set()

    def send(self, request: httpx.Request, body: bytes) -> None:
        """Put a whole request on its way."""
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            data = [
                self._h11.send(head),
                self._h11.send(h11.Data(body)) if body else b"",
                self._h11.send(h11.EndOfMessage()),
            ]
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError("") from error
        assert self._transport is not None  # noqa: S101 - it was connected
        self._transport.write(b"".join(part for part in data if part))

    async def next_event(self, seconds: float | None) -> h11.Event:
        """The next part of the answer; waits for it so many seconds at most."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                if self._lost is not None:
                    raise httpx.ReadError("") from self._lost
                is_cut_off = str(error).startswith(_CUT_OFF_WORDS)
                raise httpx.RemoteProtocolError(CUT_OFF if is_cut_off else "") from error
            if isinstance(event, h11.Event):
                return event
            if self._is_over:
                raise httpx.RemoteProtocolError(CUT_OFF) from self._lost
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError as error:
                raise httpx.ReadTimeout("") from error

    def begin_again(self) -> bool:
        """Whether the conversation is at an end where another one may begin."""
        if self._is_over or self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        self._news.clear()
        self._since = asyncio.get_running_loop().time()
        return True

    def is_fresh(self) -> bool:
        """Whether a kept connection still stands, is silent, and was used a moment ago."""
        is_quiet = not self._is_over and not self._news.is_set()
        return is_quiet and asyncio.get_running_loop().time() - self._since < KEPT

    def close(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()


class _Answer(httpx.AsyncByteStream):
    """An answer on its way; closed, its connection is given back."""

    def __init__(self, line: _Line, seconds: float | None, owner: DirectTransport, place: Place) -> None:
        self._line = line
        self._seconds = seconds
        self._owner = owner
        self._place = place
        self._is_closed = False

    async def head(self) -> h11.Response:
        """Status and headers."""
        while True:
            event = await self._line.next_event(self._seconds)
            if isinstance(event, h11.Response):
                return event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while isinstance(event := await self._line.next_event(self._seconds), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        """No more of it is wanted."""
        if not self._is_closed:
            self._is_closed = True
            self._owner.give_back(self._line, self._place)
