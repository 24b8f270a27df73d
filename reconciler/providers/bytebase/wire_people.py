"""Messages about people and rights: users, accounts, groups, roles, IAM policies."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.providers.bytebase.channel import Page
from reconciler.providers.bytebase.wire import Wire, Word


class WireUser(Wire):
    """A principal; for a service account only as the answer to 'who am I'."""

    name: str
    email: str = ""
    title: str = ""
    state: Word = ""
    phone: str = ""
    groups: tuple[str, ...] = ()
    workspace: str = ""


class WireUsers(Page[WireUser]):
    """A page of users."""

    users: tuple[WireUser, ...] = ()

    @property
    def items(self) -> Sequence[WireUser]:
        """The users."""
        return self.users


class WireServiceAccount(Wire):
    """A service account; its key is never read."""

    name: str
    email: str = ""
    title: str = ""
    state: Word = ""


class WireServiceAccounts(Page[WireServiceAccount]):
    """A page of service accounts."""

    service_accounts: tuple[WireServiceAccount, ...] = ()

    @property
    def items(self) -> Sequence[WireServiceAccount]:
        """The accounts."""
        return self.service_accounts


class WireGroupMember(Wire):
    """A member of a group: `users/…`."""

    member: str = ""
    role: Word = ""


class WireGroup(Wire):
    """A group and its members."""

    name: str
    email: str = ""
    title: str = ""
    members: tuple[WireGroupMember, ...] = ()


class WireGroups(Page[WireGroup]):
    """A page of groups."""

    groups: tuple[WireGroup, ...] = ()

    @property
    def items(self) -> Sequence[WireGroup]:
        """The groups."""
        return self.groups


class WireRole(Wire):
    """A role and its permissions."""

    name: str
    title: str = ""
    description: str = ""
    type: Word = ""
    permissions: tuple[str, ...] = ()


class WireRoles(Page[WireRole]):
    """All roles."""

    roles: tuple[WireRole, ...] = ()

    @property
    def items(self) -> Sequence[WireRole]:
        """The roles."""
        return self.roles


class WireExpr(Wire):
    """A condition in CEL."""

    expression: str = ""
    title: str = ""
    description: str = ""
    location: str = ""


class WireBinding(Wire):
    """Members of a role, under a condition. The parsed form that the server adds is dropped by not naming it."""

    role: str = ""
    members: tuple[str, ...] = ()
    condition: WireExpr = WireExpr()


class WireIamPolicy(Wire):
    """The bindings of a project or the workspace; `etag` is its version."""

    bindings: tuple[WireBinding, ...] = ()
    etag: str = ""
