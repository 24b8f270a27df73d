"""From facts to a situation: each closed choice of `situation` is judged here, and nowhere else. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from reconciler.subjects.change import ReviewStep, TaskStatus
from reconciler.subjects.entry import Entry, EntryState, Reason
from reconciler.subjects.instance import DIGEST_WIDGET, Instance, InstanceStatus
from reconciler.sync.blockers import blocker
from reconciler.sync.fingerprint import fingerprint
from reconciler.sync.observation import Blocker, Observation
from reconciler.sync.reasons import reason
from reconciler.sync.situation import Answer, Blocked, Differs, Due, Phase, Reads, Situation, Stand, Worth
from reconciler.sync.stand import act_is_visible, stand_of
from reconciler.sync.verdict import NotVerified, Verified
from reconciler.sync.verify import verify

VOID_REST = timedelta(hours=1)
"""How long a void request blocks its subject unless somebody asks (design §5.2, row 2)."""
_LIVE = frozenset({EntryState.INTENDED, EntryState.ASKED, EntryState.RUNNING, EntryState.WITHDRAWING, EntryState.VOID})
_OVER_ANSWERS = frozenset({Answer.APPROVED, Answer.REJECTED, Answer.WITHDRAWN, Answer.DELETED, Answer.REVERTED})


@dataclass(frozen=True, slots=True)
class Assessment:
    """A situation with the sentences behind it: what blocks, why the stage stands as it does, who approved."""

    situation: Situation
    fingerprint: str
    stand_reason: Reason
    blocked_by: Blocker | None
    quiet_reason: Reason | None
    verdict: Verified | NotVerified | None
    lost: tuple[str, ...]


def assess(seen: Observation) -> Assessment:
    """Judge an observation. Every unclear fact ends in FAILED reads, a blocker or an unverified approval, never in a write."""
    entry = seen.entry if seen.entry is not None and seen.entry.state in _LIVE else None
    stand, stand_reason = stand_of(seen)
    question = seen.question
    print_ = fingerprint(seen.change, question) if seen.change is not None and question is not None else ""
    answer = _answer(seen.instance)
    verdict = _verdict(seen) if answer is Answer.APPROVED else None
    lost = tuple(sorted(_lost(seen, entry)))
    blocked_by = blocker(seen) if stand is Stand.WAITING else None
    quiet_reason = _quiet(seen) if stand is Stand.WAITING else None
    situation = Situation(
        reads=Reads.FAILED if _is_unclear(seen) else Reads.WHOLE,
        stand=stand,
        phase=_phase(seen, entry),
        answer=answer,
        differs=_differs(seen, entry, print_, lost),
        blocked=Blocked.NO if blocked_by is None else (Blocked.GROUND if blocked_by.ground else Blocked.OTHER),
        worth=_worth(seen, entry, verdict),
        due=_due(seen, entry),
        asked=bool(seen.wishes),
        quiet=quiet_reason is not None,
    )
    return Assessment(situation, print_, stand_reason, blocked_by, quiet_reason, verdict, lost)


def _is_unclear(seen: Observation) -> bool:
    if seen.failure:
        return True
    if seen.stage is not None and any(task.status is TaskStatus.UNKNOWN for task in seen.stage.tasks):
        return True
    return seen.instance is not None and seen.instance.status is InstanceStatus.UNKNOWN


def _phase(seen: Observation, entry: Entry | None) -> Phase:
    if entry is None:
        return Phase.NONE
    match entry.state:
        case EntryState.WITHDRAWING:
            return Phase.WITHDRAWING
        case EntryState.VOID:
            ripe = seen.clock_is_sure and seen.now - entry.since >= VOID_REST
            return Phase.VOID_RIPE if ripe else Phase.VOID
        case _:
            return Phase.OPEN


def _answer(instance: Instance | None) -> Answer:
    if instance is None:
        return Answer.NONE
    match instance.status:
        case InstanceStatus.APPROVED:
            return Answer.REVERTED if instance.is_reverted else Answer.APPROVED
        case InstanceStatus.REJECTED:
            return Answer.REJECTED
        case InstanceStatus.CANCELED:
            return Answer.REVERTED if instance.is_reverted else Answer.WITHDRAWN
        case InstanceStatus.DELETED:
            return Answer.DELETED
        case _:
            sent_back = instance.timeline and instance.timeline[-1].type in ("ROLLBACK", "ROLLBACK_SELECTED")
            return Answer.SENT_BACK if sent_back else Answer.PENDING


def _lost(seen: Observation, entry: Entry | None) -> frozenset[str]:
    if entry is None or entry.request is None or seen.entitlement is None:
        return frozenset()
    return frozenset(person.email for person in entry.request.approvers) - seen.approvers


def _differs(seen: Observation, entry: Entry | None, print_: str, lost: tuple[str, ...]) -> Differs:
    if entry is None or seen.gate is None or seen.definition is None or not print_:
        return Differs.NO
    if entry.fingerprint != print_ or (isinstance(seen.question, ReviewStep) and entry.spent):
        return Differs.CONTENT
    if _node_holds_another_content(seen.instance, entry):
        return Differs.CONTENT
    code = entry.request.definition_code if entry.request is not None else seen.definition.code
    if code.lower() != seen.definition.code.lower() and not seen.definition.problem:
        return Differs.DEFINITION
    settled = entry.loss_since is not None and seen.clock_is_sure and seen.now - entry.loss_since >= seen.gate.settle
    if lost and settled:
        return Differs.APPROVERS
    replaces = seen.gate.on_approvers_added == "replace" or seen.definition.decision.value != "any"
    if replaces and seen.entitlement is not None and seen.approvers - entry.entitled:
        return Differs.APPROVERS
    return Differs.NO


def _node_holds_another_content(instance: Instance | None, entry: Entry) -> bool:
    """A node that was asked twice under one key keeps the first question, which may have been another one."""
    if instance is None or entry.request is None or entry.request.brief is None:
        return False
    held = dict(instance.form).get(DIGEST_WIDGET)
    return held is not None and held != entry.request.brief.digest


def _verdict(seen: Observation) -> Verified | NotVerified | None:
    if seen.entry is None or seen.instance is None or seen.gate is None or seen.definition is None:
        return None
    return verify(seen.entry, seen.instance, gate=seen.gate, definition=seen.definition, entitled=seen.resolved)


def _worth(seen: Observation, entry: Entry | None, verdict: Verified | NotVerified | None) -> Worth:
    if entry is not None and (entry.spent or act_is_visible(entry, seen)):
        return Worth.SPENT
    if not isinstance(verdict, Verified):
        return Worth.UNVERIFIED
    decided = seen.instance.ended if seen.instance is not None else None
    if decided is None or seen.gate is None or seen.now - decided > seen.gate.approval_valid_for:
        return Worth.OLD
    return Worth.USABLE


def _due(seen: Observation, entry: Entry | None) -> Due:
    gate, instance = seen.gate, seen.instance
    if entry is None or gate is None or instance is None or not seen.clock_is_sure:
        return Due.NOTHING
    age = seen.now - instance.started
    if age >= gate.expire_after:
        return Due.EXPIRY
    reminded = entry.reminded_at or instance.started
    return Due.REMINDER if seen.now - reminded >= gate.remind_after else Due.NOTHING


def _quiet(seen: Observation) -> Reason | None:
    change, question, gate, entry = seen.change, seen.question, seen.gate, seen.entry
    if change is None or question is None or gate is None:
        return None
    if seen.is_draining:
        return reason("draining")
    if entry is not None and entry.outcome == "expired" and entry.fingerprint == fingerprint(change, question):
        return reason("expired")
    if gate.since is not None and change.created < gate.since:
        return reason("beforeSince")
    if gate.send == "onRequest" or (gate.send == "byOrigin" and not change.by_pipeline):
        return reason("onRequest" if change.issue is not None else "onRequestNoIssue")
    failed = any(task.status in (TaskStatus.FAILED, TaskStatus.CANCELED) for task in question.tasks)
    if failed and gate.on_failure == "hold":
        return reason("failedTasks")
    return None
