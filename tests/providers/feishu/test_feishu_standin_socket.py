"""Our long connection against the stand-in behind a real HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from providers.feishu.standin_client import ALICE, Tenant, seed

from reconciler.errors import CredentialsError, RefusedError, SpecError, UnavailableError
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.dedupe import EventInbox
from reconciler.providers.feishu.definitions import definition_body
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.events import FeishuEvent
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.feishu.socket import LongConnection
from reconciler.providers.feishu.wire.connection import Pacing
from reconciler.providers.feishu.wire.definitions import DefinitionBody
from reconciler.resources.definition import Definition
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.secret import Secret

pytestmark = pytest.mark.slow

QUICK = Pacing.model_validate({"ReconnectInterval": 1, "ReconnectNonce": 0})


@dataclass
class Served:
    """The stand-in on a port, our client and our connection to it."""

    tenant: Tenant
    connection: LongConnection
    events: list[FeishuEvent]

    def of_type(self, kind: str) -> list[str]:
        return [event.status for event in self.events if event.type == kind]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(secret: str = "sandbox") -> AsyncIterator[Served]:
    clock = SandboxClock(time_scale=1000)
    standin = FeishuStandIn(seed(), clock=clock)
    server = uvicorn.Server(uvicorn.Config(standin.app, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    platform = Platform.private(f"http://127.0.0.1:{port}")
    client = FeishuClient(platform, AppCredentials("cli_sandbox", Secret(secret)))
    events: list[FeishuEvent] = []
    inbox = EventInbox(events.append, now=clock.now)
    connection = LongConnection(
        client.connection.open,
        caller=Caller(platform, "cli_sandbox"),
        on_event=inbox.receive,
        pacing=QUICK,
    )
    await standin.start()
    running = asyncio.create_task(connection.run())
    try:
        yield Served(Tenant(standin, clock, client), connection, events)
    finally:
        await connection.stop()
        assert running.done()
        await client.aclose()
        await standin.stop()
        server.should_exit = True
        await serving


@pytest.fixture
async def feishu() -> AsyncIterator[Served]:
    async with served() as here:
        await until(lambda: here.connection.state.is_connected)
        await here.tenant.define()
        await here.tenant.client.definitions.subscribe(here.tenant.code)
        yield here


async def ask(feishu: Served, uuid: str = "u-1") -> str:
    return await feishu.tenant.approvals().create(feishu.tenant.request([ALICE], uuid=uuid))


async def test_a_decision_wakes_its_instance(feishu: Served) -> None:
    code = await ask(feishu)
    feishu.tenant.standin.actions.approve(code, "alice@example.com")
    await until(lambda: "APPROVED" in feishu.of_type("approval_instance"))
    assert {event.instance_code for event in feishu.events} == {code}
    assert {event.uuid.lower() for event in feishu.events if event.type == "approval_instance"} == {"u-1"}
    assert feishu.of_type("approval_instance") == ["PENDING", "APPROVED"]


async def test_a_changed_definition_is_told(feishu: Served) -> None:
    await feishu.tenant.client.definitions.put(_overwrite(feishu))
    await until(lambda: any(event.type == "approval.approval.updated_v4" for event in feishu.events))
    changed = next(event for event in feishu.events if event.type == "approval.approval.updated_v4")
    assert changed.approval_code == feishu.tenant.code


async def test_duplicates_wake_once(feishu: Served) -> None:
    feishu.tenant.standin.disturb_events("duplicate", 10)
    code = await ask(feishu)
    feishu.tenant.standin.actions.reject(code, "alice@example.com")
    await until(lambda: "REJECTED" in feishu.of_type("approval_instance"))
    assert feishu.of_type("approval_instance") == ["PENDING", "REJECTED"]


async def test_split_events_are_joined(feishu: Served) -> None:
    feishu.tenant.standin.connections.split_over = 50
    code = await ask(feishu)
    await until(lambda: bool(feishu.of_type("approval_instance")))
    assert feishu.events[0].instance_code == code


async def test_it_comes_back_after_a_cut_and_hears_what_was_missed(feishu: Served) -> None:
    feishu.tenant.standin.drop_sockets()
    code = await ask(feishu)
    await until(lambda: feishu.connection.state.connections == 2 and feishu.connection.state.is_connected)
    await until(lambda: bool(feishu.of_type("approval_instance")))
    assert feishu.events[0].instance_code == code


@pytest.mark.parametrize(
    ("code", "kind", "lasts"),
    [
        (1, UnavailableError, False),
        (1000040343, UnavailableError, False),
        (403, CredentialsError, True),
        (514, CredentialsError, True),
        (1000040344, CredentialsError, True),
        (1000040350, RefusedError, True),
        (1000040351, SpecError, True),
    ],
)
async def test_a_refusal_of_the_endpoint_says_whether_it_lasts(code: int, kind: type, lasts: bool) -> None:
    async with served() as here:
        await until(lambda: here.connection.state.is_connected)
        here.tenant.standin.connections.refuse_endpoint(code, 1)
        here.tenant.standin.drop_sockets()
        await until(lambda: type(here.connection.state.problem) is kind)
        assert here.connection.state.problem_lasts is lasts
        await until(lambda: here.connection.state.is_connected)


async def test_a_wrong_secret_is_a_lasting_problem() -> None:
    async with served("wrong") as here:
        await until(lambda: here.connection.state.problem is not None)
        assert isinstance(here.connection.state.problem, CredentialsError)
        assert here.connection.state.problem_lasts


async def test_a_refused_handshake_passes(feishu: Served) -> None:
    feishu.tenant.standin.connections.refuse_handshake(514, 1000040350)
    feishu.tenant.standin.drop_sockets()
    await until(lambda: isinstance(feishu.connection.state.problem, RefusedError))
    await until(lambda: feishu.connection.state.is_connected)


def _overwrite(feishu: Served) -> DefinitionBody:
    title = (("en-US", "New"), ("zh-CN", "新"))
    return definition_body(Definition("stage-gate", "acme", title, "any", code=feishu.tenant.code))
