"""A target for the daemon, made of a real ledger and of ports that answer what a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.adapters.store import SqlAgenda, SqlLedger, Store
from reconciler.daemon.parts import PollSettings, SyncTarget
from reconciler.errors import NotFoundError
from reconciler.ports.sync import Sighting
from reconciler.subjects.change import Comment
from reconciler.subjects.entry import Entry, EntryState, LedgerChange, Reason
from reconciler.subjects.instance import Decision, Instance, InstanceStatus, LiveDefinition, NodeTask, NodeTaskStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stage(plan: int, name: str = "prod") -> str:
    return f"projects/demo/plans/{plan}/rollout/stages/{name}"


def entry(subject: str, state: EntryState = EntryState.ASKED, **changes: object) -> Entry:
    blank = Entry(subject, 0, state, "prod", Reason("asked", "asked in Feishu", "已发起"), NOW)
    return replace(blank, **changes)  # type: ignore[arg-type]


def pending(code: str, status: InstanceStatus = InstanceStatus.PENDING) -> Instance:
    task = NodeTask("t1", "ou_1", NodeTaskStatus.PENDING, "n", "gate")
    return Instance(code, f"uuid-{code}", "DEF", status, "ou_bot", NOW, (), (task,))


@dataclass
class FakeSubjects:
    """Bytebase: what it shows, and how often it was asked."""

    sightings: list[Sighting] = field(default_factory=list)
    issue_comments: dict[str, list[Comment]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def discover(self, *, full: bool) -> Sequence[Sighting]:
        self.calls.append("full" if full else "cheap")
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return list(self.sightings)

    async def comments(self, issue: str) -> Sequence[Comment]:
        self.calls.append(issue)
        return self.issue_comments.get(issue, [])


@dataclass
class FakeApprovals:
    """Feishu: its instances, and which were read."""

    instances: dict[str, Instance] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def read(self, code: str) -> Instance:
        self.reads.append(code)
        if self.failure is not None:
            raise self.failure
        if code not in self.instances:
            raise NotFoundError("no such instance", where=code)
        return self.instances[code]

    async def definition(self, name: str) -> LiveDefinition:
        if self.failure is not None:
            raise self.failure
        return LiveDefinition(name, "DEF", "node", Decision.ANY)

    def link(self, instance: str) -> str:
        return f"https://feishu.example/{instance}"


@dataclass(frozen=True)
class Result:
    """How a pass ended."""

    again_after: float | None = None
    wake: tuple[str, ...] = ()
    decision: str = "wait"
    row: int = 15
    why: str = ""


@dataclass
class FakePasses:
    """Passes that note their subject; `act` may do more."""

    done: list[str] = field(default_factory=list)
    act: Callable[[str], object] = lambda _: None
    seconds: float = 0.0
    result: Result = Result()

    async def reconcile(self, subject: str) -> Result:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        self.act(subject)
        self.done.append(subject)
        return self.result


@dataclass
class FakeOutbox:
    """Delivers what it is told is owed."""

    owed: int = 0
    delivered: int = 0

    async def deliver(self) -> int:
        sent, self.owed = self.owed, 0
        self.delivered += sent
        return sent


@dataclass
class FakeCommands:
    """Hears a command in every non-empty list of comments."""

    heard: list[str] = field(default_factory=list)

    async def listen(self, issue: str, subject: str, comments: Sequence[Comment]) -> bool:
        if comments:
            self.heard.append(subject)
        return bool(comments)


class FakeClock:
    """Stands still."""

    def __init__(self, skew: float = 0.0) -> None:
        self._skew = skew

    def now(self) -> datetime:
        return NOW

    def skew(self) -> float:
        return self._skew


@dataclass
class Parts:
    """A target and everything a test needs to look at."""

    store: Store
    name: str = "acme"
    subjects: FakeSubjects = field(default_factory=FakeSubjects)
    approvals: FakeApprovals = field(default_factory=FakeApprovals)
    passes: FakePasses = field(default_factory=FakePasses)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    commands: FakeCommands = field(default_factory=FakeCommands)
    clock: FakeClock = field(default_factory=FakeClock)
    closed: int = 0

    def __post_init__(self) -> None:
        self.ledger = SqlLedger(self.store, self.name)

    async def put(self, *entries: Entry) -> None:
        for each in entries:
            await self.ledger.commit(LedgerChange(entry=each))

    async def aclose(self) -> None:
        self.closed += 1

    def target(self, **changes: object) -> SyncTarget:
        target = SyncTarget(
            name=self.name,
            spec_digest="digest",
            passes=self.passes,
            outbox=self.outbox,
            commands=self.commands,
            subjects=self.subjects,  # type: ignore[arg-type]
            approvals=self.approvals,  # type: ignore[arg-type]
            ledger=self.ledger,
            agenda=SqlAgenda(self.store, self.name),
            clock=self.clock,
            bytebase_url="https://bytebase.example",
            definitions=("stage-gate",),
            poll=PollSettings(),
            aclose=self.aclose,
        )
        return replace(target, **changes)  # type: ignore[arg-type]


async def parts(folder: object, name: str = "acme") -> Parts:
    """Parts over a fresh store whose transactions take no thread."""
    from reconciler.adapters.store import open_store

    return Parts(await open_store(f"sqlite:///{folder}/store.db", inline=True), name)
