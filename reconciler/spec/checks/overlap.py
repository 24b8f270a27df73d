"""Which subjects a gate can hold, compared: gates that hold the same ones, and gates that leave nothing to another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.models.gates import Gate
from reconciler.spec.target import Target


def overlapping_targets(targets: Sequence[Target]) -> Iterator[Diagnostic]:
    """Gates of two targets on one Bytebase that could both hold one subject: it would be asked twice."""
    for first, second in combinations([target for target in targets if target.spec.gates], 2):
        if _same_bytebase(first, second):
            yield from _overlaps(first, second)


def _overlaps(first: Target, second: Target) -> Iterator[Diagnostic]:
    for i, gate in enumerate(second.spec.gates):
        j = next((j for j, other in enumerate(first.spec.gates) if can_overlap(other, gate)), None)
        if j is not None:
            other, place = first.spec.gates[j], first.origin("spec", "gates", j)
            yield second.diagnostic(
                ("spec", "gates", i, "name"),
                f"overlaps with gate '{other.name}' of target '{first.name}' on the same Bytebase ({place})",
                f"keep them apart by match.projects or match.{'environments' if gate.at == 'stage' else 'roles'}",
            )


def can_overlap(one: Gate, other: Gate) -> bool:
    """Whether one subject could match both gates.

    Only what a subject has exactly one of keeps gates apart: its project, a stage's environment, a review step's role,
    the value of a project label. An issue may carry many labels, and touch many environments while it is reviewed.
    """
    if one.at != other.at or not _projects_meet(one.match.projects, other.match.projects):
        return False
    if one.at == "stage" and not _may_share(one.match.environments, other.match.environments):
        return False
    if one.at == "review" and not _may_share(one.match.roles, other.match.roles):
        return False
    labels = other.match.project_labels
    return all(labels.get(key, value) == value for key, value in one.match.project_labels.items())


def covers(wide: Gate, narrow: Gate) -> bool:
    """Whether every subject that matches `narrow` also matches `wide`."""
    return (
        wide.at == narrow.at
        and _projects_contain(wide.match.projects, narrow.match.projects)
        and _contains(wide.match.environments, narrow.match.environments)
        and _contains(wide.match.roles, narrow.match.roles)
        and _contains(wide.match.issue_labels, narrow.match.issue_labels)
        and wide.match.project_labels.items() <= narrow.match.project_labels.items()
    )


def holds_project(gate: Gate, project: str) -> bool:
    """Whether the gate can hold a change of this project, by name."""
    return _projects_meet(gate.match.projects, (project,))


def _projects_meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a project exists that both lists allow; an empty list allows any."""
    return not one or not other or any(_meet(a, b) for a in one for b in other)


def _projects_contain(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether every project that `narrow` allows is allowed by `wide`."""
    return not wide or "*" in wide or (bool(narrow) and all(any(_includes(w, n) for w in wide) for n in narrow))


def _includes(wide: str, narrow: str) -> bool:
    """Whether a pattern takes all that another takes; the other's `*` can only be taken by one of the first."""
    return re.fullmatch(".*".join(map(re.escape, wide.split("*"))), narrow) is not None


def _meet(one: str, other: str) -> bool:
    """Whether some text matches both patterns, in which `*` stands for anything."""
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(one) and j == len(other):
            return True
        steps: list[tuple[int, int]] = []
        if i < len(one) and one[i] == "*":
            steps += [(i + 1, j), (i, j + 1)]
        if j < len(other) and other[j] == "*":
            steps += [(i, j + 1), (i + 1, j)]
        if i < len(one) and j < len(other) and one[i] == other[j]:
            steps.append((i + 1, j + 1))
        for step in steps:
            if step[0] <= len(one) and step[1] <= len(other) and step not in reached:
                reached.add(step)
                pending.append(step)
    return False


def _may_share(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)


def _contains(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _same_bytebase(first: Target, second: Target) -> bool:
    one, other = first.spec.bytebase, second.spec.bytebase
    same_label = one.identity is not None and one.identity == other.identity
    return same_label or address(one.url) == address(other.url)


def address(url: str) -> str:
    """A URL such that two writings of one address are equal."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    default = {"http": ":80", "https": ":443"}.get(scheme.lower(), "")
    return f"{scheme.lower()}://{host.lower().removesuffix(default)}{slash}{path}"
