"""Everything one pass has read, whole, before it decides. Data only; made by the observing operation, judged by `assess`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.subjects.change import Change, Entitlement, Question, ReviewStep, Stage
from reconciler.subjects.entry import Entry, Reason, Wish
from reconciler.subjects.gate import Gate
from reconciler.subjects.instance import Instance, LiveDefinition, Resolution


@dataclass(frozen=True, slots=True)
class Observation:
    """The facts of one subject at `now`. None means: does not exist, or is not needed; a failed read is `failure`.

    `change` None: the plan or issue answered 404. `stage` or `step` is what the subject names, None where it is not there
    (any more). `own_email` is the account that acts on the subject, and `own_problem` why it may not. `vanished`: earlier stages of the
    plan that had unfinished tasks and disappeared or moved behind this one. `clock_is_sure` is false when the upstreams'
    clocks differ from ours by more than a minute: then nothing expires, nothing is reminded.
    """

    subject: str
    now: datetime
    change: Change | None = None
    stage: Stage | None = None
    step: ReviewStep | None = None
    gate: Gate | None = None
    entry: Entry | None = None
    instance: Instance | None = None
    definition: LiveDefinition | None = None
    entitlement: Entitlement | None = None
    resolution: Resolution | None = None
    wishes: tuple[Wish, ...] = ()
    own_email: str = ""
    own_problem: str = ""
    vanished: tuple[str, ...] = ()
    circuit: str = ""
    failure: str = ""
    clock_is_sure: bool = True
    is_draining: bool = False

    @property
    def question(self) -> Question | None:
        """The stage or the review step, whichever the subject names."""
        return self.stage if self.stage is not None else self.step

    @property
    def approvers(self) -> frozenset[str]:
        """Entitled people without the requesters, unless the gate lets people approve their own change."""
        if self.entitlement is None or self.change is None or self.gate is None:
            return frozenset()
        if self.gate.self_approval:
            return self.entitlement.people
        return self.entitlement.people - self.change.requesters

    @property
    def resolved(self) -> dict[str, str]:
        """Approvers found in Feishu: e-mail to open id, sorted by e-mail."""
        if self.resolution is None:
            return {}
        return {
            email: self.resolution.found[email] for email in sorted(self.approvers) if email in self.resolution.found
        }


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why a subject may not be asked about or run now; `ground` when a pending request must be withdrawn for it."""

    reason: Reason
    ground: bool = False
