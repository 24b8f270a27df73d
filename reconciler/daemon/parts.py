"""What the daemon is handed: the parts of one target, and the few questions it asks of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.daemon.circuit import Circuits
from reconciler.daemon.queue import PassOutcome
from reconciler.ports.sync import ApprovalPort, Clock, Ledger, SubjectPort
from reconciler.subjects.change import Comment


class Passes(Protocol):
    """The gate loop's pass, or one that only looks."""

    async def reconcile(self, subject: str) -> PassOutcome:
        """One pass over one subject."""
        ...


class Deliveries(Protocol):
    """Sends the messages that are owed."""

    async def deliver(self) -> int:
        """Try every message that is due; returns how many were delivered."""
        ...


class Commands(Protocol):
    """Hears commands in comments."""

    async def listen(self, issue: str, subject: str, comments: Sequence[Comment]) -> bool:
        """Record the new commands among these comments; True when there was one."""
        ...


class Asked(Protocol):
    """An instance that waits for people, and whose it is."""

    @property
    def subject(self) -> str:
        """The subject that was asked about."""
        ...

    @property
    def code(self) -> str:
        """The instance's code."""
        ...


class Watched(Protocol):
    """A subject whose issue may hold commands."""

    @property
    def subject(self) -> str:
        """The subject."""
        ...

    @property
    def issue(self) -> str:
        """Its issue's name."""
        ...


class Agenda(Protocol):
    """Cheap questions to the ledger that only ever lead to a look at a key."""

    async def open_subjects(self) -> Sequence[str]:
        """Subjects with an entry that is not closed."""
        ...

    async def unsettled(self) -> Sequence[str]:
        """Subjects with a request that exists or may exist and has not been ended."""
        ...

    async def wished(self) -> Sequence[tuple[str, str]]:
        """Unanswered wishes: subject and id."""
        ...

    async def asked(self) -> Sequence[Asked]:
        """Instances that wait for people or for their withdrawal."""
        ...

    async def watched(self) -> Sequence[Watched]:
        """Subjects with an issue and an open entry, those that changed last first."""
        ...

    async def subject_of(self, *, code: str, uuid: str) -> str | None:
        """The subject whose request has this instance code or uuid."""
        ...

    async def is_asked(self, subject: str, *, code: str) -> bool:
        """Whether the subject's present entry says that people are being asked by this instance."""
        ...

    async def counts(self) -> dict[str, int]:
        """How many present entries are in each state."""
        ...

    async def version(self) -> tuple[int, int]:
        """A value that differs once anything was decided or delivered."""
        ...


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How often the upstreams are read, in seconds. `instances_every` is the net, or Feishu's poll where no events come.

    `nodes_every`: how often each external node is asked about what it has not decided.
    """

    changes_every: float = 5.0
    instances_every: float = 900.0
    instances_per_minute: float = 700.0
    nodes_every: Mapping[str, float] = field(default_factory=dict)


class InstanceHint(Protocol):
    """What an event says about an instance."""

    @property
    def instance_code(self) -> str:
        """The instance's code, '' when the event has none."""
        ...

    @property
    def uuid(self) -> str:
        """The uuid it was created with, '' when the event has none."""
        ...

    @property
    def is_pending(self) -> bool:
        """Whether all it says is that something now waits for people."""
        ...


class EventSink(Protocol):
    """Where events go. Both calls return at once and never fail.

    Of several connections of one app a random one gets each event, so whoever hears of an instance tells all targets.
    """

    def hint(self, hint: InstanceHint) -> None:
        """Follow up an event about an instance."""
        ...

    def events_may_be_lost(self) -> None:
        """Re-read every undecided instance now: the connection was cut for a while."""
        ...


Background = Callable[[EventSink], Awaitable[None]]
"""Something that runs beside the loop until it is cancelled, such as the long connection."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a callback is answered with, before any work is done."""

    status: int
    body: Mapping[str, str]


FeishuCallback = Callable[[Mapping[str, str], bytes], Awaitable[tuple[HttpAnswer, InstanceHint | None]]]
"""Judges one callback: its answer, and the hint in it if it is authentic and new. Never raises."""

ExternalCallback = Callable[[Mapping[str, str], bytes], Awaitable[tuple[HttpAnswer, str | None]]]
"""Judges one answer of an external node: its answer, and the subject it is about if it is authentic. Never raises."""


@dataclass(frozen=True, slots=True)
class SyncTarget:
    """One target as the daemon runs it, bound to one digest of its spec.

    `definitions` are read once before it counts as ready. `adopt` looks for requests that the ledger does not know, `drain`
    withdraws what is pending and returns how much still is. `subscribe` asks for the definitions' events and tells whether
    that was new for any of them; None where no events come. `bytebase_url` is where people open issues.
    """

    name: str
    spec_digest: str
    passes: Passes
    outbox: Deliveries
    commands: Commands
    subjects: SubjectPort
    approvals: ApprovalPort
    ledger: Ledger
    agenda: Agenda
    clock: Clock
    bytebase_url: str
    definitions: tuple[str, ...] = ()
    poll: PollSettings = field(default_factory=PollSettings)
    adopt: Callable[[], Awaitable[None]] | None = None
    drain: Callable[[], Awaitable[int]] | None = None
    subscribe: Callable[[], Awaitable[bool]] | None = None
    background: tuple[Background, ...] = ()
    feishu_callback: FeishuCallback | None = None
    external_callbacks: Mapping[str, ExternalCallback] = field(default_factory=dict)
    circuits: Circuits | None = None
    aclose: Callable[[], Awaitable[None]] | None = None
