"""What the gate loop is built from: its ports and what the spec says, bound to one digest of the spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.ports.sync import ApprovalPort, Clock, Ledger, SubjectPort
from reconciler.subjects.gate import Gate

SURE_SKEW = 60.0
"""Seconds of difference to the upstreams' clocks beyond which nothing expires and nothing is reminded (design §5.1)."""


@dataclass(frozen=True, slots=True)
class NotifyRule:
    """Who is told of which events by a card: `to` is `requester` or a chat id (`oc_…`)."""

    to: str
    when: frozenset[str]


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """One target's gates and names. `circuit` says which configuration is known to be broken, '' when none is."""

    integration: str
    identity: str
    gates: tuple[Gate, ...]
    spec_digest: str
    notify: tuple[NotifyRule, ...] = ()
    is_draining: bool = False
    circuit: Callable[[], str] = lambda: ""


@dataclass(frozen=True, slots=True)
class SyncPorts:
    """The outside world of one target."""

    subjects: SubjectPort
    approvals: ApprovalPort
    ledger: Ledger
    clock: Clock


@dataclass(frozen=True, slots=True)
class PassResult:
    """What the queue should do next: look at this subject again after so many seconds (None: when woken), wake others.

    `why` says what failed where a failure made it back off.
    """

    again_after: float | None = None
    wake: tuple[str, ...] = ()
    decision: str = ""
    row: int = 0
    why: str = ""
