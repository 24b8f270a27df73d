"""Why a waiting stage may neither be asked about nor run: each a typed reason with a sentence (design: blocked reasons)."""

from __future__ import annotations

from reconciler.subjects.change import CheckStatus, ReviewStatus, TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import Decision, Dialect
from reconciler.sync.observation import Blocker, Observation
from reconciler.sync.reasons import reason

_REVIEW_PASSED = frozenset({ReviewStatus.APPROVED, ReviewStatus.SKIPPED})


def blocker(seen: Observation) -> Blocker | None:
    """The first reason, in order of weight, that holds the subject; None when nothing does."""
    for find in (_ground, _gate, _review, _checks, _upstream, _people):
        if (found := find(seen)) is not None:
            return found
    return None


def _ground(seen: Observation) -> Blocker | None:
    change, stage = seen.change, seen.stage
    if change is None or stage is None:
        return None
    issue = change.issue
    # An empty flow stays PENDING for ever although nothing is left to approve (facts §7.2).
    empty_flow = issue is not None and issue.review is ReviewStatus.PENDING and not issue.roles
    if issue is not None and issue.review not in _REVIEW_PASSED and not empty_flow:
        return Blocker(reason("reviewMissing"), ground=True)
    if stage.automatic and any(task.status is TaskStatus.NOT_STARTED for task in stage.tasks):
        return Blocker(reason("automatic"), ground=True)
    return None


def _review(seen: Observation) -> Blocker | None:
    """What keeps a review step from being answered by us, before anybody is asked."""
    if seen.step is None:
        return None
    if not seen.step.role:
        return Blocker(reason("reviewChecking"))
    if seen.own_problem:
        return Blocker(reason("noReviewer", role=seen.step.role, why=seen.own_problem))
    return None


def _gate(seen: Observation) -> Blocker | None:
    gate = seen.gate
    if gate is None:
        return None
    if gate.paused:
        return Blocker(reason("paused"))
    if _answer_is_lost(seen):
        return Blocker(reason("nodeAnswerLost", node=gate.external_node))
    if seen.vanished and not seen.wishes and seen.instance is None:
        return Blocker(reason("stageVanished", stage=", ".join(name.rsplit("/", 1)[-1] for name in seen.vanished)))
    return None


def _answer_is_lost(seen: Observation) -> bool:
    """Whether the node may have been asked, cannot tell, and may not be asked twice unless a person wants it."""
    entry, definition = seen.entry, seen.definition
    if entry is None or definition is None or definition.resends or seen.wishes:
        return False
    return entry.state is EntryState.INTENDED and seen.instance is None


def _checks(seen: Observation) -> Blocker | None:
    if seen.change is None or seen.gate is None or seen.gate.hold_on_checks == "off":
        return None
    match seen.change.checks.status:
        case CheckStatus.ERROR:
            return Blocker(reason("checksError"))
        case CheckStatus.RUNNING:
            return Blocker(reason("checksRunning"))
        case CheckStatus.WARNING if seen.gate.hold_on_checks == "warning":
            return Blocker(reason("checksWarning"))
        case _:
            return None


def _upstream(seen: Observation) -> Blocker | None:
    if seen.circuit:
        return Blocker(reason("brokenUpstream", why=seen.circuit))
    if seen.definition is not None and seen.definition.problem:
        return Blocker(reason("definition", why=seen.definition.problem))
    return None


def _people(seen: Observation) -> Blocker | None:
    gate, entitlement = seen.gate, seen.entitlement
    if gate is None or entitlement is None or (seen.instance is not None and seen.entry is not None):
        return None  # a request that exists was addressed; who may decide it is judged when it is decided
    dialect = seen.definition.dialect if seen.definition is not None else Dialect.FEISHU
    if dialect is Dialect.RELAY:
        return None  # the node is told nobody's name, and tells none
    if entitlement.too_many:
        return Blocker(reason("tooManyApprovers", limit=gate.approvers.limit))
    if not seen.approvers:
        why = (
            "; ".join(entitlement.notes) or "only the requester holds the right"
            if entitlement.people
            else "; ".join(entitlement.notes) or "no binding names a person"
        )
        return Blocker(reason("noApprover", why=why))
    if dialect is Dialect.V1:
        return None  # the node knows its own people
    missing = (
        {} if seen.resolution is None else {p: w for p, w in seen.resolution.missing.items() if p in seen.approvers}
    )
    everyone = seen.definition is not None and seen.definition.decision is not Decision.ANY
    if not seen.resolved or (everyone and missing):
        return Blocker(reason("approverMissing", why="; ".join(f"{p}: {w}" for p, w in sorted(missing.items()))))
    if gate.unknown_requester == "hold" and not _requester_is_known(seen):
        return Blocker(reason("requesterMissing"))
    return None


def _requester_is_known(seen: Observation) -> bool:
    if seen.change is None or seen.resolution is None:
        return False
    return any(person in seen.resolution.found for person in seen.change.requesters)
