"""IAM policies of projects and of the workspace (facts §14.1, §14.2)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from reconciler.sandbox.bytebase.call import (
    ABORTED,
    DENIED,
    INTERNAL,
    INVALID,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.cel import CelError, Node, parse
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.projects import project_named
from reconciler.sandbox.bytebase.times import parse as parse_time
from reconciler.sandbox.bytebase.world import Binding, IamPolicy, World

_PREFIXES = ("user:", "group:", "serviceAccount:", "workloadIdentity:")
_FUNCTIONS = {"&&": "_&&_", "||": "_||_", "!": "!_", "==": "_==_", "!=": "_!=_", "in": "@in"}


def handlers(_: Deps) -> Handlers:
    """Read and replace."""
    return {
        "ProjectService/GetIamPolicy": lambda call: policy_message(project_named(call, call.text("resource")).iam),
        "ProjectService/SetIamPolicy": set_project,
        "WorkspaceService/GetIamPolicy": get_workspace,
        "WorkspaceService/SetIamPolicy": set_workspace,
    }


def policy_message(policy: IamPolicy) -> Message:
    """A policy in API shape; conditions come with their parsed form."""
    return {"bindings": [_binding(binding) for binding in policy.bindings], "etag": policy.etag}


def _binding(binding: Binding) -> Message:
    shown: Message = {"role": binding.role, "members": binding.members, "condition": binding.condition}
    expression = str(binding.condition.get("expression", ""))
    if expression:
        shown["parsedExpr"] = _parsed(parse(expression), _Ids())
    return shown


class _Ids:
    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last += 1
        return str(self._last)


def _parsed(node: Node, ids: _Ids) -> Message:
    """The expression as the server's parser writes it: ids count in order of parsing."""
    if node.kind == "literal":
        return {"id": ids.next(), "constExpr": _constant(node.value)}
    if node.kind == "name":
        return _path(str(node.value).split("."), ids)
    if node.kind == "list":
        number = ids.next()
        return {"id": number, "listExpr": {"elements": [_parsed(part, ids) for part in node.parts]}}
    if node.kind == "method":
        target = _parsed(node.parts[0], ids)
        number = ids.next()
        arguments = [_parsed(part, ids) for part in node.parts[1:]]
        return {"id": number, "callExpr": {"target": target, "function": node.value, "args": arguments}}
    if len(node.parts) == 2:
        left = _parsed(node.parts[0], ids)
        number = ids.next()
        arguments = [left, _parsed(node.parts[1], ids)]
    else:
        number = ids.next()
        arguments = [_parsed(part, ids) for part in node.parts]
    function = _FUNCTIONS.get(str(node.value), f"_{node.value}_" if len(node.parts) == 2 else str(node.value))
    return {"id": number, "callExpr": {"function": function, "args": arguments}}


def _constant(value: Any) -> Message:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"int64Value": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _path(parts: list[str], ids: _Ids) -> Message:
    if len(parts) == 1:
        return {"id": ids.next(), "identExpr": {"name": parts[0]}}
    operand = _path(parts[:-1], ids)
    return {"id": ids.next(), "selectExpr": {"operand": operand, "field": parts[-1]}}


def set_project(call: Call) -> Message:
    """Replace a project's bindings."""
    project = project_named(call, call.text("resource"))
    bindings = _checked(call, project.iam, "project")
    project.iam = IamPolicy(bindings, _later(project.iam, call))
    return policy_message(project.iam)


def get_workspace(call: Call) -> Message:
    """The workspace's bindings, under its real id only."""
    _check_workspace(call)
    return policy_message(call.world.iam)


def set_workspace(call: Call) -> Message:
    """Replace them; an active human administrator must remain."""
    _check_workspace(call)
    bindings = _checked(call, call.world.iam, "workspace")
    if not _has_admin(call.world, bindings):
        raise RpcError(INVALID, "workspace must have at least one admin")
    call.world.iam = IamPolicy(bindings, _later(call.world.iam, call))
    return policy_message(call.world.iam)


def _check_workspace(call: Call) -> None:
    if call.text("resource") != call.world.workspace:
        raise RpcError(DENIED, "workspace mismatch")


def _later(policy: IamPolicy, call: Call) -> datetime:
    """A time whose e-tag differs from the present one, also within the same millisecond."""
    return max(policy.updated + timedelta(milliseconds=1), call.now)


def _has_admin(world: World, bindings: list[Binding]) -> bool:
    admins = {m for b in bindings if b.role == "roles/workspaceAdmin" for m in b.members}
    people = {f"user:{u.email}" for u in world.users.values() if u.is_active}
    for group in world.groups.values():
        if f"group:{group.email}" in admins:
            admins |= {m["member"].replace("users/", "user:") for m in group.members}
    return bool(admins & people) or "allUsers" in admins


def _check_expiry(call: Call, role: str, expression: str) -> None:
    """`maximumRoleExpiration` of the profile: every role but the project owner's must expire (facts §14.2)."""
    profile = call.world.settings["WORKSPACE_PROFILE"]["workspaceProfile"]
    limit = float(str(profile.get("maximumRoleExpiration", "0s")).removesuffix("s"))
    if limit <= 0 or role == "roles/projectOwner":
        return
    found = re.search(r'request\.time\s*<=?\s*timestamp\("([^"]+)"\)', expression)
    if found is None:
        raise RpcError(INVALID, f"{role} must have an expiration time")
    if (parse_time(found[1]) - call.now).total_seconds() > limit:
        raise RpcError(INVALID, f"the expiration of {role} exceeds the maximum of {limit:.0f} seconds")


def _checked(call: Call, present: IamPolicy, kind: str) -> list[Binding]:
    policy = call.part("policy")
    if call.text("etag") and call.text("etag") != present.etag:
        text = f"there is concurrent update to the {kind} iam policy, please refresh and try again"
        raise RpcError(ABORTED, text)
    given = policy.get("bindings", [])
    if not given:
        raise RpcError(INVALID, "IAM Binding is empty")
    known = {(b.role, str(b.condition.get("expression", ""))) for b in present.bindings}
    found = []
    for each in given:
        condition = dict(each.get("condition", {}))
        expression = str(condition.get("expression", ""))
        role = each.get("role", "")
        if (role, expression) not in known and role.removeprefix("roles/") not in call.world.roles:
            raise RpcError(INVALID, f"IAM Binding role {role} does not exist")
        if expression:
            try:
                parse(expression)
            except CelError as error:
                raise RpcError(INVALID, f'failed to parse the condition "{expression}": {error}') from None
        if kind == "project":
            _check_expiry(call, role, expression)
        members = each.get("members", [])
        for member in members:
            if member != "allUsers" and not member.startswith(_PREFIXES):
                text = f"failed to convert iam member with error: invalid_argument: unsupported member {member}"
                raise RpcError(INTERNAL, text)
        found.append(Binding(role, list(members), condition))
    return found
