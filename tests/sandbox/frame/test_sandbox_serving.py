"""The frame on real loopback ports: cut connections, free ports, a stop that does not hang."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from reconciler.errors import UnavailableError
from reconciler.sandbox.serving import LoopbackServer


@asynccontextmanager
async def serving(app, **options):
    server = LoopbackServer(app, name="test", **options)
    if hasattr(app, "cut"):
        app.cut = server.cut
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_lost_answer_closes_the_connection_after_the_effect(tiny, fault):
    await fault(target="feishu", fault="loseAnswer")
    async with serving(tiny.world.feishu_app) as server, httpx.AsyncClient(base_url=server.url) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/instances")
        assert (await client.post("/instances")).status_code == 201
    assert tiny.feishu.effects == ["POST /instances"] * 2


async def test_a_dropped_connection_has_no_effect_and_spares_the_others(tiny, fault):
    async with serving(tiny.world.feishu_app) as server, httpx.AsyncClient(base_url=server.url) as other:
        await other.get("/before")
        await fault(target="feishu", fault="drop", path="/instances")
        async with httpx.AsyncClient(base_url=server.url) as client:
            with pytest.raises(httpx.TransportError):
                await client.post("/instances")
        assert (await other.get("/after")).status_code == 201
    assert tiny.feishu.effects == ["GET /before", "GET /after"]


async def test_no_server_of_ours_names_itself_or_its_date_beside_the_stand_in(tiny):
    async with serving(tiny.world.feishu_app) as server, httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.get("/")
    assert "server" not in answer.headers
    assert "date" not in answer.headers


async def test_a_websocket_passes_through_and_is_logged(tiny):
    async with (
        serving(tiny.world.feishu_app) as server,
        connect(server.url.replace("http", "ws") + "/ws") as socket,
    ):
        assert await socket.recv() == "hello"
    entry = tiny.world.log.since(0)[0]
    assert (entry.path, entry.status) == ("/ws", 101)


async def test_open_sockets_are_closed_by_the_stop(tiny):
    async with serving(tiny.world.feishu_app) as server:
        socket = await connect(server.url.replace("http", "ws") + "/ws")
        await socket.recv()
    with pytest.raises(ConnectionClosed):
        await socket.recv()


@pytest.mark.slow
async def test_an_endless_stream_does_not_hold_the_stop():
    async def endless(_request):
        async def lines():
            while True:
                yield b"x\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(lines())

    async with httpx.AsyncClient() as client:
        async with serving(Starlette(routes=[Route("/", endless)])) as server:
            answer = await client.send(client.build_request("GET", server.url), stream=True)
            stream = answer.aiter_raw()
            assert await anext(stream) == b"x\n"
        with pytest.raises(httpx.TransportError):
            async for _ in stream:
                pass


async def test_a_taken_port_is_said_in_words(tiny):
    async with serving(tiny.world.feishu_app) as server:
        second = LoopbackServer(tiny.world.feishu_app, name="feishu", port=server.port)
        with pytest.raises(UnavailableError, match="feishu port cannot be opened"):
            await second.start()


async def test_signal_handlers_stay_the_callers(tiny):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serving(tiny.world.feishu_app):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
