"""The probe: what it says when all goes well, when the tenant does not play along, and when answers are lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from doctor.clinic import NEEDED, Clinic
from doctor.test_doctor_checks import Pages

from reconciler.operations.probe import ProbeRequest, probe
from reconciler.setup.check import Check, Status
from reconciler.setup.probe import Hears, probe_request
from reconciler.subjects.instance import (
    CancelResult,
    Decision,
    Instance,
    InstanceRequest,
    InstanceStatus,
    LiveDefinition,
    NodeTask,
    NodeTaskStatus,
)
from reconciler.sync.fingerprint import parse_digest

STEPS = ["probe/ask", "probe/read", "probe/approve", "probe/askAgain", "probe/withdraw"]
CREATE, APPROVE, CANCEL = (
    f"/open-apis/approval/v4/{path}" for path in ("instances", "tasks/approve", "instances/cancel")
)


class Faulty(httpx.AsyncBaseTransport):
    """Loses the answers of the first `times` calls of a path, before or after they arrived."""

    def __init__(self, inner: httpx.AsyncBaseTransport, path: str, *, arrives: bool, times: int = 1) -> None:
        self._inner = inner
        self._path = path
        self._arrives = arrives
        self._left = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or request.url.path != self._path or not self._left:
            return await self._inner.handle_async_request(request)
        self._left -= 1
        if self._arrives:
            await self._inner.handle_async_request(request)
        raise httpx.ReadError("lost")


def losing(path: str, *, arrives: bool = True) -> Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]:
    return lambda transport: Faulty(transport, path, arrives=arrives)


def ended(lines: dict[str, Check]) -> list[str]:
    return [lines[step].status.value for step in STEPS]


async def test_every_step_is_read_back_and_withdrawal_is_known_then() -> None:
    lines = await Clinic().lines(probe="stage-gate")
    assert ended(lines) == ["ok"] * 5
    assert lines["probe/ask"].link.startswith("http://127.0.0.1:7002/client/mini_program/open")
    assert "withdrawal" not in lines


async def test_a_tenant_without_withdrawal_is_found_out() -> None:
    clinic = Clinic()
    clinic.seed["feishu"]["tenant"] = {"withdrawal": False}
    lines = await clinic.lines(probe="stage-gate")
    assert ended(lines) == ["ok", "ok", "ok", "ok", "failed"]
    withdraw = lines["probe/withdraw"]
    assert withdraw.cause == (
        "the request is PENDING after its withdrawal: requests that no longer count would stay open"
    )
    assert withdraw.fix == "allow submitters to withdraw requests in the approval console"


@pytest.mark.parametrize("path", [CREATE, APPROVE, CANCEL])
async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(path: str) -> None:
    clinic = Clinic(wrap=losing(path))
    lines = await clinic.lines(probe="stage-gate")
    assert ended(lines) == ["ok"] * 5
    sent = [seen for method, seen in clinic.requests if method == "POST" and seen in (CREATE, APPROVE, CANCEL)]
    assert sent == [CREATE, APPROVE, CREATE, CANCEL]


async def test_a_request_that_never_arrived_ends_the_probe() -> None:
    lines = await Clinic(wrap=losing(CREATE, arrives=False)).lines(probe="stage-gate")
    assert ended(lines) == ["failed"] + ["unverifiable"] * 4
    assert "broke before the answer came" in lines["probe/ask"].cause
    assert lines["probe/withdraw"].cause == "known once this is in order: Probe: the bot asks the bot"


async def test_an_approval_that_never_arrived_is_no_approval() -> None:
    lines = await Clinic(wrap=losing(APPROVE, arrives=False)).lines(probe="stage-gate")
    assert ended(lines) == ["ok", "ok", "failed", "ok", "ok"]
    assert lines["probe/approve"].cause == "the request is PENDING after its only approver approved"


async def test_without_credentials_nothing_is_tried() -> None:
    clinic = Clinic(secret="wrong")
    lines = await clinic.lines(probe="stage-gate")
    assert ended(lines) == ["unverifiable"] * 5
    assert lines["probe/ask"].cause == "known once this is in order: step 7 (Credentials)"
    assert not [path for _, path in clinic.requests if path == CREATE]


async def test_without_the_scope_the_probe_names_it() -> None:
    clinic = Clinic()
    clinic.app["scopes"] = [name for name in NEEDED if not name.startswith("approval")]
    lines = await clinic.lines(probe="stage-gate")
    assert lines["probe/ask"].status is Status.FAILED
    assert "approval:approval" in lines["probe/ask"].fix


async def test_a_definition_that_does_not_exist_yet_is_not_probed() -> None:
    clinic = Clinic()
    clinic.spec = clinic.spec.replace("code: CODE", "code: null")
    lines = await clinic.lines(probe="stage-gate")
    assert lines["probe/ask"].cause.startswith("no request can be made: it was not created yet")


async def test_while_somebody_else_listens_the_probe_does_not() -> None:
    request = ProbeRequest("stage-gate", "b", "acme", "now", "https://b.example", hears=Hears.ELSEWHERE)
    lines = await probe(request, Nobody(), Pages())
    assert [check.id for check in lines] == [*STEPS, "probe/event"]
    assert lines[-1].cause.startswith("a long connection is open with this app already")
    assert lines[-1].status is Status.UNVERIFIABLE


@pytest.mark.parametrize(
    ("connects", "hears", "expected"), [(True, True, "ok"), (True, False, "failed"), (False, False, "unverifiable")]
)
async def test_what_was_heard_is_a_line(connects: bool, hears: bool, expected: str) -> None:
    request = ProbeRequest("stage-gate", "b", "acme", "now", "https://b.example", hears=Hears.BY_ITSELF, patience=0.1)
    lines = await probe(request, Nobody(connects=connects, hears=hears), Pages())
    assert lines[-1].id == "probe/event"
    assert lines[-1].status.value == expected


class Nobody:
    """A port whose requests are made and stay pending, and which hears what a test says."""

    def __init__(self, *, connects: bool = True, hears: bool = False) -> None:
        self.connects, self.hears_it, self.sent = connects, hears, []

    async def bot(self) -> str:
        return "ou_bot"

    async def definition(self, name: str) -> LiveDefinition:
        return LiveDefinition(name, "CODE", "gate-1", Decision.ANY)

    async def create(self, request: InstanceRequest) -> str:
        self.sent.append(request)
        return f"INSTANCE-{len(self.sent)}"

    async def read(self, code_or_uuid: str) -> Instance:
        sent = self.sent[-1]
        form = tuple((each.id, each.text("en-US")) for each in sent.form)
        task = NodeTask("1", "ou_bot", NodeTaskStatus.PENDING, "node", "gate-1")
        started = datetime(2026, 11, 25, tzinfo=UTC)
        return Instance(code_or_uuid, sent.uuid, "CODE", InstanceStatus.PENDING, "ou_bot", started, form, (task,))

    async def approve(self, instance: Instance, task: NodeTask) -> None: ...

    async def cancel(self, instance: Instance) -> CancelResult:
        return CancelResult.CANCELED

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Nobody]:
        yield self

    async def is_connected(self, *, within: float) -> bool:
        return self.connects

    async def hears(self, instance: str, *, within: float) -> bool:
        assert instance == "INSTANCE-1"
        return self.hears_it

    def link(self, instance: str) -> str:
        return f"<{instance}>"


def test_sync_never_takes_a_probe_for_a_question_of_its_own() -> None:
    live = LiveDefinition("stage-gate", "CODE", "gate-1", Decision.ANY)
    request = probe_request(live, bot="ou_bot", uuid="u", link="https://b.example")
    assert all(parse_digest(field.text("en-US")) is None for field in request.form)
