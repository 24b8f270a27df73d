"""Rollout policies of environments (facts §12): one that was never written reads as the default."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError
from reconciler.gather import all_of
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.resources.base import Resource
from reconciler.resources.finding import Finding
from reconciler.resources.rollout_policy import RolloutPolicy


class RolloutPolicyReader:
    """Reads policies, and the list of environments to know which of them exist."""

    def __init__(self, client: BytebaseClient, reads: SharedReads) -> None:
        self._client = client
        self._reads = reads

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """The policy of each wanted environment; with `inventory` those of other environments that are not the default.

        The server answers for environments that do not exist: those are refused here.
        """
        names = [each.name for each in wanted]
        environments = {entry.id for entry in await self._reads.environments()}
        live = await all_of([self._read(name) for name in names if name in environments])
        others: list[RolloutPolicy] = []
        if inventory:
            found = await all_of([self._read(name) for name in sorted(environments - set(names))])
            others = [policy for policy in found if policy.automatic or policy.roles]
        missing = tuple(_missing(name) for name in names if name not in environments)
        return Observation(live=tuple(live), others=tuple(others), refusals=missing)

    async def _read(self, name: str) -> RolloutPolicy:
        policy = await self._client.settings.rollout_policy(f"environments/{name}")
        return RolloutPolicy(name, automatic=policy.automatic, roles=policy.roles)


def _missing(name: str) -> Finding:
    return Finding(
        "noSuchEnvironment",
        RolloutPolicy.kind,
        name,
        "Bytebase has no such environment; it would keep the policy for nothing",
        "correct the name in spec.bytebase.environments, or create the environment in Bytebase",
    )


class RolloutPolicyWriter:
    """Writes both parts of a policy, or returns it to the default."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Write what is declared; a part that is not declared stays as it is."""
        if write.desired is None and write.observed is not None:
            await self._client.settings.reset_rollout_policy(f"environments/{write.observed.name}")
            return Written()
        if not isinstance(write.desired, RolloutPolicy):
            raise BugError("not a rollout policy", where=RolloutPolicy.kind)
        after = write.desired
        if isinstance(write.observed, RolloutPolicy):
            after = after.over(write.observed)
        await self._client.settings.write_rollout_policy(
            f"environments/{after.environment}", automatic=bool(after.automatic), roles=after.roles or ()
        )
        return Written()
