"""The long connection before a scripted server: whatever it sends, the loop goes on; stopping is quick."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from reconciler.errors import CredentialsError, RefusedError, SpecError, UnavailableError
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.events import FeishuEvent
from reconciler.providers.feishu.frames import CONTROL, DATA, Frame, decode_frame, encode_frame
from reconciler.providers.feishu.platform import FEISHU
from reconciler.providers.feishu.socket import MAX_EVENT, LongConnection
from reconciler.providers.feishu.wire.connection import ConnectionOffer, Pacing

CALLER = Caller(FEISHU, "cli_a")
CONFIG = {"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 0, "PingInterval": 120}
Script = Callable[[ServerConnection], Awaitable[None]]


def event_frame(
    payload: bytes | dict[str, object], *, kind: str = "event", message: str = "m1", **numbers: int
) -> bytes:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = (
        ("type", kind),
        ("message_id", message),
        ("sum", str(numbers.get("total", 1))),
        ("seq", str(numbers.get("index", 0))),
        ("trace_id", "t"),
    )
    return encode_frame(Frame(seq=5, log=6, service=7, method=DATA, headers=headers, payload=raw))


def instance_event(code: str = "AEE5", event_id: str = "e1") -> dict[str, object]:
    return {
        "uuid": event_id,
        "token": "",
        "type": "event_callback",
        "event": {"type": "approval_instance", "instance_code": code},
    }


class Server:
    """A WebSocket server that plays one script per connection, the last one for all further ones."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.events: list[FeishuEvent] = []
        self.arrived = asyncio.Event()
        self.received: list[Frame] = []
        self.connections = 0
        self.offers = 0
        self.port = 0
        self.refusal: Callable[[ServerConnection, Request], Response | None] | None = None

    async def handle(self, connection: ServerConnection) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        await script(connection)

    async def offer(self) -> ConnectionOffer:
        self.offers += 1
        url = f"ws://127.0.0.1:{self.port}/ws/v2?device_id=1&service_id=7&access_key=canary&ticket=canary"
        return ConnectionOffer.model_validate({"URL": url, "ClientConfig": CONFIG})

    def note(self, event: FeishuEvent) -> None:
        self.events.append(event)
        self.arrived.set()

    async def answer_of(self, connection: ServerConnection) -> Frame:
        """The next data frame of the client."""
        while True:
            message = await connection.recv()
            assert isinstance(message, bytes)
            frame = decode_frame(message)
            self.received.append(frame)
            if frame.method == DATA:
                return frame


async def idle(connection: ServerConnection) -> None:
    await connection.wait_closed()


def send(*messages: bytes | str) -> Script:
    async def script(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()

    return script


@asynccontextmanager
async def running(server: Server, **options: object) -> AsyncIterator[LongConnection]:
    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        return server.refusal(connection, request) if server.refusal else None

    async with serve(server.handle, "127.0.0.1", 0, process_request=refuse, max_size=None) as listening:
        server.port = next(iter(listening.sockets)).getsockname()[1]
        settings = {"open_connection": server.offer, "on_event": server.note, "jitter": lambda: 0.0, **options}
        connection = LongConnection(settings.pop("open_connection"), caller=CALLER, **settings)  # type: ignore[arg-type]
        task = asyncio.create_task(connection.run())
        try:
            yield connection
        finally:
            await connection.stop()
            assert task.done()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_event_is_acknowledged_before_it_is_noted() -> None:
    order: list[str] = []

    async def script(connection: ServerConnection) -> None:
        await connection.send(event_frame(instance_event()))
        answer = await server.answer_of(connection)
        order.append("acknowledged")
        assert (answer.seq, answer.log, answer.service, answer.header("message_id")) == (5, 6, 7, "m1")
        assert answer.header("biz_rt") != ""
        assert json.loads(answer.payload or b"") == {"code": 200}
        await connection.wait_closed()

    server = Server(script)
    async with running(server):
        await server.arrived.wait()
        await until(lambda: bool(order))
    assert [(event.type, event.instance_code) for event in server.events] == [("approval_instance", "AEE5")]


async def test_the_first_thing_sent_is_a_ping() -> None:
    first: list[Frame] = []

    async def script(connection: ServerConnection) -> None:
        message = await connection.recv()
        assert isinstance(message, bytes)
        first.append(decode_frame(message))
        await connection.wait_closed()

    async with running(Server(script)):
        await until(lambda: bool(first))
    assert first == [Frame(service=7, method=CONTROL, headers=(("type", "ping"),))]


@pytest.mark.slow
async def test_a_pong_sets_the_pace_of_pings() -> None:
    pings: list[float] = []

    async def script(connection: ServerConnection) -> None:
        pace = json.dumps({**CONFIG, "PingInterval": 1}).encode()
        await connection.send(encode_frame(Frame(method=CONTROL, headers=(("type", "pong"),), payload=pace)))
        while True:
            await connection.recv()
            pings.append(time.monotonic())

    server = Server(script)

    async def offer() -> ConnectionOffer:
        given = await server.offer()
        return ConnectionOffer.model_validate({"URL": given.url, "ClientConfig": {**CONFIG, "PingInterval": 1}})

    async with running(server, open_connection=offer):
        await until(lambda: len(pings) >= 3)


async def test_parts_in_any_order_are_one_event() -> None:
    raw = json.dumps(instance_event()).encode()
    third = len(raw) // 3
    pieces = [raw[:third], raw[third : 2 * third], raw[2 * third :]]
    frames = [event_frame(pieces[index], total=3, index=index) for index in (2, 0, 1)]
    server = Server(send(*frames))
    async with running(server):
        await server.arrived.wait()
    assert [event.instance_code for event in server.events] == ["AEE5"]


HOSTILE: dict[str, bytes | str] = {
    "no frame": b"\xff\xfe\xfd",
    "empty": b"",
    "text": "hello",
    "not json": event_frame(b"<html>"),
    "json list": event_frame(b"[]"),
    "deep json": event_frame(b"[" * 100_000),
    "no payload": encode_frame(Frame(method=DATA, headers=(("type", "event"), ("message_id", "x")))),
    "no headers": encode_frame(Frame(method=DATA, payload=b"{}")),
    "wrong part numbers": event_frame(b"{}", total=3, index=9),
    "too large": event_frame(b'{"event": "' + b"x" * MAX_EVENT + b'"}'),
    "card": event_frame({"event": {}}, kind="card"),
    "unknown method": encode_frame(Frame(method=9)),
    "bad pong": encode_frame(Frame(method=CONTROL, headers=(("type", "pong"),), payload=b"{")),
    "null pong": encode_frame(Frame(method=CONTROL, headers=(("type", "pong"),), payload=b'{"PingInterval": null}')),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_nothing_it_receives_ends_the_connection(name: str) -> None:
    server = Server(send(HOSTILE[name], event_frame(instance_event("GOOD"))))
    async with running(server):
        await until(lambda: any(event.instance_code == "GOOD" for event in server.events))
        assert server.connections == 1


@pytest.mark.parametrize("name", ["not json", "json list", "too large", "card", "no payload", "unknown event"])
async def test_what_cannot_be_used_is_acknowledged_too(name: str) -> None:
    acknowledged: list[Frame] = []

    async def script(connection: ServerConnection) -> None:
        unknown = event_frame({"schema": "2.0", "header": {"event_type": "contact.user.created_v3"}})
        await connection.send({**HOSTILE, "unknown event": unknown}[name])
        acknowledged.append(await server.answer_of(connection))
        await connection.wait_closed()

    server = Server(script)
    async with running(server):
        await until(lambda: bool(acknowledged))
    assert json.loads(acknowledged[0].payload or b"") == {"code": 200}


async def test_a_failing_listener_does_not_end_the_connection() -> None:
    seen: list[str] = []

    def fail(event: FeishuEvent) -> None:
        seen.append(event.instance_code)
        raise RuntimeError("listener")

    server = Server(send(event_frame(instance_event("A")), event_frame(instance_event("B"))))
    async with running(server, on_event=fail):
        await until(lambda: len(seen) == 2)
    assert seen == ["A", "B"]


async def test_it_connects_again_after_the_server_closes() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close()

    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    server = Server(close, cut, send(event_frame(instance_event())))
    async with running(server) as connection:
        await server.arrived.wait()
        assert connection.state.connections == 3
        assert connection.state.is_connected
        assert connection.state.problem is None


@pytest.mark.parametrize(
    ("headers", "kind", "lasts"),
    [
        ({"Handshake-Status": "403"}, CredentialsError, True),
        ({"Handshake-Status": "514", "Handshake-Autherrcode": "1000040350"}, RefusedError, True),
        ({"Handshake-Status": "514", "Handshake-Autherrcode": "1000040351"}, SpecError, True),
        ({"Handshake-Status": "514", "Handshake-Autherrcode": "514"}, UnavailableError, False),
        ({"Handshake-Status": "²", "Handshake-Autherrcode": "x"}, UnavailableError, False),
        ({}, UnavailableError, False),
    ],
)
async def test_a_refused_handshake_says_whether_it_lasts(headers: dict[str, str], kind: type, lasts: bool) -> None:
    server = Server(idle)

    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(400, "no")
        for name, value in headers.items():
            response.headers[name] = value.encode().decode("latin-1")
        return response

    server.refusal = refuse
    async with running(server) as connection:
        await until(lambda: connection.state.problem is not None)
        assert type(connection.state.problem) is kind
        assert connection.state.problem_lasts is lasts


async def test_it_goes_on_trying_after_a_refused_secret() -> None:
    server = Server(send(event_frame(instance_event())))
    refused: list[int] = []

    async def offer() -> ConnectionOffer:
        if len(refused) < 2:
            refused.append(1)
            raise CredentialsError("no", next_step="fix")
        return await server.offer()

    quick = Pacing.model_validate(CONFIG)
    async with running(server, open_connection=offer, pacing=quick) as connection:
        await until(lambda: len(refused) == 1 and connection.state.problem is not None)
        assert connection.state.problem_lasts
        await asyncio.wait_for(server.arrived.wait(), 10)
        assert not connection.state.problem_lasts


async def test_an_unforeseen_failure_is_told_and_survived() -> None:
    server = Server(send(event_frame(instance_event())))
    failures: list[str] = []

    async def offer() -> ConnectionOffer:
        if not failures:
            failures.append("once")
            raise ImportError("canary")
        return await server.offer()

    quick = Pacing.model_validate({**CONFIG, "ReconnectNonce": 0})
    async with running(server, open_connection=offer, pacing=quick) as connection:
        await until(lambda: connection.state.problem is not None)
        assert "canary" not in str(connection.state.problem)
        await server.arrived.wait()


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:{port}/ws/v2?device_id=1",
        "ws://127.0.0.1:{port}/ws/v2?service_id=7",
        "ws://127.0.0.1:{port}/ws/v2?device_id=1&service_id=x",
        "ws://feishu.example/ws/v2?device_id=1&service_id=7",
        "http://127.0.0.1:{port}/?device_id=1&service_id=7",
        "ws://127.0.0.1:99999/?device_id=1&service_id=7",
        "ws://[127/?device_id=1&service_id=7",
        "ws://127.0.0.1:1/?device_id=1&service_id=7&ticket=canary",
    ],
)
async def test_a_useless_address_is_a_passing_problem(url: str) -> None:
    server = Server(idle)

    async def offer() -> ConnectionOffer:
        return ConnectionOffer.model_validate({"URL": url.format(port=server.port), "ClientConfig": CONFIG})

    async with running(server, open_connection=offer) as connection:
        await until(lambda: connection.state.problem is not None)
        assert isinstance(connection.state.problem, UnavailableError)
        assert "canary" not in str(connection.state.problem)
        assert server.connections == 0


async def test_stopping_does_not_wait_for_a_deaf_server_and_leaves_nothing() -> None:
    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await stopped.wait()
        connection.transport.abort()

    stopped = asyncio.Event()
    before = len(asyncio.all_tasks())
    server = Server(deaf)
    async with running(server) as connection:
        await until(lambda: connection.state.is_connected)
        async with asyncio.timeout(5):
            await connection.stop()
        assert not connection.state.is_connected
        stopped.set()
    assert len(asyncio.all_tasks()) == before


async def test_stopping_while_it_waits_or_never_ran_is_quick() -> None:
    async def offer() -> ConnectionOffer:
        raise UnavailableError("down")

    server = Server(idle)
    async with running(server, open_connection=offer) as connection:
        await until(lambda: connection.state.problem is not None)
        await connection.stop()
        await connection.stop()
    await LongConnection(offer, caller=CALLER, on_event=server.note).stop()


async def test_no_secret_of_the_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(1011, "bye")

    caplog.set_level(logging.DEBUG)
    server = Server(close, send(event_frame(instance_event())))
    async with running(server):
        await server.arrived.wait()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert any("long connection" in line for line in ours)
    assert not any("canary" in line for line in ours)


async def test_the_waits_grow_up_to_the_servers_interval_and_honour_its_jitter() -> None:
    connection = LongConnection(Server(idle).offer, caller=CALLER, on_event=print, jitter=lambda: 1.0)
    connection._pacing = ConnectionOffer.model_validate(
        {"URL": "x", "ClientConfig": {"ReconnectInterval": 20, "ReconnectNonce": 30}}
    ).pacing
    assert [connection._wait(failures) for failures in (0, 1, 2, 3, 9, 500)] == [30, 1, 2, 4, 20, 20]
    connection.state.problem_lasts = True
    assert connection._wait(1) == 20
