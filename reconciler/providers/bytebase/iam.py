"""People and rights: users, groups, roles, service accounts, and the IAM policies of projects and the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import NotFoundError, SpecError
from reconciler.providers.bytebase.channel import Call, Channel, Json, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire import Empty
from reconciler.providers.bytebase.wire_people import (
    WireBinding,
    WireGroup,
    WireGroups,
    WireIamPolicy,
    WireRole,
    WireRoles,
    WireServiceAccount,
    WireServiceAccounts,
    WireUser,
    WireUsers,
)
from reconciler.providers.http_retry import Repeat


class Iam:
    """Reads who may do what, and writes bindings and custom roles."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def me(self) -> WireUser:
        """The principal we are; its name is `users/<e-mail>` for every kind of account."""
        return await self._channel.send(WireUser, reading("users/me", what="ask who we are"))

    async def user(self, email: str) -> WireUser:
        """One person. NotFoundError if there is none."""
        return await self._channel.send(WireUser, reading(f"users/{email}", what="read the user"))

    async def users(self) -> tuple[WireUser, ...]:
        """All active people; service accounts are not among them."""
        query = (("filter", 'state == "ACTIVE"'),)
        return await self._channel.read_all(WireUsers, reading("users", query=query, what="list the users"))

    async def users_by_name(self, emails: Sequence[str]) -> tuple[WireUser, ...]:
        """Those of the given people who exist; unknown ones are left out by the server."""
        query = [("names", f"users/{email}") for email in emails]
        call = reading("users:batchGet", query=query, what="read the users", resource="users")
        return (await self._channel.send(WireUsers, call)).users if query else ()

    async def group(self, name: str) -> WireGroup:
        """One group by `groups/…`. NotFoundError if there is none."""
        return await self._channel.send(WireGroup, reading(name, what="read the group"))

    async def groups(self) -> tuple[WireGroup, ...]:
        """All groups; a licence without groups has none."""
        return await self._channel.read_all(WireGroups, reading("groups", what="list the groups"))

    async def roles(self) -> tuple[WireRole, ...]:
        """All roles, built in and custom, with their permissions."""
        return await self._channel.read_all(WireRoles, reading("roles", what="list the roles"))

    async def role(self, name: str) -> WireRole:
        """One role by `roles/…`."""
        return await self._channel.send(WireRole, reading(name, what="read the role"))

    async def service_accounts(self, workspace: str) -> tuple[WireServiceAccount, ...]:
        """The service accounts of the workspace (3.15+)."""
        call = reading(f"{workspace}/serviceAccounts", what="list the service accounts")
        return await self._channel.read_all(WireServiceAccounts, call)

    async def policy(self, resource: str) -> WireIamPolicy:
        """The IAM policy of `projects/…` or `workspaces/…` (the real id: `-` is refused)."""
        return await self._channel.send(WireIamPolicy, reading(f"{resource}:getIamPolicy", what="read the IAM policy"))

    async def set_policy(self, resource: str, bindings: Sequence[WireBinding], *, etag: str) -> WireIamPolicy:
        """Replace all bindings, if the policy still is the one that had `etag`; ConflictError otherwise."""
        body = {"policy": {"bindings": [_binding_json(binding) for binding in bindings]}, "etag": etag}
        meaning = _writing("write the IAM policy", resource)
        call = Call("POST", f"/v1/{resource}:setIamPolicy", meaning, Repeat.UNSENT, (), body)
        return await self._channel.send(WireIamPolicy, call)

    async def create_role(self, role: WireRole) -> WireRole:
        """Create a custom role (ENTERPRISE)."""
        query = [("roleId", role.name.removeprefix("roles/"))]
        meaning = _writing("create the role", role.name)
        call = Call("POST", "/v1/roles", meaning, Repeat.UNSENT, query, _role_json(role))
        return await self._channel.send(WireRole, call)

    async def update_role(self, role: WireRole) -> WireRole:
        """Write title, description and permissions of a custom role."""
        query = [("update_mask", "title,description,permissions")]
        body = {"name": role.name, **_role_json(role)}
        meaning = _writing("change the role", role.name)
        return await self._channel.send(WireRole, Call("PATCH", f"/v1/{role.name}", meaning, Repeat.SAFE, query, body))

    async def delete_role(self, name: str) -> None:
        """Delete a custom role by `roles/…`; gone already is fine."""
        call = Call("DELETE", f"/v1/{name}", _writing("delete the role", name), Repeat.SAFE)
        try:
            await self._channel.send(Empty, call)
        except NotFoundError:
            return


def _writing(what: str, resource: str) -> CallMeaning:
    return CallMeaning(what, resource, acts=True, invalid=SpecError)


def _binding_json(binding: WireBinding) -> Json:
    condition = binding.condition.model_dump(by_alias=True, exclude_defaults=True)
    return {"role": binding.role, "members": list(binding.members), "condition": condition}


def _role_json(role: WireRole) -> dict[str, object]:
    return {"title": role.title, "description": role.description, "permissions": list(role.permissions)}
