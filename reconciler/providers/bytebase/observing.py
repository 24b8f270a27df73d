"""Reads one change whole: plan, issue, checks, rollout, runs, and what its tasks and environments refer to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from reconciler.errors import NotFoundError, UnavailableError
from reconciler.ids import project_of
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.directory import RightsReader
from reconciler.providers.bytebase.people import is_account
from reconciler.providers.bytebase.translate import agrees, checks_of, issue_of, newest_runs, task_of
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_changes import (
    WirePlan,
    WireRelease,
    WireRollout,
    WireStage,
    WireTaskRun,
)
from reconciler.providers.bytebase.wire_workspace import WireProject
from reconciler.subjects.change import Change, Checks, Issue, Stage

MOST_LOOKS = 5
"""How often rollout and runs are read until both show the same moment."""
LOOK_PAUSE = 0.05
"""Seconds between those looks."""
MOST_REMEMBERED = 20_000
"""Plans whose finished checks are remembered; the oldest are forgotten first."""


class ChangeReader:
    """Reads changes. NotFoundError says that the plan itself is gone; anything else missing is a read that failed."""

    def __init__(self, client: BytebaseClient, rights: RightsReader) -> None:
        self._client = client
        self._rights = rights
        self._final_checks: dict[str, Checks] = {}

    async def read(self, name: str) -> Change:
        """The facts about one plan's change at one moment."""
        plan, rollout, project = await asyncio.gather(
            self._client.plans.get(name),
            self._rollout(name),
            self._rights.project(project_of(name)),
            return_exceptions=True,
        )
        if isinstance(plan, BaseException):
            raise plan  # of all that may be missing, only the plan itself says that the change is gone
        async with parts_of(name):
            if isinstance(rollout, BaseException):
                raise rollout
            if isinstance(project, BaseException):
                raise project
            return await self._put_together(plan, project, *rollout)

    async def _put_together(
        self, plan: WirePlan, project: WireProject, rollout: WireRollout | None, runs: Mapping[str, WireTaskRun]
    ) -> Change:
        issue, checks, releases = await asyncio.gather(
            self._issue(plan), self._checks(plan, has_rollout=rollout is not None), self._releases(rollout)
        )
        stages = await asyncio.gather(
            *(self._stage(stage, runs, releases) for stage in (rollout.stages if rollout else ()))
        )
        return Change(
            plan=plan.name,
            project=project.name,
            title=plan.title,
            creator=email_of(plan.creator),
            created=plan.create_time,
            is_active=plan.state in ("ACTIVE", ""),
            checks=checks,
            stages=tuple(stages),
            issue=issue,
            project_title=project.title,
            project_labels=tuple(sorted(project.labels.items())),
            by_pipeline=is_account(email_of(plan.creator)),
            link=await self._link(plan),
        )

    async def _issue(self, plan: WirePlan) -> Issue | None:
        return issue_of(await self._client.issues.get(plan.issue)) if plan.issue else None

    async def _rollout(self, plan: str) -> tuple[WireRollout | None, Mapping[str, WireTaskRun]]:
        for _ in range(MOST_LOOKS):
            rollout = await self._client.rollouts.get(plan)
            if rollout is None:
                return None, {}
            runs = newest_runs(await self._client.rollouts.task_runs(plan))
            if agrees(rollout, runs):
                return rollout, runs
            await asyncio.sleep(LOOK_PAUSE)
        raise UnavailableError(
            "the rollout keeps changing while it is read", where=plan, next_step="it is read again by itself"
        )

    async def _releases(self, rollout: WireRollout | None) -> Mapping[str, WireRelease]:
        names = {
            task.database_update.release
            for stage in (rollout.stages if rollout else ())
            for task in stage.tasks
            if task.database_update is not None and task.database_update.release
        }
        return {name: await self._client.plans.release(name) for name in sorted(names)}

    async def _stage(
        self, stage: WireStage, runs: Mapping[str, WireTaskRun], releases: Mapping[str, WireRelease]
    ) -> Stage:
        policy = await self._rights.rollout_policy(stage.environment)
        return Stage(
            name=stage.name,
            environment=stage.environment,
            title=await self._rights.environment_title(stage.environment),
            tasks=tuple(task_of(task, runs.get(task.name), releases) for task in stage.tasks),
            automatic=policy.automatic,
            policy_roles=policy.roles,
        )

    async def _checks(self, plan: WirePlan, *, has_rollout: bool) -> Checks:
        # Checks cannot be run again once there is a rollout (facts §9.4): finished ones are read once.
        if (known := self._final_checks.get(plan.name)) is not None:
            return known
        run = await self._client.plans.checks(plan.name)
        checks = checks_of(run)
        if has_rollout and (run is None or run.status == "DONE"):
            if len(self._final_checks) >= MOST_REMEMBERED:
                self._final_checks.pop(next(iter(self._final_checks)))
            self._final_checks[plan.name] = checks
        return checks

    async def _link(self, plan: WirePlan) -> str:
        base = (await self._client.server()).external_url or self._client.url
        return f"{base}/{plan.issue or f'{plan.name}/rollout'}"


@contextlib.asynccontextmanager
async def parts_of(resource: str) -> AsyncIterator[None]:
    """Within it, something missing means a failed read of `resource` and not that `resource` is gone."""
    try:
        yield
    except NotFoundError as error:
        raise UnavailableError(
            "a part is missing while it is read",
            where=resource,
            why=str(error),
            next_step="it is read again by itself; if it stays, look at the change in Bytebase",
        ) from error
