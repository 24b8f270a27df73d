"""The guarded client: what reaches the wire, what becomes an error, and what stays out of the log."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from reconciler.errors import ReconcilerError, RefusedError, SpecError, UnavailableError
from reconciler.providers.http import HttpCall, HttpClient, HttpRequest, HttpResponse, HttpSettings

LOCAL = "http://127.0.0.1:1"


def client_of(handler: Callable[[httpx.Request], object], **settings: object) -> HttpClient:
    transport = httpx.MockTransport(handler)  # type: ignore[arg-type]
    return HttpClient(LOCAL, upstream="bytebase", settings=HttpSettings(transport=transport, **settings))  # type: ignore[arg-type]


async def test_a_cancelled_caller_leaves_the_request_to_end_by_itself() -> None:
    release, ended = asyncio.Event(), []

    async def slow(request: httpx.Request) -> httpx.Response:
        await release.wait()
        ended.append(request.url.path)
        return httpx.Response(200)

    async with client_of(slow, parallel=1) as client:
        caller = asyncio.create_task(client.send(HttpRequest("GET", "/first")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        release.set()
        assert (await client.send(HttpRequest("GET", "/second"))).status == 200
    assert ended == ["/first", "/second"]


async def test_no_more_than_the_allowed_number_are_in_flight() -> None:
    running, most = 0, 0

    async def count(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return httpx.Response(200)

    async with client_of(count, parallel=3) as client:
        await asyncio.gather(*(client.send(HttpRequest("GET", "/x")) for _ in range(20)))
    assert most == 3


async def test_many_cancellations_on_real_sockets_lose_no_connection() -> None:
    """Without the shield this very storm leaves the pool without a usable connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.002)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    chance = random.Random(1)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = HttpSettings(parallel=2, deadline=2.0)
    async with HttpClient(f"http://127.0.0.1:{port}", upstream="bytebase", settings=settings) as client:

        async def give_up_after(seconds: float) -> None:
            caller = asyncio.create_task(client.send(HttpRequest("GET", "/x")))
            await asyncio.sleep(seconds)
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)

        for _ in range(25):
            await asyncio.gather(*(give_up_after(chance.random() * 0.02) for _ in range(40)))
        answers = await asyncio.gather(*(client.send(HttpRequest("GET", "/x")) for _ in range(6)))
    server.close()
    assert [answer.content for answer in answers] == [b"ok"] * 6


@pytest.mark.parametrize(
    ("failure", "ambiguous"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("full"), False),
        (httpx.ProxyError("407"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("half an answer"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_a_lost_call_says_whether_it_may_have_arrived(failure: Exception, ambiguous: bool) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure

    async with client_of(fail) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.send(HttpRequest("POST", "/x"))
    assert caught.value.ambiguous is ambiguous
    assert caught.value.next_step
    assert caught.value.__cause__ is failure


async def test_a_redirect_is_named_and_never_followed() -> None:
    seen: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/login?token=canary"})

    async with client_of(redirect) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.send(HttpRequest("GET", "/x", headers={"Authorization": "Bearer canary"}))
    assert seen == ["127.0.0.1"]
    assert caught.value.ambiguous  # it arrived, whatever was done with it
    assert "elsewhere.example" in str(caught.value)
    assert "canary" not in str(caught.value)


async def test_cookies_are_not_kept() -> None:
    sent: list[str | None] = []

    def bake(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "access-token=canary; Path=/"})

    async with client_of(bake) as client:
        await client.send(HttpRequest("GET", "/x"))
        await client.send(HttpRequest("GET", "/x"))
    assert sent == [None, None]


async def test_a_path_is_quoted_so_that_a_name_cannot_become_a_query() -> None:
    seen: list[httpx.URL] = []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200)

    async with client_of(look) as client:
        await client.send(
            HttpRequest("GET", "/v1/users/a+b@x.example?y#z é:approve", query=[("filter", 'a == "b" && c')])
        )
    assert seen[0].raw_path.startswith(b"/v1/users/a+b@x.example%3Fy%23z%20%C3%A9:approve?")
    assert seen[0].params["filter"] == 'a == "b" && c'


@pytest.mark.parametrize(
    "url",
    [
        "ftp://bb.example",
        "https://",
        "https://me:pw@bb.example",
        "https://bb.example?x=1",
        "bb.example",
        "https://[::1",
    ],
)
def test_an_unusable_base_url_is_refused_without_showing_it_whole(url: str) -> None:
    with pytest.raises(SpecError) as caught:
        HttpClient(url, upstream="bytebase")
    assert "me:pw" not in str(caught.value)


def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(RefusedError, match="plain http"):
        HttpClient("http://bytebase.example:8080", upstream="bytebase")
    for host in ("127.0.0.1", "localhost", "[::1]", "bb.localhost"):
        HttpClient(f"http://{host}:8080", upstream="bytebase")


@pytest.mark.parametrize("content", [None, "no certificate here"])
def test_a_bad_ca_file_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SpecError) as caught:
        HttpClient("https://bb.example", upstream="bytebase", ca_file=str(file))
    assert caught.value.where == str(file)


async def test_log_line_and_observer_hold_no_query_header_or_body(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[HttpCall] = []
    with caplog.at_level(logging.DEBUG):
        async with client_of(lambda request: httpx.Response(403, text="canary"), on_call=calls.append) as client:
            await client.send(
                HttpRequest(
                    "POST", "/v1/x", query=[("key", "canary")], headers={"Authorization": "canary"}, body=b"canary"
                )
            )
    assert [(call.method, call.path, call.status) for call in calls] == [("POST", "/v1/x", 403)]
    assert "canary" not in caplog.text + repr(calls)
    assert "bytebase POST /v1/x -> 403" in caplog.text


async def test_a_failed_attempt_is_observed_too() -> None:
    calls: list[HttpCall] = []

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    async with client_of(fail, on_call=calls.append) as client:
        with pytest.raises(ReconcilerError):
            await client.send(HttpRequest("GET", "/x"))
    assert [(call.status, call.problem) for call in calls] == [(None, "nothing came for 30 s")]


async def test_the_date_of_each_answer_is_shown_and_nonsense_is_not() -> None:
    dates: list[tuple[str, datetime]] = []
    headers = iter([{"Date": "Sun, 22 Nov 2026 15:37:27 GMT"}, {"Date": "yesterday"}, {}])

    async with client_of(
        lambda request: httpx.Response(200, headers=next(headers)),
        on_date=lambda name, date: dates.append((name, date)),
    ) as client:
        for _ in range(3):
            await client.send(HttpRequest("GET", "/x"))
    assert dates == [("bytebase", datetime(2026, 11, 22, 15, 37, 27, tzinfo=UTC))]


class Drip(httpx.AsyncByteStream):
    """A body that never ends by itself."""

    def __init__(self, pause: float) -> None:
        self.pause, self.is_closed = pause, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.is_closed:
            await asyncio.sleep(self.pause)
            yield b"x" * 1000

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(("limits", "words"), [({"largest": 5000}, "too large"), ({"deadline": 0.05}, "too long")])
async def test_an_endless_answer_is_given_up(limits: dict[str, float], words: str) -> None:
    drip = Drip(0.001)
    async with client_of(lambda request: httpx.Response(200, stream=drip), **limits) as client:
        with pytest.raises(UnavailableError, match=words) as caught:
            await client.send(HttpRequest("GET", "/x"))
    assert caught.value.ambiguous
    assert drip.is_closed


def test_media_type_and_retry_after_read_what_servers_send() -> None:
    response = HttpResponse(
        429, httpx.Headers({"Content-Type": "Application/JSON; charset=utf-8", "Retry-After": "7"}), b""
    )
    assert (response.media_type, response.retry_after) == ("application/json", 7.0)
    other = HttpResponse(429, httpx.Headers({"Retry-After": "Sun, 22 Nov 2026 15:37:27 GMT"}), b"")
    assert (other.media_type, other.retry_after) == ("", None)
