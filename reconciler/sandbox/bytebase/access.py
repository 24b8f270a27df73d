"""Who may do what: bindings of workspace and project, conditions, groups, `allUsers`, and the permissions of roles."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from reconciler.sandbox.bytebase.call import DENIED, Call, Caller, RpcError
from reconciler.sandbox.bytebase.wire.details import permission_denied_detail
from reconciler.sandbox.bytebase.world import Binding, World

_TIME_CONDITION = re.compile(r'request\.time\s*(<|<=|>|>=)\s*timestamp\("([^"]+)"\)')


def roles_of(world: World, member: str, project: str | None, now: datetime) -> set[str]:
    """Role names that a typed member holds on the workspace and, if one is named, on a project."""
    bindings: list[Binding] = list(world.iam.bindings)
    if project is not None and project in world.projects:
        bindings += world.projects[project].iam.bindings
    return {binding.role for binding in bindings if is_in_force(binding, now) and holds(world, binding, member)}


def holds(world: World, binding: Binding, member: str) -> bool:
    """Whether a member is in a binding: by its typed name, through a group, or by `allUsers`."""
    kind, _, email = member.partition(":")
    for each in binding.members:
        if each in (member, "allUsers"):
            return True
        if each.startswith("group:") and kind == "user":
            group = world.groups.get(each.partition(":")[2])
            if group is not None and any(m.get("member") == f"users/{email}" for m in group.members):
                return True
    return False


def is_in_force(binding: Binding, now: datetime) -> bool:
    """Whether the binding's condition holds as far as `request.time` is concerned; other variables do not matter here."""
    expression = str(binding.condition.get("expression", ""))
    for operator, moment in _TIME_CONDITION.findall(expression):
        try:
            limit = datetime.fromisoformat(moment)
        except ValueError:
            return False
        before = now < limit or (operator == "<=" and now == limit)
        if before != operator.startswith("<"):
            return False
    return True


def permissions_of(world: World, member: str, project: str | None, now: datetime) -> set[str]:
    """All permissions that a member's roles carry."""
    found: set[str] = set()
    for role in roles_of(world, member, project, now):
        known = world.roles.get(role.removeprefix("roles/"))
        if known is not None:
            found |= set(known.permissions)
    return found


def may(call: Call, permission: str, project: str | None = None) -> bool:
    """Whether the caller holds a permission on the workspace or on that project."""
    return permission in permissions_of(call.world, call.who.member, project, call.now)


def require(
    call: Call, permission: str, project: str | None = None, *, details: bool = True, names_method: bool = True
) -> None:
    """Refuse a caller without the permission, as the handlers of settings and policies do."""
    if may(call, permission, project):
        return
    detail = [permission_denied_detail(call.method if names_method else "", [permission], [])] if details else []
    raise RpcError(DENIED, f'user does not have permission "{permission}"', details=detail)


def projects_with(world: World, caller: Caller, permission: str, now: datetime) -> list[str]:
    """Ids of the projects in which the caller holds a permission."""
    return [p for p in world.projects if permission in permissions_of(world, caller.member, p, now)]


def has_role(world: World, caller: Caller, roles: Iterable[str], project: str | None, now: datetime) -> bool:
    """Whether the caller is bound to one of these roles by name."""
    return bool(roles_of(world, caller.member, project, now) & set(roles))


def project_of_resource(name: str) -> str | None:
    """The project id inside a resource name, if it has one."""
    found = re.match(r"projects/([^/]+)", name)
    return found[1] if found else None
