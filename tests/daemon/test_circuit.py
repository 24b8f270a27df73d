"""A broken configuration is asked about once in a while, said once, and everything goes on when it is mended."""

from __future__ import annotations

import inspect

import pytest
from fakes.daemon_parts import NOW, FakeApprovals, FakeSubjects, pending

from reconciler.daemon.circuit import FIRST_PROBE, LONGEST_PROBE, Circuits
from reconciler.daemon.guarded import GuardedApprovals, GuardedSubjects
from reconciler.errors import CredentialsError, ForbiddenError, UnavailableError
from reconciler.ports.sync import ApprovalPort, SubjectPort

BAD_SECRET = CredentialsError("the app secret is wrong", next_step="correct it")


class Upstream:
    """Counts the calls that reach it."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return "answer"


class World:
    """Circuits over one upstream, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.circuits = Circuits(lambda: self.now)
        self.upstream = Upstream()
        self.mended = 0
        self.circuits.on_closed(self._mended)

    def _mended(self) -> None:
        self.mended += 1

    async def call(self, part: str = "reading") -> str:
        return await self.circuits.call("app cli_1", part, self.upstream)

    async def fails(self, kind: type[Exception], part: str = "reading") -> None:
        with pytest.raises(kind):
            await self.call(part)


async def test_ten_thousand_passes_make_one_call_and_one_message(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.upstream.error = BAD_SECRET
    for _ in range(10_000):
        await world.fails(CredentialsError)
    assert world.upstream.calls == 1
    assert caplog.text.count("the app secret is wrong") == 1
    assert world.circuits.broken() == "app cli_1: the app secret is wrong"


async def test_one_probe_goes_through_at_growing_intervals_and_success_closes_the_circuit() -> None:
    world = World()
    world.upstream.error = BAD_SECRET
    await world.fails(CredentialsError)
    world.now += FIRST_PROBE
    await world.fails(CredentialsError)
    await world.fails(CredentialsError)
    assert world.upstream.calls == 2
    world.now += FIRST_PROBE
    await world.fails(CredentialsError)
    assert world.upstream.calls == 2
    world.now += LONGEST_PROBE
    world.upstream.error = None
    assert await world.call() == "answer"
    assert world.circuits.broken() == ""
    assert world.mended == 1


async def test_a_missing_right_holds_up_only_its_part() -> None:
    world = World()
    world.upstream.error = ForbiddenError("scope missing")
    await world.fails(ForbiddenError, "reminding")
    world.upstream.error = None
    assert await world.call("reading") == "answer"
    await world.fails(ForbiddenError, "reminding")
    assert world.circuits.broken() == ""
    assert world.circuits.sentences() == ("app cli_1, reminding: scope missing",)


async def test_what_is_forbidden_for_one_thing_holds_up_no_other() -> None:
    world = World()
    world.upstream.error = ForbiddenError("this approver has resigned")

    async def ask(item: str) -> str:
        return await world.circuits.call("app cli_1", "asking", world.upstream, item=item)

    for _ in range(10):
        with pytest.raises(ForbiddenError):
            await ask("poisoned")
    assert world.circuits.sentences() == ()
    world.upstream.error = None
    assert await ask("healthy") == "answer"
    world.upstream.error = ForbiddenError("scope missing")
    for item in ("a", "b", "c", "d", "e"):
        with pytest.raises(ForbiddenError):
            await ask(item)
    assert world.upstream.calls == 10 + 1 + 3
    assert world.circuits.sentences() == ("app cli_1, asking: scope missing",)


async def test_a_failure_that_passes_opens_nothing() -> None:
    world = World()
    world.upstream.error = UnavailableError("away")
    for _ in range(3):
        await world.fails(UnavailableError)
    assert world.upstream.calls == 3
    assert world.circuits.sentences() == ()


async def test_a_probe_that_fails_otherwise_leaves_the_circuit_open_and_is_repeated() -> None:
    world = World()
    world.upstream.error = BAD_SECRET
    await world.fails(CredentialsError)
    world.now += FIRST_PROBE
    world.upstream.error = UnavailableError("away")
    await world.fails(UnavailableError)
    await world.fails(CredentialsError)
    world.now += FIRST_PROBE
    world.upstream.error = None
    assert await world.call() == "answer"


async def test_guarded_ports_refuse_without_calling_while_the_configuration_is_broken() -> None:
    circuits = Circuits(lambda: 0.0)
    feishu, bytebase = FakeApprovals(), FakeSubjects()
    feishu.instances["C"] = pending("C")
    approvals = GuardedApprovals(feishu, circuits, app="app cli_1")  # type: ignore[arg-type]
    subjects = GuardedSubjects(bytebase, circuits, account="account gitops")  # type: ignore[arg-type]
    assert (await approvals.read("C")).started == NOW
    feishu.failure = BAD_SECRET
    for _ in range(3):
        with pytest.raises(CredentialsError):
            await approvals.read("C")
        with pytest.raises(CredentialsError):
            await approvals.definition("stage-gate")
    assert feishu.reads == ["C", "C"]
    assert await subjects.discover(full=True) == []
    assert approvals.link("C") == "https://feishu.example/C"


@pytest.mark.parametrize(("guarded", "port"), [(GuardedSubjects, SubjectPort), (GuardedApprovals, ApprovalPort)])
def test_guarded_ports_have_every_method_of_the_port_with_its_parameters(guarded: type, port: type) -> None:
    names = [name for name in vars(port) if not name.startswith("_")]
    assert names
    for name in names:
        assert inspect.signature(getattr(guarded, name)) == inspect.signature(getattr(port, name)), name
