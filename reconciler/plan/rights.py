"""Rights as they will be once a plan is applied: what a reviewer must judge is not who can go past a gate today. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.resources.access import Access, Grant
from reconciler.resources.base import Resource
from reconciler.resources.binding import Binding
from reconciler.resources.role import Role


def rights_after(access: Access, resources: Sequence[Resource]) -> Access:
    """The snapshot with the roles and bindings that a plan leaves behind.

    Projects that were not read stay unread: what else is bound there is not known.
    """
    roles = dict(access.roles)
    workspace = list(access.workspace)
    projects = {name: list(grants) for name, grants in access.projects.items()}
    for each in resources:
        if isinstance(each, Role):
            kept = roles.get(f"roles/{each.id}", frozenset())
            roles[f"roles/{each.id}"] = frozenset(each.permissions) if each.permissions is not None else kept
        elif isinstance(each, Binding):
            grant = Grant(each.role, (each.member,))
            if each.project is None:
                workspace.append(grant)
            elif each.project in projects:
                projects[each.project].append(grant)
    return replace(access, roles=roles, workspace=workspace, projects=projects)
