"""Ports of the gate loop: Bytebase's side, Feishu's side, the ledger, the clock.

Every method either returns whole facts or raises one of `reconciler.errors`; a failed read never looks like an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.subjects.change import Change, Comment, Entitlement, Question, ReviewStep, Stage, Statement
from reconciler.subjects.entry import Entry, HistoryRow, LedgerChange, OutboxItem, Wish
from reconciler.subjects.gate import ApproverSource
from reconciler.subjects.instance import CancelResult, Instance, InstanceRequest, LiveDefinition, Resolution


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """The present moment by the local clock."""
        ...

    def skew(self) -> float:
        """Seconds by which the upstreams' clocks differ from ours at most, as last seen in their answers."""
        ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a cheap poll saw of one change: what of it waits, and a signal that differs when it changed.

    `plan` is what the subject is read by: the plan, or the issue of a review. `subject` is the frontier stage or the
    pending review step, None when nothing waits.
    """

    plan: str
    subject: str | None
    signal: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """The account that answers review steps of one role: its e-mail, '' where none is declared, and why it may not."""

    email: str
    problem: str = ""


class SubjectPort(Protocol):
    """Bytebase as the gate loop needs it."""

    async def discover(self, *, full: bool) -> Sequence[Sighting]:
        """Changes with a rollout in every visible project; `full` also looks for those that the cheap list hides."""
        ...

    async def observe(self, root: str) -> Change:
        """Read one change whole, by its plan or its issue. Raises NotFoundError only when that itself answers 404."""
        ...

    def distrust(self) -> None:
        """Forget what was remembered about rights and people: what is read from now on is what holds now."""
        ...

    async def entitled(self, change: Change, question: Question, source: ApproverSource) -> Entitlement:
        """Who may decide this now (requesters not yet taken out)."""
        ...

    async def statements(self, change: Change, question: Question) -> Sequence[Statement]:
        """The SQL of the tasks asked about, identical texts once, in order of first task."""
        ...

    async def run(self, stage: Stage, tasks: Sequence[str]) -> None:
        """Start these tasks in one call. Success proves nothing: observe again. May raise an ambiguous error."""
        ...

    async def skip(self, stage: Stage, tasks: Sequence[str], reason: str) -> None:
        """Skip these tasks for good, with a reason."""
        ...

    async def reviewer(self, change: Change, role: str) -> Reviewer:
        """The account that answers steps of this role in the change's review, and whether it may."""
        ...

    async def answer(self, change: Change, step: ReviewStep, *, approve: bool, text: str) -> None:
        """Answer whatever step is pending at that moment, as the reviewer of this step's role; never repeated by itself.

        Success proves nothing: observe again. May raise an ambiguous error.
        """
        ...

    async def answers_with(self, issue: str, mark: str) -> int:
        """How many answers of the issue's review, also ones that were reset since, carry the mark in their text."""
        ...

    async def comments(self, issue: str) -> Sequence[Comment]:
        """All plain comments of an issue, oldest first; implementations keep the last page token to read less."""
        ...

    async def put_comment(self, issue: str, *, mark: str, text: str, edit: bool) -> None:
        """Write a comment that carries `mark`, unless one of ours already does; `edit` then brings its text up to date."""
        ...

    async def own_email(self) -> str:
        """The e-mail of the account that runs tasks and writes comments."""
        ...


class ApprovalPort(Protocol):
    """Where questions are decided, as the gate loop needs it: Feishu, and external nodes beside it.

    Where an external node decides, a definition's name and code are `node:<name>`, and the code of an instance is
    `node:<name>:<the node's own id>`.
    """

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """Map Bytebase e-mails to open ids by the spec's rules (overrides, domains, identical e-mail)."""
        ...

    async def bot(self) -> str:
        """The app's own open id, which stands in for an unknown requester."""
        ...

    async def definition(self, name: str) -> LiveDefinition:
        """The live definition behind a spec name; `problem` set where it cannot be used."""
        ...

    async def create(self, request: InstanceRequest) -> str:
        """Create an instance and return its code. ConflictError: the uuid is taken. May raise an ambiguous error."""
        ...

    async def read(self, code_or_uuid: str) -> Instance:
        """Read an instance by code or by uuid, texts in en-US. NotFoundError when it does not exist."""
        ...

    async def find(self, uuid: str, definition_code: str) -> Instance:
        """Read the instance in a slot by the slot's uuid. NotFoundError: it is free, or its node cannot tell."""
        ...

    async def cancel(self, instance: Instance) -> CancelResult:
        """Withdraw as its submitter; the caller has read it as PENDING just now and reads it again afterwards."""
        ...

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        """Comment as the bot, unless one of ours with that mark is already there."""
        ...

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """Remind the people whose tasks are pending; tells in a word what was done ('card', 'mention')."""
        ...

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        """Send a card to a person (`ou_…`) or chat (`oc_…`), at most once per mark."""
        ...

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        """Codes of the definition's instances created since then."""
        ...

    def link(self, instance: str) -> str:
        """A link that opens the instance for a person."""
        ...


class Ledger(Protocol):
    """The store of one integration: entries, wishes, outbox, history. Every write is one transaction."""

    async def entry(self, subject: str) -> Entry | None:
        """The present entry of a subject."""
        ...

    async def entries(self, *, open_only: bool = True) -> Sequence[Entry]:
        """Present entries of all subjects, sorted by subject; `open_only` leaves out CLOSED ones."""
        ...

    async def entries_of_plan(self, plan: str) -> Sequence[Entry]:
        """Present entries of every stage of one plan."""
        ...

    async def commit(self, change: LedgerChange) -> None:
        """Record all parts of a change or none.

        The entry replaces the row of its generation and becomes the present one. A status comment with a known mark and
        another text is owed anew; any other message with a known mark is not sent again. `wishes_done` are (id, answer).
        """
        ...

    async def add_wish(self, wish: Wish) -> bool:
        """Record a wish; False when its id is already known (also when it was answered long ago)."""
        ...

    async def wishes(self, subject: str) -> Sequence[Wish]:
        """Wishes for the subject that are not answered yet, oldest first."""
        ...

    async def wish_times(self, subject: str, since: datetime) -> Sequence[datetime]:
        """When wishes for the subject were accepted since then (for the limit per subject)."""
        ...

    async def wish_answer(self, wish_id: str) -> str | None:
        """The answer given to a wish, None while there is none."""
        ...

    async def outbox(self, *, due: datetime, limit: int = 100) -> Sequence[OutboxItem]:
        """Messages that are owed and due, oldest first."""
        ...

    async def update_outbox(self, item: OutboxItem) -> None:
        """Record an attempt, a delivery or a final failure."""
        ...

    async def history(self, subject: str | None = None, *, limit: int = 1000) -> Sequence[HistoryRow]:
        """History rows, oldest first; of one subject or of all."""
        ...
