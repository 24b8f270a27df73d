"""Groups of users; made on TEAM and above, read everywhere (facts §14.1)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.access import require
from reconciler.sandbox.bytebase.call import EXISTS, INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.world import Group


def handlers(_: Deps) -> Handlers:
    """All calls."""
    return {
        "GroupService/GetGroup": get,
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


def get(call: Call) -> Message:
    """One group, for its members and for whoever may read groups."""
    group = call.world.groups.get(call.text("name").removeprefix("groups/"))
    if group is None or not any(m["member"] == call.who.name for m in group.members):
        require(call, "bb.groups.get")
    return group_message(group_named(call, call.text("name")))


def batch_get(call: Call) -> Message:
    """Those of the names that exist."""
    require(call, "bb.groups.get")
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
    if email in call.world.groups:
        raise RpcError(EXISTS, f'group "{email}" already exists')
    return _new(call, email, call.part("group"))


def _new(call: Call, email: str, given: Message) -> Message:
    if "@" not in email:
        raise RpcError(INVALID, f'invalid group email "{email}"')
    group = Group(email, given.get("title", ""), given.get("description", ""), _members(given))
    call.world.groups[email] = group
    return group_message(group)


def _members(given: Message) -> list[Message]:
    return [{"member": m.get("member", ""), "role": m.get("role", "MEMBER")} for m in given.get("members", [])]


def update(call: Call) -> Message:
    """Title, description, members."""
    need(call, "USER_GROUPS", "TEAM")
    given = call.part("group")
    name = given.get("name", "").removeprefix("groups/")
    if name not in call.world.groups and call.message.get("allowMissing"):
        require(call, "bb.groups.create")
        return _new(call, name, given)
    group = group_named(call, f"groups/{name}")
    _may_edit(call, group, "bb.groups.update")
    for path in call.mask or ():
        if path == "title":
            group.title = given.get("title", "")
        elif path == "description":
            group.description = given.get("description", "")
        elif path == "members":
            group.members = _members(given)
        else:
            raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    return group_message(group)


def delete(call: Call) -> Message:
    """Gone."""
    group = group_named(call, call.text("name"))
    _may_edit(call, group, "bb.groups.delete")
    del call.world.groups[group.email]
    return {}


def _may_edit(call: Call, group: Group, permission: str) -> None:
    is_owner = any(m["member"] == call.who.name and m.get("role") == "OWNER" for m in group.members)
    if not is_owner:
        require(call, permission)
