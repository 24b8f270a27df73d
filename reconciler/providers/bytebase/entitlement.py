"""Who is entitled to decide a stage by a gate's source, and a signal that differs when those people differ."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from reconciler.gather import both
from reconciler.ids import canonical_json, sha256
from reconciler.providers.bytebase.conditions import Moment
from reconciler.providers.bytebase.directory import RightsReader
from reconciler.providers.bytebase.people import group_members, holders, named_people
from reconciler.subjects.change import Change, Entitlement, Question, ReviewStep, Stage
from reconciler.subjects.gate import ApproverSource


class EntitlementReader:
    """Answers for gates, and remembers which roles and groups they ask about."""

    def __init__(self, rights: RightsReader) -> None:
        self._rights = rights
        self._asked_roles: set[str] = set()
        self._asked_groups: set[str] = set()

    async def read(self, change: Change, question: Question, source: ApproverSource, moment: Moment) -> Entitlement:
        """The people whom `source` means now; requesters not yet taken out."""
        policy_roles = question.policy_roles if isinstance(question, Stage) else ()
        needs_capable = source.kind == "rolloutPolicy" and not policy_roles
        directory, capable = await both(
            self._rights.directory(change.project), self._rights.capable_roles() if needs_capable else _none()
        )
        match source.kind:
            case "users":
                return named_people(directory, source.values, limit=source.limit)
            case "groups":
                self._asked_groups.update(source.values)
                directory = replace(directory, groups=await self._rights.groups())
                return group_members(directory, source.values, limit=source.limit)
            case "roles":
                roles: Sequence[str] = source.values
                self._asked_roles.update(roles)
            case "flow":
                roles = (question.role,) if isinstance(question, ReviewStep) and question.role else ()
            case "rolloutPolicy":
                roles = policy_roles or capable
        return holders(directory, roles, moment, limit=source.limit)

    async def signal(self, project: str, environment: str, moment: Moment, *, flow: Sequence[str] = ()) -> str:
        """Differs when the people differ who may decide there or hold a role of `flow`, by what was read last; asks nobody.

        Judged by the people and not by the bindings, so that somebody joining the workspace wakes no stage.
        """
        directory = await self._rights.last_directory(project)
        policy = self._rights.last_rollout_policy(environment)
        roles = {*flow, *policy.roles, *self._rights.last_capable_roles(), *self._asked_roles}
        people = {role: sorted(holders(directory, [role], moment, limit=sys.maxsize).people) for role in sorted(roles)}
        members = group_members(directory, sorted(self._asked_groups), limit=sys.maxsize).people
        return sha256(canonical_json([people, sorted(members), policy.automatic, sorted(policy.roles)]))


async def _none() -> tuple[str, ...]:
    return ()
