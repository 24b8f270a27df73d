"""In which order changes are applied, and which change waits for which. The order of input never matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.plan.change import Action, Change
from reconciler.resources.base import Json

KINDS = (
    "bytebase/role",
    "bytebase/project",
    "bytebase/rolloutPolicy",
    "bytebase/approvalRules",
    "bytebase/binding",
    "bytebase/im",
    "bytebase/webhook",
    "feishu/app",
    "feishu/definition",
    "feishu/subscription",
)
"""What others rest on comes first; deletions come last, the other way round."""


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes in order of application."""
    return tuple(sorted(changes, key=_rank))


def _rank(change: Change) -> tuple[bool, int, str]:
    rank = KINDS.index(change.kind)
    deletes = change.action is Action.DELETE
    return (deletes, -rank if deletes else rank, change.name)


def prerequisites(change: Change, among: Iterable[Change]) -> tuple[str, ...]:
    """Ids of the changes in the same plan that must not have failed before this one is tried, sorted."""
    return tuple(sorted(other.id for other in among if other.id != change.id and _needs(change, other)))


def _needs(change: Change, other: Change) -> bool:
    if not other.is_pending or other.action is Action.DELETE:
        return False
    if change.kind == "feishu/subscription":
        return other.kind == "feishu/definition" and other.name == change.name
    if change.kind.startswith("feishu/definition"):
        return other.kind == "feishu/app"
    if other.kind == "bytebase/role" and other.action is Action.CREATE:
        role = f"roles/{other.name}"
        if change.kind == "bytebase/binding":
            return change.name.startswith(f"{role}:")
        return any(_mentions(field.after, role) for field in change.fields)
    return False


def _mentions(value: Json, role: str) -> bool:
    if isinstance(value, Mapping):
        return any(_mentions(each, role) for each in value.values())
    if isinstance(value, list):
        return any(_mentions(each, role) for each in value)
    return value == role
