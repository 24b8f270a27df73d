"""Task runs: list, run, skip, cancel (facts §10.3, §10.4)."""

from __future__ import annotations

import re

from reconciler.sandbox.bytebase.access import has_role, may
from reconciler.sandbox.bytebase.call import (
    DENIED,
    INVALID,
    NOT_FOUND,
    PRECONDITION,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.changes import is_passed
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.rollouts import rollout_plan
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.world import Plan, Task, TaskRun

_TASK = re.compile(r"projects/([^/]+)/plans/(\d+)/rollout/stages/([^/]+)/tasks/(\d+)\Z")
_RUN = re.compile(r"projects/([^/]+)/plans/(\d+)/rollout/stages/([^/]+)/tasks/(\d+)/taskRuns/(\d+)\Z")
_UNDER_WAY = ("PENDING", "AVAILABLE", "RUNNING", "DONE")


def handlers(deps: Deps) -> Handlers:
    """What runs, and what makes it run."""
    progress = deps.progress
    return {
        "RolloutService/ListTaskRuns": list_runs,
        "RolloutService/GetTaskRun": get,
        "RolloutService/GetTaskRunLog": log,
        "RolloutService/GetTaskRunSession": session,
        "RolloutService/PreviewTaskRunRollback": preview_rollback,
        "RolloutService/BatchRunTasks": lambda call: run(call, progress),
        "RolloutService/BatchSkipTasks": skip,
        "RolloutService/BatchCancelTaskRuns": lambda call: cancel(call, progress),
    }


def _run_message(plan: Plan, task: Task, attempt: TaskRun) -> Message:
    message: Message = {
        "name": f"{plan.name}/rollout/stages/{task.environment}/tasks/{task.number}/taskRuns/{attempt.number}",
        "creator": f"users/{attempt.creator}",
        "createTime": stamp(attempt.created),
        "updateTime": stamp(attempt.updated),
        "status": attempt.status,
        "detail": attempt.detail,
    }
    if attempt.started is not None:
        message["startTime"] = stamp(attempt.started)
    if attempt.run_time:
        message["runTime"] = attempt.run_time
    if attempt.waits_since is not None:
        cause = {"parallelTasksLimit": True}
        message["schedulerInfo"] = {"reportTime": stamp(attempt.waits_since), "waitingCause": cause}
    return message


def list_runs(call: Call) -> Message:
    """Runs of a task, of a stage (`tasks/-`), or of all (`stages/-/tasks/-`); oldest first, unpaged."""
    parent = call.text("parent")
    plan = rollout_plan(call, parent)
    parts = parent.split("/")
    stage, number = parts[6], parts[8]
    found = [
        (attempt.number, _run_message(plan, task, attempt))
        for task in plan.tasks
        if stage in ("-", task.environment) and number in ("-", str(task.number))
        for attempt in task.runs
    ]
    return {"taskRuns": [message for _, message in sorted(found, key=lambda pair: pair[0])]}


def get(call: Call) -> Message:
    """One run."""
    plan, task, attempt = _attempt(call, call.text("name"))
    return _run_message(plan, task, attempt)


def log(call: Call) -> Message:
    """What a run did, in the server's words: one transaction around one command."""
    plan, task, attempt = _attempt(call, call.text("parent"))
    entries: list[Message] = []
    if attempt.started is not None and attempt.status in ("DONE", "FAILED"):
        # The entries spread over the run as in a real log; only their order and the ends of the run are meaningful.
        span = attempt.updated - attempt.started
        begun, sent = stamp(attempt.started), stamp(attempt.started + span * 0.1)
        answered, ended = stamp(attempt.started + span * 0.9), stamp(attempt.updated)
        response: Message = {"logTime": answered}
        if attempt.detail:
            response["error"] = attempt.detail
        size = len(call.world.sheets[task.sheet.rsplit("/", 1)[-1]].content) if task.sheet else 0
        command = {"logTime": sent, "range": {"end": size}, "response": response}
        end = "ROLLBACK" if attempt.detail else "COMMIT"
        replica = call.world.extra.setdefault("replica", "6f1d2b1e-9a52-4f0e-8f4e-0d5a3c1b7e90")
        entries = [
            _entry("TRANSACTION_CONTROL", begun, replica, transactionControl={"type": "BEGIN"}),
            _entry("COMMAND_EXECUTE", sent, replica, commandExecute=command),
            _entry("TRANSACTION_CONTROL", ended, replica, transactionControl={"type": end}),
        ]
    name = f"{plan.name}/rollout/stages/{task.environment}/tasks/{task.number}/taskRuns/{attempt.number}/log"
    return {"name": name, "entries": entries}


def session(call: Call) -> Message:
    """What the database server does for a run; there is no server behind this one, so nothing is to be seen."""
    _attempt(call, call.text("parent"))
    return {"name": f"{call.text('parent')}/session", "postgres": {}}


def preview_rollback(call: Call) -> Message:
    """The statement that takes a run back; none without a prior backup, and there are none here."""
    _attempt(call, call.text("name"))
    raise RpcError(INVALID, "task run has no prior backup")


def _entry(kind: str, at: str, replica: str, **payload: Message) -> Message:
    return {"type": kind, "logTime": at, "replicaId": replica, **payload}


def _attempt(call: Call, name: str) -> tuple[Plan, Task, TaskRun]:
    plan = rollout_plan(call, name)
    found = _RUN.match(name)
    if found is not None:
        for task in plan.tasks:
            for attempt in task.runs:
                if attempt.number == int(found[5]) and task.number == int(found[4]):
                    return plan, task, attempt
    raise RpcError(NOT_FOUND, f'task run "{name}" not found')


def run(call: Call, progress: Progress) -> Message:
    """Start tasks. Those under way or unknown are left alone without a word (facts §10.4)."""
    names = call.message.get("tasks", [])
    if not names:
        raise RpcError(INVALID, "The tasks in request cannot be empty")
    plan = rollout_plan(call, call.text("parent"))
    parsed = [_parsed(name) for name in names]
    if len({environment for environment, _ in parsed}) != 1:
        raise RpcError(INVALID, "tasks should be in the same environment")
    environment = parsed[0][0]
    if not _may_act(call, plan, environment):
        raise RpcError(DENIED, "Not allowed to run tasks")
    issue = call.world.issue_of(plan)
    needs_review = call.world.projects[plan.project].flags.get("requireIssueApproval")
    if needs_review and issue is not None and not is_passed(issue):
        raise RpcError(
            PRECONDITION, "cannot run the tasks because issue approval is required but the issue is not approved"
        )
    wanted = [task for task in plan.tasks if task.number in {number for _, number in parsed}]
    for task in wanted:
        if task.is_skipped:
            raise RpcError(PRECONDITION, f"task {task.number} has been skipped and cannot be run")
    for task in wanted:
        if not task.runs or task.runs[-1].status not in _UNDER_WAY:
            progress.run(plan, task, creator=call.who.email, run_time=call.text("runTime"))
    return {}


def skip(call: Call) -> Message:
    """Skip tasks for good."""
    plan = rollout_plan(call, call.text("parent"))
    parsed = [_parsed(name) for name in call.message.get("tasks", [])]
    wanted = []
    for environment, number in parsed:
        task = next((each for each in plan.tasks if each.number == number), None)
        if task is None:
            raise RpcError(NOT_FOUND, f"task {number} not found in the rollout")
        if not _may_act(call, plan, environment):
            raise RpcError(DENIED, f'not allowed to skip tasks in environment "{environment}"')
        if task.status not in ("NOT_STARTED", "FAILED", "CANCELED", "SKIPPED"):
            raise RpcError(PRECONDITION, f"task {number} cannot be skipped in status {task.status}")
        wanted.append(task)
    for task in wanted:
        if not task.is_skipped:
            task.is_skipped, task.skipped_reason = True, call.text("reason")
    return {}


def cancel(call: Call, progress: Progress) -> Message:
    """Cancel runs that have not ended."""
    names = call.message.get("taskRuns", [])
    if not names:
        raise RpcError(INVALID, "The task runs in request cannot be empty")
    plan = rollout_plan(call, call.text("parent"))
    stage = call.text("parent").split("/")[6]
    attempts = []
    for name in names:
        found = _RUN.match(name)
        if found is None or found[3] != stage:
            raise RpcError(INVALID, f"task run {name} is not in the specified stage {stage}")
        attempts.append(_attempt(call, name)[2])
    if not _may_act(call, plan, stage):
        raise RpcError(DENIED, "Not allowed to cancel tasks")
    for attempt in attempts:
        if attempt.status not in ("PENDING", "AVAILABLE", "RUNNING"):
            raise RpcError(INVALID, f"taskRun {attempt.number} is not pending, available or running")
    for attempt in attempts:
        progress.cancel(plan, attempt)
    return {}


def _parsed(name: str) -> tuple[str, int]:
    found = _TASK.match(str(name))
    if found is None:
        raise RpcError(INVALID, f'invalid rollout task name "{name}"')
    return found[3], int(found[4])


def _may_act(call: Call, plan: Plan, environment: str) -> bool:
    if may(call, "bb.taskRuns.create", plan.project):
        return True
    policy = call.world.policies.get(f"environments/{environment}/policies/rollout_policy", {})
    return has_role(call.world, call.who, policy.get("roles", []), plan.project, call.now)
