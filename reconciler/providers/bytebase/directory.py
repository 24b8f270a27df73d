"""Who may do what, as last read: policies, groups, people, roles and environments of one Bytebase, each kept for seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import ReconcilerError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.people import Directory, capable_roles
from reconciler.providers.bytebase.shelf import Shelf
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_people import WireGroup, WireIamPolicy
from reconciler.providers.bytebase.wire_workspace import WireEnvironment, WireProject, WireRolloutPolicy

Value = TypeVar("Value")

MOST_PER_LOOK = 4
"""How many project policies, and how many rollout policies, one look renews; where there are more it goes round.

With the workspace's policy and the groups that makes ten calls at most, half of what a quiet cycle may cost beyond pages.
"""

NO_ENVIRONMENT = frozenset({"", "environments/", "environments/-"})
"""How the environment of a stage is named whose databases are in none (facts §1.5)."""


@dataclass(frozen=True, slots=True)
class Ages:
    """For how many seconds a value counts as present. People and roles change seldom and are long to list."""

    rights: float = 5.0
    people: float = 60.0


class RightsReader:
    """Reads what decides who may do what, through one client; whole or not at all."""

    def __init__(
        self, client: BytebaseClient, *, ages: Ages | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        kept = ages or Ages()
        self._policies: Shelf[WireIamPolicy] = Shelf(kept.rights, clock)
        self._rollout_policies: Shelf[WireRolloutPolicy] = Shelf(kept.rights, clock)
        self._groups: Shelf[Mapping[str, WireGroup]] = Shelf(kept.rights, clock)
        self._projects: Shelf[WireProject] = Shelf(kept.rights, clock)
        self._environments: Shelf[tuple[WireEnvironment, ...]] = Shelf(kept.people, clock)
        self._databases: Shelf[str] = Shelf(kept.people, clock)
        self._active: Shelf[frozenset[str]] = Shelf(kept.people, clock)
        self._capable: Shelf[tuple[str, ...]] = Shelf(kept.people, clock)
        self._turn = 0

    def distrust(self) -> None:
        """Whoever asks for rights or people from now on is answered by a new read."""
        self._policies.distrust()
        self._rollout_policies.distrust()
        self._groups.distrust()
        self._active.distrust()
        self._capable.distrust()

    async def directory(self, project: str) -> Directory:
        """Everything that decides who holds which role in a project."""
        workspace = await self._workspace()
        # A click waits for these: they are asked for at once, groups too where some policy named one when last read.
        names_a_group = any(
            _names_a_group(policy) for name in (project, workspace) if (policy := self._policies.last(name))
        )
        own, top, active, known = await asyncio.gather(
            self._policies.get(project, _reader(self._client.iam.policy, project)),
            self._policies.get(workspace, _reader(self._client.iam.policy, workspace)),
            self._active.get("", self._read_active),
            self.groups() if names_a_group else _no_groups(),
        )
        policies = (own, top)
        if not any(_names_a_group(policy) for policy in policies):
            return Directory(policies, {}, active)
        return Directory(policies, known if names_a_group else await self.groups(), active)

    async def groups(self) -> Mapping[str, WireGroup]:
        """All groups by e-mail."""
        return await self._groups.get("", self._read_groups)

    async def capable_roles(self) -> tuple[str, ...]:
        """Roles whose holders may run any task."""
        return await self._capable.get("", self._read_capable)

    async def rollout_policy(self, environment: str) -> WireRolloutPolicy:
        """The rollout policy of an environment; the default for databases that are in none."""
        if environment in NO_ENVIRONMENT:
            return WireRolloutPolicy()
        read = _reader(self._client.settings.rollout_policy, environment)
        return await self._rollout_policies.get(environment, read)

    async def project(self, name: str) -> WireProject:
        """A project."""
        return await self._projects.get(name, _reader(self._client.projects.get, name))

    async def database_environment(self, database: str) -> str:
        """`environments/…` that a database is in, '' for none."""

        async def read() -> str:
            return (await self._client.system.database(database)).effective_environment

        return await self._databases.get(database, read)

    async def environment_title(self, environment: str) -> str:
        """The title of `environments/…`; its id where it has none or does not exist any more."""
        name = environment.removeprefix("environments/")
        found = await self._environments.get("", self._client.settings.environments)
        return next((entry.title for entry in found if entry.id == name and entry.title), name)

    async def look(self, projects: Sequence[str], environments: Sequence[str]) -> None:
        """Renew the rights on which waiting stages depend, with a bounded number of calls.

        What cannot be read stays as it was: a pass that needs it will say why it cannot be read.
        """
        workspace = await self._workspace()
        await _quietly(self._policies, workspace, self._client.iam.policy)
        if any(_names_a_group(policy) for name in (workspace, *projects) if (policy := self._policies.last(name))):
            await _quietly(self._groups, "", lambda _: self._read_groups())
        for project in _round(projects, self._turn):
            await _quietly(self._policies, project, self._client.iam.policy)
        for environment in _round([name for name in environments if name not in NO_ENVIRONMENT], self._turn):
            await _quietly(self._rollout_policies, environment, self._client.settings.rollout_policy)
        with contextlib.suppress(ReconcilerError):
            await self._active.get("", self._read_active)
            await self._capable.get("", self._read_capable)
        self._turn += 1

    async def last_directory(self, project: str) -> Directory:
        """What was read last about a project, without asking anybody."""
        policies = [self._policies.last(name) for name in (project, await self._workspace())]
        return Directory(
            tuple(policy for policy in policies if policy is not None),
            self._groups.last("") or {},
            self._active.last("") or frozenset(),
        )

    def last_rollout_policy(self, environment: str) -> WireRolloutPolicy:
        """What was read last about an environment; the default before that."""
        return self._rollout_policies.last(environment) or WireRolloutPolicy()

    def last_capable_roles(self) -> tuple[str, ...]:
        """The capable roles as read last."""
        return self._capable.last("") or ()

    async def _workspace(self) -> str:
        return (await self._client.server()).workspace or "workspaces/-"

    async def _read_groups(self) -> Mapping[str, WireGroup]:
        return {email_of(group.name): group for group in await self._client.iam.groups()}

    async def _read_active(self) -> frozenset[str]:
        users = await self._client.iam.users()
        return frozenset(email_of(user.email or user.name) for user in users if user.state in ("ACTIVE", ""))

    async def _read_capable(self) -> tuple[str, ...]:
        return capable_roles(await self._client.iam.roles())


def _reader(read: Callable[[str], Awaitable[Value]], name: str) -> Callable[[], Awaitable[Value]]:
    return lambda: read(name)


async def _quietly(shelf: Shelf[Value], key: str, read: Callable[[str], Awaitable[Value]]) -> None:
    with contextlib.suppress(ReconcilerError):
        await shelf.renew(key, _reader(read, key))


async def _no_groups() -> Mapping[str, WireGroup]:
    return {}


def _names_a_group(policy: WireIamPolicy) -> bool:
    return any(member.startswith("group") for binding in policy.bindings for member in binding.members)


def _round(names: Sequence[str], turn: int) -> Sequence[str]:
    if len(names) <= MOST_PER_LOOK:
        return names
    start = turn * MOST_PER_LOOK % len(names)
    return [*names, *names][start : start + MOST_PER_LOOK]
