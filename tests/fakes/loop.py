"""The gate loop over the simulated world: real decide and act code, a ledger, one fake clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from fakes.memory_ledger import MemoryLedger
from fakes.simulated_world import OWN, SimApprovals, SimSubjects, World, WorldClock

from reconciler.ids import root_of
from reconciler.operations.sync.adopt import Adopter
from reconciler.operations.sync.bell import Bell, accept_wish
from reconciler.operations.sync.outbox import Outbox
from reconciler.operations.sync.reconcile import Reconciler
from reconciler.operations.sync.settings import PassResult, SyncPorts, SyncSettings
from reconciler.ports.sync import Ledger
from reconciler.subjects.entry import Entry, Wish
from reconciler.subjects.gate import ApproverSource, Gate, GateMatch

GATE = Gate(
    name="all",
    at="stage",
    match=GateMatch(),
    definition="stage-gate",
    external_node=None,
    approvers=ApproverSource("rolloutPolicy"),
)
REVIEW_GATE = replace(GATE, name="reviews", at="review", approvers=ApproverSource("flow"))


class Loop:
    """Discovers, passes, listens and delivers, as the daemon does, but one thing at a time."""

    def __init__(self, world: World, *, gate: Gate = GATE, ledger: Ledger | None = None) -> None:
        self.world = world
        self.gate: Gate | None = gate
        self.review_gate: Gate | None = None
        self.ledger = ledger if ledger is not None else MemoryLedger()
        self.draining = False
        self.restart()

    def restart(self) -> None:
        gates = tuple(gate for gate in (self.gate, self.review_gate) if gate is not None)
        settings = SyncSettings("acme", "acme-test", gates, "spec", is_draining=self.draining)
        self.ports = SyncPorts(SimSubjects(self.world), SimApprovals(self.world), self.ledger, WorldClock(self.world))
        self.reconciler = Reconciler(self.ports, settings)
        self.outbox = Outbox(self.ports)
        self.bell = Bell(self.ports, self.reconciler.observer)
        self.adopter = Adopter(self.ports, settings)

    def set_gate(self, gate: Gate | None) -> None:
        self.gate = gate
        self.restart()

    async def subjects(self) -> list[str]:
        sighted = [s.subject for s in await self.ports.subjects.discover(full=True) if s.subject]
        known = [entry.subject for entry in await self.ledger.entries()]
        return sorted({*sighted, *known})

    async def one(self, subject: str) -> PassResult:
        return await self.reconciler.reconcile(subject)

    async def round(self) -> list[PassResult]:
        results = []
        for subject in await self.subjects():
            plan = self.world.plan_of(root_of(subject))
            if plan is not None and plan.issue is not None:
                change = self.world.change(plan)
                waiting = change.step or change.frontier
                if waiting is not None and waiting.name == subject:
                    await self.bell.listen(plan.issue, subject, await self.ports.subjects.comments(plan.issue))
            results.append(await self.one(subject))
        await self.outbox.deliver()
        return results

    async def settle(self, rounds: int = 25, *, step: timedelta = timedelta(seconds=15)) -> None:
        """Rounds without faults, with a little time in between, until nothing can still be moving."""
        for _ in range(rounds):
            await self.round()
            self.world.now += step

    async def adopt(self) -> None:
        since = self.world.now - timedelta(days=30)
        for subject in await self.adopter.unknown_subjects(["stage-gate"], since):
            await self.reconciler.take_over(subject)

    async def ask(self, subject: str, by: str = OWN) -> None:
        at = self.world.now
        await accept_wish(self.ledger, Wish(f"wish-{subject}-{at.isoformat()}", subject, "cli", by, at), at)

    async def entry(self, subject: str) -> Entry:
        entry = await self.ledger.entry(subject)
        assert entry is not None
        return entry

    def with_gate(self, **changes: object) -> None:
        assert self.gate is not None
        self.set_gate(replace(self.gate, **changes))  # type: ignore[arg-type]


def run(coroutine):  # type: ignore[no-untyped-def]
    """Run a coroutine to its end on a loop of its own."""
    return asyncio.run(coroutine)
