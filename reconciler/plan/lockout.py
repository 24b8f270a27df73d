"""Whether a plan would take from our own account a right that it applies with."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.change import Action, Change, Plan
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
    """A refusal for each role change that would cost the account something of NEEDED that it holds through nothing else."""
    held = access.roles_of(account)
    for change in plan.pending:
        role = f"roles/{change.name}"
        if change.kind != "bytebase/role" or role not in held:
            continue
        lost = (_removed(change) & NEEDED) - _through_others(access, held - {role})
        if lost:
            yield Finding(
                "locksOut",
                change.kind,
                change.name,
                f"the account that applies ({account}) would lose {', '.join(sorted(lost))}",
                "keep these permissions in the role, or give the account another role that has them",
                change.origin,
            )


def _through_others(access: Access, roles: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(access.roles.get(role, frozenset()) for role in roles))


def _removed(change: Change) -> frozenset[str]:
    for row in change.fields:
        if row.path == "permissions":
            before = frozenset(str(each) for each in row.before) if isinstance(row.before, list) else frozenset()
            after = frozenset(str(each) for each in row.after) if isinstance(row.after, list) else frozenset()
            return before if change.action is Action.DELETE else before - after
    return frozenset()
