"""Which gate holds a stage: the first whose every part matches."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from reconciler.ids import last_segment
from reconciler.subjects.change import Change, Stage
from reconciler.subjects.gate import Gate


def gate_for(change: Change, stage: Stage, gates: Sequence[Gate]) -> Gate | None:
    """The first stage gate that matches, or None. Empty parts match anything; project names may use `*`."""
    return next((gate for gate in gates if gate.at == "stage" and _matches(gate, change, stage)), None)


def _matches(gate: Gate, change: Change, stage: Stage) -> bool:
    match = gate.match
    project = last_segment(change.project)
    if match.projects and not any(fnmatchcase(project, pattern) for pattern in match.projects):
        return False
    if match.environments and last_segment(stage.environment) not in match.environments:
        return False
    labels = change.issue.labels if change.issue is not None else ()
    if match.issue_labels and not set(match.issue_labels) & set(labels):
        return False
    return set(match.project_labels) <= set(change.project_labels)
