"""The ledger's entry for one subject: which question we asked, in which state it is, what is owed. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.subjects.instance import InstanceRequest


class EntryState(StrEnum):
    """Where the present question stands.

    HELD: nothing is in Feishu and the reason is shown · INTENDED: the request is stored, the create may or may not have
    happened · ASKED: the instance is known · RUNNING: its approval was spent on a run · WITHDRAWING: it must end before
    anything else · VOID: it can neither be withdrawn nor ever count · CLOSED: over.
    """

    HELD = "held"
    INTENDED = "intended"
    ASKED = "asked"
    RUNNING = "running"
    WITHDRAWING = "withdrawing"
    VOID = "void"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a stable code for programs and a sentence for people, in English and Chinese."""

    code: str
    text: str
    zh: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody asked for a subject to be sent or reminded: from a comment (`source` is its name) or the command line."""

    id: str
    subject: str
    source: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject's present question. `generation` is the slot of `request`, or of the next one where none was made.

    `answered_at`: when an external node was first seen to have decided; nodes tell no time. `instance` is set once the slot's instance is known to exist; only then may the generation advance. `run_tasks` are
    the tasks a run was meant for, each with its newest run's name before it. `outcome` is the last conclusion people were told ('rejected', 'withdrawn', …).
    `probed`: the slots in Feishu were looked at, so that a lost ledger cannot lead to a second request. `stages` are the stages up to this one when it was last seen as the frontier.
    """

    subject: str
    generation: int
    state: EntryState
    gate: str
    reason: Reason
    since: datetime
    request: InstanceRequest | None = None
    instance: str | None = None
    link: str = ""
    fingerprint: str = ""
    entitled: frozenset[str] = frozenset()
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    loss_since: datetime | None = None
    crossed: bool = False
    run_tasks: tuple[tuple[str, str], ...] = ()
    run_at: datetime | None = None
    spent: bool = False
    outcome: str = ""
    reminded_at: datetime | None = None
    actors: tuple[str, ...] = ()
    unfinished: bool = True
    attempts: int = 0
    next_attempt: datetime | None = None
    spec_digest: str = ""
    issue: str = ""
    title: str = ""
    probed: bool = False
    stages: tuple[str, ...] = ()

    @property
    def next_generation(self) -> int:
        """The slot of the next request: this one while its instance is not known to exist."""
        return self.generation + 1 if self.instance else self.generation


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the append-only history: what was decided, on which content, by whom, through which instance."""

    time: datetime
    subject: str
    generation: int
    decision: str
    reason: Reason
    actor: str = ""
    instance: str = ""
    fingerprint: str = ""
    spec_digest: str = ""
    gate: str = ""
    evidence: tuple[tuple[str, str], ...] = ()


class OutboxKind(StrEnum):
    """Where a message goes. STATUS is the one comment per issue that is edited in place."""

    ISSUE_COMMENT = "issueComment"
    STATUS_COMMENT = "statusComment"
    INSTANCE_COMMENT = "instanceComment"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A message that is owed: delivered once, found again by `mark` after a lost answer, or stated as failed.

    `to` is an issue name, an instance code, or a Feishu receiver (`ou_…`, `oc_…`). `texts` maps locale to text.
    """

    mark: str
    kind: OutboxKind
    to: str
    texts: tuple[tuple[str, str], ...]
    subject: str = ""
    link: str = ""
    attempts: int = 0
    failed: str = ""
    delivered_at: datetime | None = None
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """What one pass records, in one transaction: all of it or nothing."""

    entry: Entry | None = None
    history: tuple[HistoryRow, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()
    wishes_done: tuple[tuple[str, str], ...] = ()
