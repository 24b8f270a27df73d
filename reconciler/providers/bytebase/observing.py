"""Reads one change whole: plan, issue, checks, rollout, runs, and what its tasks and environments refer to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import NotFoundError, UnavailableError
from reconciler.gather import all_of
from reconciler.ids import project_of
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.directory import RightsReader
from reconciler.providers.bytebase.people import is_account
from reconciler.providers.bytebase.review_steps import (
    awaits_review,
    created_environments,
    releases_of,
    review_step,
    targets_of,
)
from reconciler.providers.bytebase.translate import agrees, checks_of, issue_of, newest_runs, task_of
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_changes import (
    WireIssue,
    WirePlan,
    WireRelease,
    WireRollout,
    WireStage,
    WireTaskRun,
)
from reconciler.providers.bytebase.wire_workspace import WireProject, WireRolloutPolicy
from reconciler.subjects.change import Change, Checks, ReviewStep, Stage

Value = TypeVar("Value")

MOST_LOOKS = 5
"""How often rollout and runs are read until both show the same moment."""
LOOK_PAUSE = 0.05
"""Seconds between those looks."""
MOST_REMEMBERED = 20_000
"""Plans whose outline and finished checks are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class _Outline:
    """What a change refers to: where to look, never what is there."""

    issue: str
    has_rollout: bool
    environments: tuple[str, ...]
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a stage takes from its environment."""

    title: str
    policy: WireRolloutPolicy


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a change refers to, being read."""

    issue: asyncio.Future[WireIssue | None]
    checks: asyncio.Future[Checks]
    places: asyncio.Future[Mapping[str, _Place]]
    releases: asyncio.Future[Mapping[str, WireRelease]]

    async def end(self) -> None:
        """Wait until all are read or have failed; each then has its result or its error."""
        await asyncio.gather(self.issue, self.checks, self.places, self.releases, return_exceptions=True)


class ChangeReader:
    """Reads changes. NotFoundError says that the plan itself is gone; anything else missing is a read that failed.

    A change that was read before is asked for in one go, with what it referred to then: a click waits for this. Where it
    refers to something else by now, all of that is read after it.
    """

    def __init__(self, client: BytebaseClient, rights: RightsReader, *, with_reviews: bool = False) -> None:
        self._client = client
        self._rights = rights
        self._with_reviews = with_reviews
        self._plans: dict[str, str] = {}
        self._final_checks: dict[str, Checks] = {}
        self._outlines: dict[str, _Outline] = {}

    async def read_issue(self, issue: str) -> Change:
        """The facts about one issue's change. NotFoundError says that the issue itself is gone."""
        plan = self._plans.get(issue) or (await self._client.issues.get(issue)).plan
        if not plan:
            raise UnavailableError("the issue changes no database", where=issue, next_step="nothing is done about it")
        _keep(self._plans, issue, plan)
        async with parts_of(issue):
            return await self.read(plan)

    async def read(self, name: str) -> Change:
        """The facts about one plan's change at one moment."""
        before = self._outlines.get(name)
        plan = asyncio.ensure_future(self._client.plans.get(name))
        rollout = asyncio.ensure_future(self._rollout(name))
        project = asyncio.ensure_future(self._rights.project(project_of(name)))
        parts = self._begin(name, before) if before is not None else None
        await asyncio.gather(plan, rollout, project, return_exceptions=True)
        if parts is not None:
            await parts.end()
        found = plan.result()  # of all that may be missing, only the plan itself says that the change is gone
        async with parts_of(name):
            shown, runs = rollout.result()
            outline = _outline(found, shown)
            if parts is None or outline != before:
                _keep(self._outlines, name, outline)
                parts = self._begin(name, outline)
                await parts.end()
            return await self._put_together(found, project.result(), shown, runs, parts)

    def _begin(self, name: str, outline: _Outline) -> _Parts:
        return _Parts(
            issue=asyncio.ensure_future(self._issue(outline.issue)),
            checks=asyncio.ensure_future(self._checks(name, has_rollout=outline.has_rollout)),
            places=asyncio.ensure_future(self._places(outline.environments)),
            releases=asyncio.ensure_future(self._releases(outline.releases)),
        )

    async def _put_together(
        self,
        plan: WirePlan,
        project: WireProject,
        rollout: WireRollout | None,
        runs: Mapping[str, WireTaskRun],
        parts: _Parts,
    ) -> Change:
        issue, checks = parts.issue.result(), parts.checks.result()
        step = await self._step(issue, plan) if issue is not None and self._with_reviews else None
        places, releases = parts.places.result(), parts.releases.result()
        return Change(
            plan=plan.name,
            project=project.name,
            title=plan.title,
            creator=email_of(plan.creator),
            created=plan.create_time,
            is_active=plan.state in ("ACTIVE", ""),
            checks=checks,
            stages=tuple(
                _stage(stage, places[stage.environment], runs, releases)
                for stage in (rollout.stages if rollout is not None else ())
            ),
            issue=issue_of(issue) if issue is not None else None,
            step=step,
            project_title=project.title,
            project_labels=tuple(sorted(project.labels.items())),
            by_pipeline=is_account(email_of(plan.creator)),
            link=await self._link(plan),
        )

    async def _issue(self, name: str) -> WireIssue | None:
        return await self._client.issues.get(name) if name else None

    async def _step(self, issue: WireIssue, plan: WirePlan) -> ReviewStep | None:
        if not awaits_review(issue):
            return None
        targets, names = targets_of(plan), releases_of([plan])
        found = await all_of([self._rights.database_environment(target) for target in targets])
        releases = await self._releases(names)
        environments = {**created_environments(plan), **dict(zip(targets, found, strict=True))}
        return review_step(issue, plan, environments, releases)

    async def _rollout(self, plan: str) -> tuple[WireRollout | None, Mapping[str, WireTaskRun]]:
        for _ in range(MOST_LOOKS):
            rollout, listed = await asyncio.gather(
                self._client.rollouts.get(plan), self._client.rollouts.task_runs(plan), return_exceptions=True
            )
            if isinstance(rollout, BaseException):
                raise rollout
            if rollout is None:
                return None, {}
            if isinstance(listed, BaseException):
                raise listed
            runs = newest_runs(listed)
            if agrees(rollout, runs):
                return rollout, runs
            await asyncio.sleep(LOOK_PAUSE)
        raise UnavailableError(
            "the rollout keeps changing while it is read", where=plan, next_step="it is read again by itself"
        )

    async def _releases(self, names: Sequence[str]) -> Mapping[str, WireRelease]:
        return dict(zip(names, await all_of([self._client.plans.release(name) for name in names]), strict=True))

    async def _places(self, environments: Sequence[str]) -> Mapping[str, _Place]:
        return dict(zip(environments, await all_of([self._place(name) for name in environments]), strict=True))

    async def _place(self, environment: str) -> _Place:
        policy = await self._rights.rollout_policy(environment)
        return _Place(await self._rights.environment_title(environment), policy)

    async def _checks(self, plan: str, *, has_rollout: bool) -> Checks:
        # Checks cannot be run again once there is a rollout (facts §9.4): what was finished after that is read once.
        if (known := self._final_checks.get(plan)) is not None:
            return known
        run = await self._client.plans.checks(plan)
        checks = checks_of(run)
        if has_rollout and (run is None or run.status == "DONE"):
            _keep(self._final_checks, plan, checks)
        return checks

    async def _link(self, plan: WirePlan) -> str:
        base = (await self._client.server()).external_url or self._client.url
        return f"{base}/{plan.issue or f'{plan.name}/rollout'}"


def _outline(plan: WirePlan, rollout: WireRollout | None) -> _Outline:
    stages = rollout.stages if rollout is not None else ()
    updates = (task.database_update for stage in stages for task in stage.tasks)
    return _Outline(
        issue=plan.issue,
        has_rollout=rollout is not None,
        environments=tuple(sorted({stage.environment for stage in stages})),
        releases=tuple(sorted({update.release for update in updates if update is not None and update.release})),
    )


def _stage(
    stage: WireStage, place: _Place, runs: Mapping[str, WireTaskRun], releases: Mapping[str, WireRelease]
) -> Stage:
    return Stage(
        name=stage.name,
        environment=stage.environment,
        title=place.title,
        tasks=tuple(task_of(task, runs.get(task.name), releases) for task in stage.tasks),
        automatic=place.policy.automatic,
        policy_roles=place.policy.roles,
    )


def _keep(kept: dict[str, Value], plan: str, value: Value) -> None:
    if len(kept) >= MOST_REMEMBERED and plan not in kept:
        kept.pop(next(iter(kept)))
    kept[plan] = value


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
