"""Our own way to the sockets: connections are kept and never believed longer than they stand, answers come whole or not."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from reconciler.errors import UnavailableError
from reconciler.providers import http_direct
from reconciler.providers.http import HttpClient, HttpRequest, HttpSettings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = HttpRequest("GET", "/x")


class Server:
    """Answers every request by a script and notes on which connection it came, and what it was."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.asked: list[tuple[int, bytes, bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        mine = self.connections
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), 0
                )
                self.asked.append((mine, head, await reader.readexactly(length)))
                answer = self.answers.pop(0) if self.answers else OK
                writer.write(answer)
                await writer.drain()
                if answer.startswith(b"HTTP/1.0") or b"Connection: close" in answer:
                    writer.close()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    @property
    def used(self) -> list[int]:
        """The connection of each request, in order of arrival."""
        return [connection for connection, _, _ in self.asked]


@asynccontextmanager
async def talking_to(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **settings: float
) -> AsyncIterator[HttpClient]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with HttpClient(url, upstream="bytebase", settings=HttpSettings(**settings)) as client:  # type: ignore[arg-type]
            yield client


async def test_a_connection_is_used_again_and_a_request_arrives_whole() -> None:
    server = Server()
    async with talking_to(server) as client:
        await client.send(HttpRequest("POST", "/v1/a:b", query=[("q", "1 2")], headers={"X": "y"}, body="变".encode()))
        assert (await client.send(GET)).content == b"ok"
    assert server.used == [1, 1]
    _, head, body = server.asked[0]
    assert head.startswith(b"POST /v1/a:b?q=1+2 HTTP/1.1\r\nHost: 127.0.0.1")
    assert b"\r\nX: y\r\n" in head
    assert body == "变".encode()


async def test_requests_at_the_same_time_have_connections_of_their_own_and_no_more() -> None:
    server = Server()
    async with talking_to(server, parallel=3) as client:
        for _ in range(3):
            await asyncio.gather(*(client.send(GET) for _ in range(9)))
    assert server.connections == 3


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
    ids=["chunked", "until the end", "after an interim answer", "empty", "closing"],
)
async def test_answers_come_whole_however_their_end_is_told(answer: bytes, content: bytes) -> None:
    server = Server(answer)
    async with talking_to(server) as client:
        assert (await client.send(GET)).content == content
        assert (await client.send(GET)).content == b"ok"


async def test_a_compressed_answer_is_unpacked() -> None:
    packed = gzip.compress(b"text" * 1000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with talking_to(Server(head + packed)) as client:
        assert (await client.send(GET)).content == b"text" * 1000


async def test_a_kept_connection_that_was_closed_from_there_is_not_used() -> None:
    server = Server()
    async with talking_to(server) as client:
        await client.send(GET)
        server.writers[0].close()
        await asyncio.sleep(0.05)
        assert (await client.send(GET)).status == 200
    assert server.used == [1, 2]


async def test_a_kept_connection_on_which_something_came_unasked_is_not_used() -> None:
    server = Server()
    async with talking_to(server) as client:
        await client.send(GET)
        server.writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        await server.writers[0].drain()
        await asyncio.sleep(0.05)
        assert (await client.send(GET)).content == b"ok"
    assert server.used == [1, 2]


async def test_a_connection_that_was_not_used_for_a_while_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_direct, "KEPT", 0.0)
    server = Server()
    async with talking_to(server) as client:
        await client.send(GET)
        await client.send(GET)
    assert server.used == [1, 2]


async def test_the_rest_of_an_answer_that_was_given_up_is_never_taken_for_the_next_one() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200000
    server = Server(long)
    async with talking_to(server, largest=1000) as client:
        with pytest.raises(UnavailableError, match="too large"):
            await client.send(GET)
        assert (await client.send(GET)).content == b"ok"
    assert server.used == [1, 2]


async def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_delay = not reader_count
        reader_count.append(1)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2 if with_delay else 0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + (b"late" if with_delay else b"next"))
        await asyncio.sleep(0.3)
        writer.close()

    reader_count: list[int] = []
    async with talking_to(late, read=0.1) as client:
        with pytest.raises(UnavailableError):
            await client.send(GET)
        assert (await client.send(GET)).content == b"next"


async def test_the_address_that_answers_is_taken_where_a_name_has_several(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    loop = asyncio.get_running_loop()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()

    async def both(host: str, port: int, **_: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, nobody), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", both)
    async with talking_to(server) as client:
        assert (await client.send(GET)).status == 200


async def test_closing_ends_every_connection() -> None:
    server = Server()
    async with talking_to(server) as client:
        await client.send(GET)
        await client.aclose()
        await asyncio.sleep(0.05)
        assert server.writers[0].is_closing()
