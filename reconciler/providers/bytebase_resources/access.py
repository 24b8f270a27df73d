"""Who may do what, read for the findings about rights."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import NotFoundError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_people import WireIamPolicy
from reconciler.providers.bytebase_resources.reads import all_of
from reconciler.resources.access import Access, Grant

ANY_PROJECT = "*"
MOST_UNNAMED = 10
"""How many projects that only `*` stands for are looked at: a plan is not an audit."""


class BytebaseAccess:
    """Reads roles, groups and bindings."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def access(self, projects: Sequence[str]) -> Access:
        """Roles, groups, and the bindings of the workspace and of these projects; `*` adds the first visible ones."""
        workspace = (await self._client.server()).workspace
        names = [project for project in projects if project != ANY_PROJECT]
        if ANY_PROJECT in projects:
            visible = sorted(
                project.name.removeprefix("projects/") for project in await self._client.projects.visible()
            )
            names += [name for name in visible if name not in names and not name.startswith("default")][:MOST_UNNAMED]
        roles = await self._client.iam.roles()
        groups = await self._client.iam.groups()
        top = await self._client.iam.policy(workspace) if workspace else WireIamPolicy()
        policies = await all_of([self._policy(name) for name in names])
        return Access(
            roles={role.name: frozenset(role.permissions) for role in roles},
            workspace=_grants(top),
            projects={
                name: _grants(policy) for name, policy in zip(names, policies, strict=True) if policy is not None
            },
            groups={
                group.email or email_of(group.name): tuple(sorted(email_of(each.member) for each in group.members))
                for group in groups
            },
        )

    async def _policy(self, project: str) -> WireIamPolicy | None:
        try:
            return await self._client.iam.policy(f"projects/{project}")
        except NotFoundError:
            return None


def _grants(policy: WireIamPolicy) -> list[Grant]:
    return [
        Grant(binding.role, binding.members, binding.condition.expression.strip() not in {"", "true"})
        for binding in policy.bindings
    ]


async def visible_projects(client: BytebaseClient) -> list[str]:
    """Ids of the projects our account sees, sorted. The default project takes no settings and is left out."""
    found = sorted(project.name.removeprefix("projects/") for project in await client.projects.visible())
    return [name for name in found if not name.startswith("default")]


class BytebaseCatalog:
    """Lists what can be declared."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def projects(self) -> Sequence[str]:
        """Ids of the visible projects, sorted."""
        return await visible_projects(self._client)

    async def environments(self) -> Sequence[str]:
        """Ids of the environments, in the order of stages."""
        return [environment.id for environment in await self._client.settings.environments()]
