"""What the server does by itself, and when: checks, findings, rollouts, task runs. Events in memory, as in the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from reconciler.sandbox.bytebase import changes
from reconciler.sandbox.bytebase.targets import is_change, is_release_based, sheet_text
from reconciler.sandbox.bytebase.times import parse
from reconciler.sandbox.bytebase.world import Issue, Plan, Task, TaskRun, World
from reconciler.sandbox.clock import SandboxClock

CHECKS_TAKE = 0.02
FINDING_TAKES = 0.01
FINDING_AGAIN_TAKES = 0.15
ROLLOUT_TAKES = 0.03
PICK_UP_TAKES = 0.2
STATEMENT_TAKES = 0.1
TICK = 1.0
"""Seconds, as observed on an idle server (facts §22.1). A rollout takes longer than the checks it asks about."""


class Progress:
    """Moves changes on in the background; every delay goes through the clock and is scaled there."""

    def __init__(self, world: World, clock: SandboxClock) -> None:
        self._world = world
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[int, asyncio.Event] = {}

    async def start(self) -> None:
        """Nothing waits at the start: progress begins with the first event."""

    async def stop(self) -> None:
        """End everything that is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self, plan: Plan) -> None:
        """Start a new check run; what follows from its end follows."""
        changes.begin_checks(plan, self._clock.now())
        if is_release_based(plan) or not is_change(plan):
            plan.checks = None
            self._go(self._find(plan))
            return
        self._go(self._check(plan))

    def find(self, plan: Plan) -> None:
        """Find the review of the plan's issue anew, if its checks are done."""
        if plan.checks is None or plan.checks.status == "DONE":
            self._go(self._find(plan))

    def find_for_issue(self, issue: Issue) -> None:
        """Find the review of an issue that has no plan."""
        self._go(self._find_alone(issue))

    def granted(self, issue: Issue) -> None:
        """The last step of a request for a role was approved: the role is bound."""
        changes.grant(self._world, issue, self._clock.now())

    def passed(self, plan: Plan) -> None:
        """The last step was approved: the automatic rollout follows."""
        issue = self._world.issue_of(plan)
        if issue is not None and issue.status != "CANCELED":
            self._go(self._roll_out(plan))

    def created(self, tasks: list[Task], plan: Plan) -> None:
        """Tasks of automatic environments start at once, in any order."""
        for task in tasks:
            policy = self._world.policies.get(f"environments/{task.environment}/policies/rollout_policy", {})
            if policy.get("automatic"):
                self.run(plan, task, creator="", run_time="")

    def run(self, plan: Plan, task: Task, *, creator: str, run_time: str) -> None:
        """A new attempt of a task."""
        now = self._clock.now()
        number = self._world.projects[plan.project].number("taskRun")
        attempt = TaskRun(number, "PENDING", creator, now, now, run_time=run_time)
        task.runs.append(attempt)
        plan.rollout_updated = now
        self._go(self._execute(plan, task, attempt))

    def cancel(self, plan: Plan, attempt: TaskRun) -> None:
        """Cancel an attempt; a running statement stops at once."""
        attempt.status = "CANCELED"
        attempt.updated = plan.rollout_updated = self._clock.now()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, plan: Plan) -> None:
        run = plan.checks
        await self._clock.sleep(CHECKS_TAKE)
        if run is None or plan.checks is not run:
            return
        changes.finish_checks(self._world, plan)
        await self._find(plan)

    async def _find(self, plan: Plan) -> None:
        issue = self._world.issue_of(plan)
        # After an edit of specs or labels the review is seen CHECKING for a while, so that a hasty approval meets it.
        is_again = issue is not None and not issue.is_found and issue.found_version >= 0
        await self._clock.sleep(FINDING_AGAIN_TAKES if is_again else FINDING_TAKES)
        issue = self._world.issue_of(plan)
        if issue is None or issue.is_draft or issue.is_found or plan.has_rollout:
            return
        if changes.find_review(self._world, issue, self._clock.now()):
            await self._roll_out(plan)

    async def _find_alone(self, issue: Issue) -> None:
        await self._clock.sleep(FINDING_TAKES)
        if changes.find_review(self._world, issue, self._clock.now()):
            changes.grant(self._world, issue, self._clock.now())

    async def _roll_out(self, plan: Plan) -> None:
        await self._clock.sleep(ROLLOUT_TAKES)
        issue = self._world.issue_of(plan)
        if issue is not None and changes.may_roll_out(self._world, plan, issue):
            now = self._clock.now()
            tasks = changes.create_rollout(self._world, plan, now, environment=None, actor=issue.creator)
            self.created(tasks, plan)

    async def _execute(self, plan: Plan, task: Task, attempt: TaskRun) -> None:
        await self._clock.sleep(PICK_UP_TAKES)
        while attempt.status == "PENDING" and not self._may_start(plan, attempt):
            await self._clock.sleep(TICK)
        if attempt.status != "PENDING":
            return
        attempt.waits_since = None
        attempt.status = "RUNNING"
        attempt.started = attempt.updated = plan.rollout_updated = self._clock.now()
        sql = sheet_text(self._world, task.sheet)
        seconds = sum(slow.seconds for slow in self._world.seed.slow_statements if slow.contains in sql)
        await self._clock.sleep(seconds or STATEMENT_TAKES)
        if attempt.status != "RUNNING":
            return
        failure = self._failure(task, sql)
        attempt.status, attempt.detail = ("FAILED", failure) if failure else ("DONE", "")
        attempt.updated = plan.rollout_updated = self._clock.now()
        if not failure:
            self._world.executed.setdefault(task.target, []).append(sql)
            changes.apply_create_database(self._world, plan, task)

    def _may_start(self, plan: Plan, attempt: TaskRun) -> bool:
        """Whether its run time has come and the project's limit of parallel tasks leaves room (facts §10.2)."""
        now = self._clock.now()
        if attempt.run_time and parse(attempt.run_time) > now:
            return False
        limit = self._world.projects[plan.project].flags.get("parallelTasksPerRollout", 0)
        running = sum(run.status == "RUNNING" for task in plan.tasks for run in task.runs)
        if limit <= 0 or running < limit:
            return True
        attempt.waits_since = attempt.waits_since or now
        return False

    def _failure(self, task: Task, sql: str) -> str:
        done = self._world.executed.get(task.target, [])
        for failing in self._world.seed.failing_statements:
            healed = failing.until_run is not None and any(failing.until_run in each for each in done)
            if failing.contains in sql and not healed:
                return failing.detail
        return changes.create_database_failure(sql) if task.type == "DATABASE_CREATE" else ""
