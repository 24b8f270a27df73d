"""Roles: built-in ones, and custom ones on ENTERPRISE (facts §5, §6)."""

from __future__ import annotations

import re

from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.world import Role

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def handlers(_: Deps) -> Handlers:
    """All calls."""
    return {
        "RoleService/GetRole": lambda call: role_message(role_named(call, call.text("name"))),
        "RoleService/ListRoles": lambda call: {"roles": [role_message(r) for r in call.world.roles.values()]},
        "RoleService/CreateRole": create,
        "RoleService/UpdateRole": update,
        "RoleService/DeleteRole": delete,
    }


def role_message(role: Role) -> Message:
    """A role in API shape."""
    return {
        "name": f"roles/{role.id}",
        "title": role.title,
        "description": role.description,
        "permissions": list(role.permissions),
        "type": "BUILT_IN" if role.is_built_in else "CUSTOM",
    }


def role_named(call: Call, name: str) -> Role:
    """The role of a name."""
    role = call.world.roles.get(name.removeprefix("roles/"))
    if role is None:
        raise RpcError(NOT_FOUND, f'role "{name}" not found')
    return role


def create(call: Call) -> Message:
    """A custom role."""
    need(call, "CUSTOM_ROLES", "ENTERPRISE")
    role_id = call.text("roleId")
    if not _ID.match(role_id):
        raise RpcError(INVALID, f'invalid role id "{role_id}"')
    if role_id in call.world.roles:
        raise RpcError(EXISTS, f'role "{role_id}" already exists')
    given = call.part("role")
    permissions = tuple(sorted(given.get("permissions", [])))
    role = Role(role_id, given.get("title", ""), given.get("description", ""), permissions)
    call.world.roles[role_id] = role
    return role_message(role)


def update(call: Call) -> Message:
    """A custom role's title, description, permissions."""
    need(call, "CUSTOM_ROLES", "ENTERPRISE")
    given = call.part("role")
    if call.message.get("allowMissing") and given.get("name", "").removeprefix("roles/") not in call.world.roles:
        return create(_with_id(call, given))
    role = role_named(call, given.get("name", ""))
    if role.is_built_in:
        raise RpcError(INVALID, f'cannot change the built-in role "{role.id}"')
    for path in call.mask or ():
        if path == "title":
            role.title = given.get("title", "")
        elif path == "description":
            role.description = given.get("description", "")
        elif path == "permissions":
            role.permissions = tuple(sorted(given.get("permissions", [])))
        else:
            raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return role_message(role)


def _with_id(call: Call, given: Message) -> Call:
    call.message = {"role": given, "roleId": given.get("name", "").removeprefix("roles/")}
    return call


def delete(call: Call) -> Message:
    """Gone, unless it is built in."""
    role = role_named(call, call.text("name"))
    if role.is_built_in:
        raise RpcError(INVALID, f'cannot delete the built-in role "{role.id}"')
    del call.world.roles[role.id]
    return {}
