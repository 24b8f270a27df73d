"""What the decision table looks at: a finite summary of subject, entry, instance and gate. Every field is a closed choice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Reads(Enum):
    """Whether everything needed was read and understood."""

    WHOLE = auto()
    FAILED = auto()


class Stand(Enum):
    """Where the subject stands. OVER: ended, plan closed, not the frontier, or no gate matches any more."""

    OVER = auto()
    IN_FLIGHT_OURS = auto()
    IN_FLIGHT_OTHERS = auto()
    WAITING = auto()


class Phase(Enum):
    """The ledger's word on the present question. NONE covers held and closed entries, and no entry at all."""

    NONE = auto()
    OPEN = auto()
    WITHDRAWING = auto()
    VOID = auto()
    VOID_RIPE = auto()


class Answer(Enum):
    """What the instance says. SENT_BACK: returned to its submitter without an end. WITHDRAWN: by a person."""

    NONE = auto()
    PENDING = auto()
    APPROVED = auto()
    REJECTED = auto()
    SENT_BACK = auto()
    WITHDRAWN = auto()
    DELETED = auto()
    REVERTED = auto()


class Differs(Enum):
    """How today's question differs from the one asked. APPROVERS covers a settled loss, and additions where the gate replaces."""

    NO = auto()
    CONTENT = auto()
    DEFINITION = auto()
    APPROVERS = auto()


class Blocked(Enum):
    """Whether the subject may be asked about at all. GROUND: review, licence or an automatic environment took the ground away."""

    NO = auto()
    GROUND = auto()
    OTHER = auto()


class Worth(Enum):
    """What an approval is worth; looked at only when the answer is APPROVED."""

    USABLE = auto()
    OLD = auto()
    UNVERIFIED = auto()
    SPENT = auto()


class Due(Enum):
    """What time has made due on a pending request."""

    NOTHING = auto()
    REMINDER = auto()
    EXPIRY = auto()


@dataclass(frozen=True, slots=True)
class Situation:
    """All a decision depends on. `asked`: a wish waits (5.7). `quiet`: a policy says not to send by itself (row 16)."""

    reads: Reads
    stand: Stand
    phase: Phase
    answer: Answer
    differs: Differs
    blocked: Blocked
    worth: Worth
    due: Due
    asked: bool
    quiet: bool
