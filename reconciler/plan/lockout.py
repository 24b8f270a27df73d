"""Whether a plan would take from our own account a right that it applies with."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.change import Change, Plan
from reconciler.resources.access import Access
from reconciler.resources.finding import Finding

NEEDED = frozenset(
    {
        "bb.settings.get",
        "bb.settings.set",
        "bb.policies.get",
        "bb.policies.update",
        "bb.projects.get",
        "bb.projects.update",
        "bb.projects.getIamPolicy",
        "bb.projects.setIamPolicy",
        "bb.workspaces.getIamPolicy",
        "bb.roles.list",
        "bb.roles.update",
    }
)
"""What an applying account lives on."""


def lockouts(plan: Plan, access: Access, account: str) -> Iterator[Finding]:
    """A refusal for each role change that takes part in costing the account something of NEEDED.

    What counts is what its roles give it after the whole plan: two changes may each leave a right to the other.
    """
    held = access.roles_of(account)
    changes = {f"roles/{change.name}": change for change in plan.pending if change.kind == "bytebase/role"}
    left = frozenset[str]().union(*(_after(role, access, changes.get(role)) for role in held))
    for role, change in changes.items():
        if role not in held:
            continue
        lost = (_removed(change) & NEEDED) - left
        if lost:
            yield Finding(
                "locksOut",
                change.kind,
                change.name,
                f"the account that applies ({account}) would lose {', '.join(sorted(lost))}",
                "keep these permissions in the role, or give the account another role that has them",
                change.origin,
            )


def _after(role: str, access: Access, change: Change | None) -> frozenset[str]:
    """The permissions of a role once a change of it is made."""
    now = access.roles.get(role, frozenset())
    return now if change is None else (now - _removed(change)) | _added(change)


def _removed(change: Change) -> frozenset[str]:
    before, after = _permissions(change)
    return before - after


def _added(change: Change) -> frozenset[str]:
    before, after = _permissions(change)
    return after - before


def _permissions(change: Change) -> tuple[frozenset[str], frozenset[str]]:
    """Before and after, as far as the change is about permissions; a role that is deleted has none afterwards."""
    row = next((row for row in change.fields if row.path == "permissions"), None)
    if row is None:
        return frozenset(), frozenset()
    before, after = ([] if not isinstance(side, list) else side for side in (row.before, row.after))
    return frozenset(str(each) for each in before), frozenset(str(each) for each in after)
