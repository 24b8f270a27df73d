"""The gates of a spec, and which of them holds a stage or a review step: the first whose every part matches."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from reconciler.ids import last_segment
from reconciler.spec.models.gates import DecideByDefinition
from reconciler.spec.models.gates import Gate as GateModel
from reconciler.spec.models.integration import Spec
from reconciler.subjects.change import Change, Question, ReviewStep, Stage
from reconciler.subjects.gate import ApproverSource, Gate, GateMatch


def compile_gates(spec: Spec) -> tuple[Gate, ...]:
    """The gates of a spec in its order, with the target's rule for requesters whom Feishu does not know."""
    return tuple(_compile(gate, unknown_requester=spec.users.unknown_requester) for gate in spec.gates)


def _compile(gate: GateModel, *, unknown_requester: Literal["bot", "hold"]) -> Gate:
    kind, values = gate.approver_source()
    match = gate.match
    return Gate(
        name=gate.name,
        at=gate.at,
        match=GateMatch(
            projects=match.projects,
            environments=match.environments,
            roles=match.roles,
            issue_labels=match.issue_labels,
            project_labels=tuple(sorted(match.project_labels.items())),
        ),
        definition=gate.decide.definition if isinstance(gate.decide, DecideByDefinition) else None,
        external_node=None if isinstance(gate.decide, DecideByDefinition) else gate.decide.external_node,
        approvers=ApproverSource(kind, values, gate.approvers.limit),
        fallback=gate.approvers.fallback.users if gate.approvers.fallback is not None else (),
        since=gate.since,
        send=gate.send,
        self_approval=gate.self_approval,
        hold_on_checks=gate.hold_on_checks,
        on_reject=gate.on_reject,
        on_failure=gate.on_failure,
        transferred=gate.transferred,
        on_approvers_added=gate.on_approvers_added,
        settle=gate.settle,
        approval_valid_for=gate.approval_valid_for,
        remind_after=gate.remind_after,
        expire_after=gate.expire_after,
        paused=gate.paused,
        unknown_requester=unknown_requester,
    )


def gate_for(change: Change, question: Question, gates: Sequence[Gate]) -> Gate | None:
    """The first gate of the question's kind that matches, or None. Empty parts match anything; project names may use `*`."""
    at = "stage" if isinstance(question, Stage) else "review"
    return next((gate for gate in gates if gate.at == at and _matches(gate, change, question)), None)


def _matches(gate: Gate, change: Change, question: Question) -> bool:
    match = gate.match
    project = last_segment(change.project)
    if match.projects and not any(fnmatchcase(project, pattern) for pattern in match.projects):
        return False
    environments = {last_segment(each) for each in _environments(question)}
    if match.environments and not environments & set(match.environments):
        return False
    # While Bytebase has not found the flow, any role may turn out to be the one that answers.
    if isinstance(question, ReviewStep) and match.roles and question.role and question.role not in match.roles:
        return False
    labels = change.issue.labels if change.issue is not None else ()
    if match.issue_labels and not set(match.issue_labels) & set(labels):
        return False
    return set(match.project_labels) <= set(change.project_labels)


def _environments(question: Question) -> Sequence[str]:
    return [question.environment] if isinstance(question, Stage) else question.environments
