"""Rollouts and their tasks: reading them, and the three acts on a stage, none of which is repeated by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.errors import ConflictError, NotFoundError
from reconciler.providers.bytebase.channel import Call, Channel, Json, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire import Empty
from reconciler.providers.bytebase.wire_changes import WireRollout, WireRollouts, WireTaskRun, WireTaskRuns
from reconciler.providers.http_retry import Repeat


class Rollouts:
    """The rollouts of all visible projects."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def get(self, plan: str) -> WireRollout | None:
        """The rollout of a plan; None while it has none."""
        try:
            return await self._channel.send(WireRollout, reading(f"{plan}/rollout", what="read the rollout"))
        except NotFoundError:
            return None

    async def list_of(self, project: str) -> tuple[WireRollout, ...]:
        """All rollouts of a project. Never filtered by time: that filter has a hole (facts §10.3)."""
        return await self._channel.read_all(WireRollouts, reading(f"{project}/rollouts", what="list the rollouts"))

    async def create(self, plan: str) -> WireRollout:
        """Create the rollout of an approved plan whose automatic one did not come; an existing one is returned."""
        call = _acting(f"{plan}/rollout", {}, "create the rollout", plan)
        return await self._channel.send(WireRollout, call)

    async def task_runs(self, plan: str) -> tuple[WireTaskRun, ...]:
        """All runs of all tasks of a plan, oldest first."""
        call = reading(f"{plan}/rollout/stages/-/tasks/-/taskRuns", what="list the task runs")
        return (await self._channel.send(WireTaskRuns, call)).task_runs

    async def run(self, stage: str, tasks: Sequence[str], *, at: datetime | None = None) -> None:
        """Start tasks in one call. Success proves nothing: unknown and finished tasks are ignored; read again (facts §10.4)."""
        body: dict[str, object] = {"tasks": list(tasks)}
        if at is not None:
            body["runTime"] = at.isoformat().replace("+00:00", "Z")
        await self._channel.send(Empty, _acting(f"{stage}/tasks:batchRun", body, "run the tasks", stage))

    async def skip(self, stage: str, tasks: Sequence[str], reason: str) -> None:
        """Skip tasks for good. The reason holds at most 1,000 characters."""
        body = {"tasks": list(tasks), "reason": reason[:1000]}
        await self._channel.send(Empty, _acting(f"{stage}/tasks:batchSkip", body, "skip the tasks", stage))

    async def cancel(self, stage: str, task_runs: Sequence[str]) -> None:
        """Cancel runs of one stage that are pending or running."""
        body = {"taskRuns": list(task_runs)}
        call = _acting(f"{stage}/tasks/-/taskRuns:batchCancel", body, "cancel the task runs", stage)
        await self._channel.send(Empty, call)


def _acting(path: str, body: Json, what: str, resource: str) -> Call:
    meaning = CallMeaning(what, resource, acts=True, invalid=ConflictError)
    return Call("POST", f"/v1/{path}", meaning, Repeat.NEVER, (), body)
