"""Plans and their checks (facts §9)."""

from __future__ import annotations

import uuid
from collections import Counter

from reconciler.sandbox.bytebase.access import may
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
from reconciler.sandbox.bytebase.changes import add_comment, approval_status, stages_of
from reconciler.sandbox.bytebase.progress import Progress
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.filter_values import check_operator, check_principal, check_words
from reconciler.sandbox.bytebase.services.filters import Term, terms
from reconciler.sandbox.bytebase.services.numbered import numbered
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.services.projects import project_named
from reconciler.sandbox.bytebase.targets import is_change, is_release_based
from reconciler.sandbox.bytebase.times import parse, stamp
from reconciler.sandbox.bytebase.world import Plan, World

_KINDS = {
    "change_database_config": "changeDatabaseConfig",
    "create_database_config": "createDatabaseConfig",
    "export_data_config": "exportDataConfig",
}
_WORDS = {"spec_type": set(_KINDS), "state": {"ACTIVE", "DELETED"}}


def handlers(deps: Deps) -> Handlers:
    """Create, read, list, edit, check."""
    progress = deps.progress
    return {
        "PlanService/CreatePlan": lambda call: create(call, progress),
        "PlanService/GetPlan": lambda call: plan_message(call.world, plan_named(call, call.text("name"))),
        "PlanService/ListPlans": list_plans,
        "PlanService/UpdatePlan": lambda call: update(call, progress),
        "PlanService/GetPlanCheckRun": check_run,
        "PlanService/RunPlanChecks": lambda call: run_checks(call, progress),
        "PlanService/CancelPlanCheckRun": cancel_checks,
    }


def plan_named(call: Call, name: str) -> Plan:
    """The plan of a name (also of anything below it). NOT_FOUND or INVALID otherwise."""
    return numbered(call, name, call.world.plans, "plan")


def plan_message(world: World, plan: Plan) -> Message:
    """A plan in API shape, summaries of its stages included."""
    issue = world.issue_of(plan)
    message: Message = {
        "name": plan.name,
        "state": "ACTIVE" if plan.is_active else "DELETED",
        "issue": issue.name if issue is not None else "",
        "title": plan.title,
        "description": plan.description,
        "specs": plan.specs,
        "creator": f"users/{plan.creator}",
        "createTime": stamp(plan.created),
        "updateTime": stamp(plan.updated),
        "planCheckRunStatusCount": _check_counts(plan),
        "hasRollout": plan.has_rollout,
    }
    if issue is not None:
        message["approvalStatus"] = approval_status(issue)
        message["issueStatus"] = issue.status
    if plan.has_rollout:
        message["rolloutStageSummaries"] = [
            {
                "stage": f"{plan.name}/rollout/stages/{environment}",
                "taskStatusCounts": [
                    {"status": status, "count": count}
                    for status, count in sorted(Counter(task.status for task in tasks).items())
                ],
            }
            for environment, tasks in stages_of(world, plan)
        ]
    return message


def _check_counts(plan: Plan) -> dict[str, int]:
    if plan.checks is None:
        return {}
    # The count tells a run that nobody has picked up yet; the run itself calls that RUNNING.
    counts = Counter({"AVAILABLE" if plan.checks.status == "RUNNING" else plan.checks.status: 1})
    counts.update(result["status"] for result in plan.checks.results)
    return dict(counts)


def create(call: Call, progress: Progress) -> Message:
    """A new plan; its checks start."""
    project = project_named(call, call.text("parent"))
    given = call.part("plan")
    specs = given.get("specs", [])
    _check_specs(call, project.id, specs)
    plan = Plan(
        number=project.number("plan"),
        project=project.id,
        title=given.get("title", ""),
        description=given.get("description", ""),
        specs=specs,
        creator=call.who.email,
        created=call.now,
        updated=call.now,
    )
    call.world.plans[project.id, plan.number] = plan
    progress.check(plan)
    return plan_message(call.world, plan)


def _check_specs(call: Call, project: str, specs: list[Message]) -> None:
    if not specs:
        raise RpcError(INVALID, "plan should have at least one spec")
    kinds = {kind for spec in specs for kind in _KINDS.values() if kind in spec}
    if len(kinds) != 1 or any(len([k for k in _KINDS.values() if k in spec]) != 1 for spec in specs):
        raise RpcError(INVALID, "plan specs should be of one type")
    seen: set[str] = set()
    for spec in specs:
        spec_id = spec.get("id", "")
        try:
            uuid.UUID(spec_id)
        except ValueError:
            raise RpcError(INVALID, f'spec id "{spec_id}" is not a valid UUID') from None
        if spec_id in seen:
            raise RpcError(INVALID, f"found duplicate spec id {spec_id}")
        seen.add(spec_id)
        if "changeDatabaseConfig" in spec:
            _check_change(call, project, spec["changeDatabaseConfig"])
        elif "createDatabaseConfig" in spec:
            _check_instance(call, spec["createDatabaseConfig"].get("target", ""))


def _check_change(call: Call, project: str, config: Message) -> None:
    targets = config.get("targets", [])
    if not targets:
        raise RpcError(INVALID, "spec has no targets")
    for target in targets:
        database = call.world.databases.get(target)
        if database is None or database.project != project:
            raise RpcError(INVALID, f'database "{target}" not found in project {project}')
    sheet, release = config.get("sheet", ""), config.get("release", "")
    if bool(sheet) == bool(release):
        raise RpcError(INVALID, "either sheet or release must be specified")
    if sheet and sheet.rsplit("/", 1)[-1] not in call.world.sheets:
        raise RpcError(INVALID, f'sheet "{sheet}" not found')
    if release and release not in call.world.releases:
        raise RpcError(INVALID, f'release "{release}" not found')


def _check_instance(call: Call, target: str) -> None:
    if target.removeprefix("instances/") not in call.world.instances:
        raise RpcError(INVALID, f'instance "{target}" not found')


def list_plans(call: Call) -> Message:
    """Newest first. Active plans that have neither an issue nor a release are not listed (facts §9.1)."""
    project = call.text("parent").removeprefix("projects/")
    allowed = {"creator", "create_time", "has_rollout", "title", "spec_type", "state", "title.contains"}
    wanted = terms(call.text("filter"), allowed)
    _check_values(call.world, wanted)
    plans = [plan for (owner, _), plan in call.world.plans.items() if owner == project and not _is_hidden(plan)]
    plans = [plan for plan in plans if all(_fits(plan, term) for term in wanted)]
    plans.sort(key=lambda plan: plan.number, reverse=True)
    shown, token = page(call, plans)
    return {"plans": [plan_message(call.world, plan) for plan in shown], "nextPageToken": token}


def _is_hidden(plan: Plan) -> bool:
    return plan.is_active and plan.issue is None and not is_release_based(plan)


def _check_values(world: World, wanted: list[Term]) -> None:
    for term in wanted:
        check_operator(term, ())
        if term.name in _WORDS:
            check_words(term, _WORDS[term.name])
        elif term.name == "creator":
            check_principal(world, term)
        elif term.name == "has_rollout" and not isinstance(term.value, bool):
            raise RpcError(INVALID, 'failed to parse filter: "has_rollout" should be bool')


def _fits(plan: Plan, term: Term) -> bool:
    match term.name:
        case "creator":
            return f"users/{plan.creator}" == term.value
        case "create_time":
            limit = parse(str(term.value))
            return plan.created > limit if term.operator == ">=" else plan.created < limit
        case "has_rollout":
            return plan.has_rollout is term.value
        case "title":
            return plan.title == term.value
        case "title.contains":
            return str(term.value).lower() in plan.title.lower()
        case "spec_type":
            return all(_KINDS[str(term.value)] in spec for spec in plan.specs)
        case _:
            return ("ACTIVE" if plan.is_active else "DELETED") == term.value


def update(call: Call, progress: Progress) -> Message:
    """Title, description, state and — before the rollout — specs, which wipe the review (facts §8.5)."""
    given = call.part("plan")
    plan = plan_named(call, given.get("name", ""))
    if call.who.email != plan.creator and not may(call, "bb.plans.update", plan.project):
        raise RpcError(DENIED, "permission denied to update plan")
    if not call.mask:
        raise RpcError(INVALID, "update_mask must be set")
    unknown = [path for path in call.mask if path not in ("title", "description", "state", "specs")]
    if unknown:
        raise RpcError(INVALID, f'invalid update_mask path "{unknown[0]}"')
    if "specs" in call.mask:
        _update_specs(call, plan, given.get("specs", []), progress)
    if "title" in call.mask:
        plan.title = given.get("title", "")
    if "description" in call.mask:
        plan.description = given.get("description", "")
    if "state" in call.mask:
        plan.is_active = given.get("state", "ACTIVE") != "DELETED"
    plan.updated = call.now
    return plan_message(call.world, plan)


def _update_specs(call: Call, plan: Plan, specs: list[Message], progress: Progress) -> None:
    if plan.has_rollout:
        raise RpcError(INVALID, "cannot update specs for plan that has a rollout")
    if is_release_based(plan) or not is_change(plan):
        raise RpcError(INVALID, "the specs of this plan cannot be updated")
    _check_specs(call, plan.project, specs)
    before, plan.specs = plan.specs, specs
    plan.specs_version += 1
    issue = call.world.issue_of(plan)
    if issue is not None:
        if before != specs:
            add_comment(issue, call.who.email, call.now, planUpdate={"fromSpecs": before, "toSpecs": specs})
        issue.template, issue.approvers, issue.is_found, issue.updated = None, [], False, call.now
    progress.check(plan)


def check_run(call: Call) -> Message:
    """The plan's one check run."""
    plan = plan_named(call, call.text("name"))
    if plan.checks is None:
        raise RpcError(NOT_FOUND, f"plan check run not found for plan {plan.number}")
    return {
        "name": f"{plan.name}/planCheckRun",
        "status": plan.checks.status,
        "results": plan.checks.results,
        "createTime": stamp(plan.checks.created),
    }


def run_checks(call: Call, progress: Progress) -> Message:
    """Check again; not once there is a rollout."""
    plan = plan_named(call, call.text("name"))
    if plan.has_rollout:
        raise RpcError(PRECONDITION, "cannot run plan checks because the plan has a rollout")
    if is_release_based(plan):
        raise RpcError(INVALID, "plan checks of a release-based plan cannot be run")
    progress.check(plan)
    return {}


def cancel_checks(call: Call) -> Message:
    """Cancel a running check."""
    plan = plan_named(call, call.text("name"))
    if plan.checks is not None and plan.checks.status == "RUNNING":
        plan.checks.status = "CANCELED"
    return {}
