"""Groups of users; made on TEAM and above, read everywhere (facts §14.1)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import DENIED, EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.world import Group


def handlers(_: Deps) -> Handlers:
    """All calls."""
    return {
        "GroupService/GetGroup": lambda call: group_message(group_named(call, call.text("name"))),
        "GroupService/BatchGetGroups": batch_get,
        "GroupService/ListGroups": list_groups,
        "GroupService/CreateGroup": create,
        "GroupService/UpdateGroup": update,
        "GroupService/DeleteGroup": delete,
    }


def group_message(group: Group) -> Message:
    """A group in API shape."""
    return {
        "name": f"groups/{group.email}",
        "title": group.title,
        "email": group.email,
        "description": group.description,
        "members": group.members,
    }


def group_named(call: Call, name: str) -> Group:
    """The group of a name."""
    group = call.world.groups.get(name.removeprefix("groups/"))
    if group is None:
        raise RpcError(NOT_FOUND, f"cannot found the group {name}")
    return group


def batch_get(call: Call) -> Message:
    """Those of the names that exist."""
    names = [name.removeprefix("groups/") for name in call.message.get("names", [])]
    return {"groups": [group_message(call.world.groups[n]) for n in names if n in call.world.groups]}


def list_groups(call: Call) -> Message:
    """All groups."""
    shown, token = page(call, list(call.world.groups.values()))
    return {"groups": [group_message(group) for group in shown], "nextPageToken": token}


def create(call: Call) -> Message:
    """A new group."""
    need(call, "USER_GROUPS", "TEAM")
    email = call.text("groupEmail") or call.part("group").get("email", "")
    if "@" not in email:
        raise RpcError(INVALID, f'invalid group email "{email}"')
    if email in call.world.groups:
        raise RpcError(EXISTS, f'group "{email}" already exists')
    given = call.part("group")
    members = [{"member": m["member"], "role": m.get("role", "MEMBER")} for m in given.get("members", [])]
    group = Group(email, given.get("title", ""), given.get("description", ""), members)
    call.world.groups[email] = group
    return group_message(group)


def update(call: Call) -> Message:
    """Title, description, members."""
    need(call, "USER_GROUPS", "TEAM")
    given = call.part("group")
    group = group_named(call, given.get("name", ""))
    _may_edit(call, group)
    for path in call.mask or ():
        if path == "title":
            group.title = given.get("title", "")
        elif path == "description":
            group.description = given.get("description", "")
        elif path == "members":
            group.members = [{"member": m["member"], "role": m.get("role", "MEMBER")} for m in given.get("members", [])]
        else:
            raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return group_message(group)


def delete(call: Call) -> Message:
    """Gone."""
    group = group_named(call, call.text("name"))
    _may_edit(call, group)
    del call.world.groups[group.email]
    return {}


def _may_edit(call: Call, group: Group) -> None:
    from reconciler.sandbox.bytebase.access import may

    owner = any(m["member"] == call.who.name and m.get("role") == "OWNER" for m in group.members)
    if not owner and not may(call, "bb.groups.update") and not may(call, "bb.users.create"):
        raise RpcError(DENIED, f"cannot edit group {group.email}")
