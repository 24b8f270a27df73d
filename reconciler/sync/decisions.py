"""What a pass may decide: a tagged union. Each carries the row of the table it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a request is withdrawn or a question closed: a code that a true sentence is made from."""

    ENDED = "ended"
    RUN_BY_HAND = "runByHand"
    CONTENT = "contentChanged"
    DEFINITION = "definitionChanged"
    APPROVERS = "approversChanged"
    GROUND = "groundTaken"
    EXPIRED = "expired"
    ASKED_AGAIN = "askedAgain"
    VOID_OVER = "voidOver"
    DRAINED = "drained"


class Outcome(StrEnum):
    """How a question was answered other than by an approval that counts; people are told once."""

    REJECTED = "rejected"
    SENT_BACK = "sentBack"
    WITHDRAWN = "withdrawnByPerson"
    DELETED = "definitionDeleted"
    REVERTED = "approvalRevoked"


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing now and look again later; `backoff` after a failed read."""

    row: int
    backoff: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Send nothing, run nothing, and show why."""

    row: int


@dataclass(frozen=True, slots=True)
class Send:
    """Create the request of the next slot."""

    row: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Begin to withdraw the pending request."""

    row: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class FinishWithdrawal:
    """Go on withdrawing until Feishu says that the request is no longer pending."""

    row: int


@dataclass(frozen=True, slots=True)
class Run:
    """Run the whole stage: every runnable task in one call."""

    row: int


@dataclass(frozen=True, slots=True)
class Close:
    """End the present question; the next pass starts afresh."""

    row: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell people once how the question was answered, apply `onReject`, and hold."""

    row: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Remind:
    """Remind the approvers of a pending request; `asked` when a person wanted it."""

    row: int
    asked: bool


Decision = Wait | Hold | Send | Withdraw | FinishWithdrawal | Run | Close | Tell | Remind
WRITES = (Send, Withdraw, FinishWithdrawal, Run, Close, Tell, Remind)
"""Decisions that change something; none of them may follow from a failed read."""
