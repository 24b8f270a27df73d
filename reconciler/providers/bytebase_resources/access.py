"""Who may do what, read for the findings about rights."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.gather import all_of
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_people import WireIamPolicy
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.resources.access import Access, Grant, matching

ANYTHING = "*"


class BytebaseAccess:
    """Reads roles, groups and bindings."""

    def __init__(self, client: BytebaseClient, reads: SharedReads) -> None:
        self._client = client
        self._reads = reads

    async def access(self, projects: Sequence[str], *, most: int | None) -> Access:
        """Roles, groups, and the bindings of the workspace and of these projects; patterns mean visible ones."""
        names = sorted(project for project in projects if ANYTHING not in project)
        patterns = [project for project in projects if ANYTHING in project]
        meant = matching(await self._reads.visible_projects(), patterns) if patterns else ()
        unnamed = [name for name in meant if name not in names]
        names += unnamed[:most]
        roles = await self._reads.roles()
        groups = await self._client.iam.groups()
        top = await self._reads.policy(None)
        policies = await all_of([self._reads.policy(name) for name in names])
        return Access(
            roles={role.name: frozenset(role.permissions) for role in roles},
            workspace=_grants(top) if top is not None else [],
            projects={
                name: _grants(policy) for name, policy in zip(names, policies, strict=True) if policy is not None
            },
            groups={
                group.email or email_of(group.name): tuple(sorted(email_of(each.member) for each in group.members))
                for group in groups
            },
            unread=tuple(unnamed[most:]) if most is not None else (),
        )


def _grants(policy: WireIamPolicy) -> list[Grant]:
    return [
        Grant(binding.role, binding.members, binding.condition.expression.strip() not in {"", "true"})
        for binding in policy.bindings
    ]


class BytebaseCatalog:
    """Lists what can be declared."""

    def __init__(self, reads: SharedReads) -> None:
        self._reads = reads

    async def projects(self) -> Sequence[str]:
        """Ids of the visible projects, sorted."""
        return await self._reads.visible_projects()

    async def environments(self) -> Sequence[str]:
        """Ids of the environments, in the order of stages."""
        return [environment.id for environment in await self._reads.environments()]
