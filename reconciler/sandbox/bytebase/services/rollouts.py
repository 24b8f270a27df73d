"""Rollouts: read, list, create by hand (facts §10.1, §10.3, §10.5)."""

from __future__ import annotations

import re
from datetime import datetime

from reconciler.sandbox.bytebase.access import project_of_resource, require
from reconciler.sandbox.bytebase.call import (
    INTERNAL,
    INVALID,
    NOT_FOUND,
    PRECONDITION,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.changes import create_rollout, is_passed, stages_of
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filter_values import check_words, values_of
from reconciler.sandbox.bytebase.services.filters import terms
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.services.plans import plan_named
from reconciler.sandbox.bytebase.targets import is_change
from reconciler.sandbox.bytebase.times import parse, stamp
from reconciler.sandbox.bytebase.wire.shapes import shapes
from reconciler.sandbox.bytebase.world import Plan, Task, World


def handlers(deps: Deps) -> Handlers:
    """Without the tasks' own acts."""
    progress = deps.progress
    return {
        "RolloutService/GetRollout": get,
        "RolloutService/ListRollouts": list_rollouts,
        "RolloutService/CreateRollout": lambda call: create(call, progress),
    }


def rollout_plan(call: Call, name: str) -> Plan:
    """The plan whose rollout a name is about; NOT_FOUND while it has none."""
    parts = name.split("/")
    if len(parts) < 4:
        raise RpcError(INVALID, f'invalid rollout name "{name}"')
    known = parts[3].isdecimal() and parts[1] in call.world.projects
    plan = call.world.plans.get((parts[1], int(parts[3]))) if known else plan_named(call, name)
    if plan is None or not plan.has_rollout:
        raise RpcError(NOT_FOUND, f"rollout {parts[3]} not found in project {parts[1]}")
    return plan


def task_message(plan: Plan, task: Task) -> Message:
    """A task in API shape; times come from its newest run."""
    message: Message = {
        "name": f"{plan.name}/rollout/stages/{task.environment or '-'}/tasks/{task.number}",
        "specId": task.spec_id,
        "status": task.status,
        "skippedReason": task.skipped_reason if task.is_skipped else "",
        "type": task.type,
        "target": task.target,
    }
    if task.type == "DATABASE_CREATE":
        message["databaseCreate"] = {"sheet": task.sheet}
    else:
        source = {"release": task.release} if task.release else {"sheet": task.sheet}
        message["databaseUpdate"] = {**source, "enablePriorBackup": task.prior_backup}
    if task.runs:
        message["updateTime"] = stamp(task.runs[-1].updated)
        if task.runs[-1].run_time:
            message["runTime"] = task.runs[-1].run_time
    return message


def rollout_message(world: World, plan: Plan) -> Message:
    """A rollout in API shape."""
    stages = [
        {
            "name": f"{plan.name}/rollout/stages/{environment}",
            "id": environment,
            "environment": f"environments/{environment}",
            "tasks": [task_message(plan, task) for task in tasks],
        }
        for environment, tasks in stages_of(world, plan)
    ]
    return {
        "name": f"{plan.name}/rollout",
        "title": plan.title,
        "stages": stages,
        "createTime": stamp(plan.created),
        "updateTime": stamp(_updated(plan)),
    }


def _updated(plan: Plan) -> datetime:
    runs = [run.updated for task in plan.tasks for run in task.runs]
    return max([plan.updated, *runs])


def get(call: Call) -> Message:
    """One rollout with all stages and tasks."""
    return rollout_message(call.world, rollout_plan(call, call.text("name")))


def list_rollouts(call: Call) -> Message:
    """Newest first; `update_time` compares runs, or the plan's creation where nothing ran (facts §10.3)."""
    project = call.text("parent").removeprefix("projects/")
    if project not in call.world.projects:
        raise RpcError(NOT_FOUND, f'project "{project}" not found')
    wanted = terms(call.text("filter"), {"update_time", "task_type"})
    plans = [p for (owner, _), p in call.world.plans.items() if owner == project and p.has_rollout]
    for term in wanted:
        if term.name == "update_time":
            limit = parse(str(term.value))
            at_least = term.operator == ">="
            plans = [p for p in plans if (_newest_run(p) >= limit if at_least else _newest_run(p) <= limit)]
        else:
            check_words(term, shapes().enums["Task.Type"])
            plans = [p for p in plans if any(task.type in values_of(term) for task in p.tasks)]
    plans.sort(key=lambda plan: plan.number, reverse=True)
    shown, token = page(call, plans)
    return {"rollouts": [rollout_message(call.world, plan) for plan in shown], "nextPageToken": token}


def _newest_run(plan: Plan) -> datetime:
    runs = [run.updated for task in plan.tasks for run in task.runs]
    return max(runs) if runs else plan.created


def create(call: Call, progress: Progress) -> Message:
    """Create the rollout, or the tasks of one environment that it still lacks (facts §10.5)."""
    plan = plan_named(call, call.text("parent"))
    project = str(project_of_resource(plan.name))
    require(call, "bb.rollouts.create", project, details=False)
    issue = call.world.issue_of(plan)
    if issue is not None and issue.is_draft:
        raise RpcError(PRECONDITION, "cannot create the rollout of a draft issue")
    needs_review = call.world.projects[project].flags.get("requireIssueApproval")
    if needs_review and issue is not None and not is_passed(issue):
        raise RpcError(
            PRECONDITION, "cannot create rollout because issue approval is required but the issue is not approved"
        )
    environment = None
    target = call.text("target")
    if target and is_change(plan):
        found = re.fullmatch(r"environments/([^/]+)", target)
        if found is None:
            text = f'failed to get environment id from "{target}": invalid request "{target}"'
            raise RpcError(INTERNAL, f"failed to filter tasks with stage id: {text}")
        environment = found[1]
    before = _updated(plan)
    tasks = create_rollout(call.world, plan, call.now, environment=environment, actor=call.who.email)
    # The answer shows the plan as it was read before it got its rollout.
    answer = {**rollout_message(call.world, plan), "updateTime": stamp(before)}
    progress.created(tasks, plan)
    return answer
