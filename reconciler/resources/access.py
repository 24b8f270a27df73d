"""Who holds which role, as read from Bytebase: roles with permissions, bindings of workspace and projects, groups.

Pure questions over it: which roles a member holds, who holds a permission. Conditions that are not understood count as
held when somebody could be too powerful, and as not held when a right of ours is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

ALL_USERS = "allUsers"
RUN = "bb.taskRuns.create"


@dataclass(frozen=True, slots=True)
class Grant:
    """Members of a role in one scope; `conditional` where a condition restricts it."""

    role: str
    members: tuple[str, ...]
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A snapshot of rights. Project scopes are ids; members are written as in IAM policies (`user:a@x`).

    `unread` are visible projects that were meant by a pattern and left out, because there are too many to look at.
    """

    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    workspace: Sequence[Grant] = ()
    projects: Mapping[str, Sequence[Grant]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def projects_of(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The projects read here that a gate means by these names (`*` stands for anything; none: every project)."""
        return matching(tuple(self.projects), patterns)

    def unread_of(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Those it means too, and that were left out."""
        return matching(self.unread, patterns)

    def grants(self, project: str | None) -> Sequence[Grant]:
        """The grants that count in a project, or in the workspace alone."""
        return [*self.workspace, *(self.projects.get(project, ()) if project else ())]

    def roles_of(self, member: str, project: str | None = None) -> frozenset[str]:
        """Roles the member surely holds there."""
        return frozenset(
            grant.role
            for grant in self.grants(project)
            if not grant.conditional and member in self.expanded(grant.members)
        )

    def permissions_of(self, member: str, project: str | None = None) -> frozenset[str]:
        """Permissions the member surely holds there."""
        held = self.roles_of(member, project)
        return frozenset().union(*(self.roles.get(role, frozenset()) for role in held))

    def holders(self, roles: frozenset[str], project: str | None = None) -> tuple[str, ...]:
        """Members that hold one of the roles there, perhaps under a condition; groups expanded, sorted."""
        found: set[str] = set()
        for grant in self.grants(project):
            if grant.role in roles:
                found.update(self.expanded(grant.members))
        return tuple(sorted(found))

    def roles_with(self, permission: str) -> frozenset[str]:
        """Roles that carry a permission."""
        return frozenset(role for role, permissions in self.roles.items() if permission in permissions)

    def expanded(self, members: Sequence[str]) -> frozenset[str]:
        """Members with groups replaced by the people in them; `allUsers` and unknown groups stay as they are."""
        found: set[str] = set()
        for member in members:
            group = member.removeprefix("group:")
            if group != member and group in self.groups:
                found.update(f"user:{email}" for email in self.groups[group])
            else:
                found.add(member)
        return frozenset(found)


def matching(projects: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """The projects that a gate's names mean, sorted; no names mean every project."""
    return tuple(sorted(each for each in projects if not patterns or any(fnmatchcase(each, p) for p in patterns)))
