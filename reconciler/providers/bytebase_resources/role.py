"""Custom roles (facts §14.1), written only with an ENTERPRISE licence."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire_people import WireRole
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.resources.base import Resource
from reconciler.resources.finding import Finding
from reconciler.resources.role import Role


class RoleReader:
    """Reads all roles; the built-in ones are not ours to declare."""

    def __init__(self, reads: SharedReads) -> None:
        self._reads = reads

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """Each wanted custom role; a built-in one of that id is refused."""
        roles = [_role(role) for role in await self._reads.roles()]
        ids = {each.name for each in wanted}
        return Observation(
            live=tuple(role for role in roles if role.id in ids and not role.built_in),
            others=tuple(role for role in roles if role.id not in ids and not role.built_in and inventory),
            refusals=tuple(_built_in(role.id) for role in roles if role.id in ids and role.built_in),
        )


def _role(role: WireRole) -> Role:
    return Role(
        role.name.removeprefix("roles/"),
        title=role.title,
        description=role.description,
        permissions=role.permissions,
        built_in=role.type == "BUILT_IN",
    )


def _built_in(role: str) -> Finding:
    return Finding(
        "builtInRole",
        Role.kind,
        role,
        "this role is built into Bytebase and cannot be changed",
        "give the role in spec.bytebase.roles another id",
    )


class RoleWriter:
    """Creates and changes custom roles."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Write title, description and permissions together, what is not declared as it was."""
        desired = write.desired
        if desired is None and isinstance(write.observed, Role):
            await self._client.iam.delete_role(f"roles/{write.observed.id}")
            return Written()
        if not isinstance(desired, Role):
            raise BugError("not a role", where=Role.kind)
        if isinstance(write.observed, Role):
            await self._client.iam.update_role(_wire(desired.over(write.observed)))
        else:
            await self._client.iam.create_role(_wire(desired))
        return Written()


def _wire(role: Role) -> WireRole:
    return WireRole(
        name=f"roles/{role.id}",
        title=role.title if role.title is not None else role.id,
        description=role.description or "",
        permissions=role.permissions or (),
    )
