"""How a change moves on: checks, the finding of its review, the rollout. State only; `progress` says when."""

from __future__ import annotations

import hashlib
from datetime import datetime

from reconciler.sandbox.bytebase.approval import find_template
from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.bytebase.sql import inserted_rows, missing_tables, risk_level, statement_types
from reconciler.sandbox.bytebase.targets import environment_of, is_change, sheet_text, targets_of
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.world import (
    Binding,
    CheckRun,
    Database,
    IamPolicy,
    Issue,
    Plan,
    Sheet,
    Task,
    World,
    new_uuid,
)


def begin_checks(plan: Plan, now: datetime) -> None:
    """A new check run starts."""
    plan.checks = CheckRun("RUNNING", [], now)


def finish_checks(world: World, plan: Plan) -> None:
    """The check run ends with what the seed says about the SQL, else SUCCESS."""
    if plan.checks is None or plan.checks.status != "RUNNING":
        return
    results: list[Message] = []
    for _, target, source in targets_of(plan):
        if source:
            results += _results(world, target, sheet_text(world, source))
    plan.checks.results = results
    plan.checks.status = "DONE"


def _results(world: World, target: str, sql: str) -> list[Message]:
    seed = world.seed
    for failing in seed.failing_statements:
        if failing.syntax_error and failing.contains in sql:
            text = failing.detail.removeprefix("ERROR: ").partition(" (SQLSTATE")[0]
            error: Message = {
                "status": "ERROR",
                "title": "Syntax error",
                "content": f"Syntax error at line 1: {text}",
                "code": 201,
                "target": target,
                "sqlReviewReport": {"startPosition": {"line": 1, "column": 1}},
            }
            return [{**error, "type": kind} for kind in ("STATEMENT_ADVISE", "STATEMENT_SUMMARY_REPORT")]
    advice: Message = {"status": "SUCCESS", "title": "OK", "target": target, "type": "STATEMENT_ADVISE"}
    for check in seed.plan_checks:
        if check.contains in sql:
            advice = {**advice, "status": check.status, "title": check.title or "SQL review", "content": check.title}
            break
    missing = missing_tables(sql, world.executed.get(target, []))
    if missing and advice["status"] == "SUCCESS":
        text = f'relation "{missing[0]}" does not exist, skipping'
        advice = {**advice, "status": "WARNING", "title": "Table does not exist", "content": text, "code": 604}
    summary = {
        "status": "SUCCESS",
        "title": "OK",
        "target": target,
        "type": "STATEMENT_SUMMARY_REPORT",
        "sqlSummaryReport": {"statementTypes": statement_types(sql), "affectedRows": inserted_rows(sql)},
    }
    return [advice, summary]


def has_check_error(plan: Plan) -> bool:
    """Whether a result is an ERROR."""
    return plan.checks is not None and any(result["status"] == "ERROR" for result in plan.checks.results)


def find_review(world: World, issue: Issue, now: datetime) -> bool:
    """Find the issue's approval template for the plan's present specs; True when the issue needs nobody."""
    plan = world.plan_of(issue)
    if plan is not None:
        sqls = [sheet_text(world, source) for _, _, source in targets_of(plan) if source]
        is_licensed = world.licence == "ENTERPRISE"
        issue.risk = risk_level([kind for sql in sqls for kind in statement_types(sql)] if is_licensed else [])
        issue.found_version = plan.specs_version
    issue.template = find_template(world, issue, plan) if world.licence == "ENTERPRISE" else None
    issue.is_found = True
    issue.updated = now
    return is_passed(issue)


def is_passed(issue: Issue) -> bool:
    """Whether nothing is left to approve: no template, an empty flow, or every step answered."""
    if not issue.is_found:
        return False
    if issue.template is None:
        return True
    roles = issue.template.get("flow", {}).get("roles", [])
    return len(issue.approvers) >= len(roles) and all(a.status == "APPROVED" for a in issue.approvers)


def approval_status(issue: Issue) -> str:
    """CHECKING, SKIPPED, REJECTED, APPROVED or PENDING, computed as the server does (facts §8.1)."""
    if not issue.is_found:
        return "CHECKING"
    if issue.template is None:
        return "SKIPPED"
    if any(approver.status == "REJECTED" for approver in issue.approvers):
        return "REJECTED"
    roles = issue.template.get("flow", {}).get("roles", [])
    return "APPROVED" if roles and len(issue.approvers) >= len(roles) else "PENDING"


def may_roll_out(world: World, plan: Plan, issue: Issue | None) -> bool:
    """The exact conditions of an automatic rollout (facts §11.2)."""
    if issue is None or plan.has_rollout or not plan.is_active or not is_change(plan):
        return False
    if issue.is_draft or issue.status == "CANCELED" or not is_passed(issue):
        return False
    checks_done = plan.checks is None or (plan.checks.status == "DONE" and not has_check_error(plan))
    return checks_done and issue.found_version == plan.specs_version and plan.project in world.projects


def create_rollout(world: World, plan: Plan, now: datetime, *, environment: str | None, actor: str) -> list[Task]:
    """Create the tasks that are missing, close the issue, and return the new tasks."""
    known = {(task.target, task.sheet or task.release) for task in plan.tasks}
    project = world.projects[plan.project]
    order = world.environments
    new: list[tuple[int, Task]] = []
    for spec, target, named in targets_of(plan):
        config = spec.get("changeDatabaseConfig", {})
        source = named if config else _create_database_sheet(world, plan.project, spec["createDatabaseConfig"])
        place = environment_of(world, target) if config else spec["createDatabaseConfig"].get("environment", "")
        place = place.removeprefix("environments/") or environment_of(world, target)
        if (environment is not None and place != environment) or (target, source) in known:
            continue
        known.add((target, source))
        is_release = "/releases/" in source
        task = Task(
            number=0,
            environment=place,
            spec_id=spec.get("id", ""),
            type="DATABASE_MIGRATE" if config else "DATABASE_CREATE",
            target=target,
            sheet="" if is_release else source,
            release=source if is_release else "",
            prior_backup=bool(config.get("enablePriorBackup")),
        )
        new.append((order.index(place) if place in order else len(order), task))
    for _, task in sorted(new, key=lambda pair: pair[0]):
        task.number = project.number("task")
        plan.tasks.append(task)
    if not plan.has_rollout:
        plan.has_rollout, plan.updated = True, now
    issue = world.issue_of(plan)
    if issue is not None:
        was, issue.status, issue.updated = issue.status, "DONE", now
        add_comment(issue, actor, now, issueUpdate={"fromStatus": was, "toStatus": "DONE"})
    return [task for _, task in new]


def _create_database_sheet(world: World, project: str, config: Message) -> str:
    parts = [f'CREATE DATABASE "{config.get("database", "")}"']
    for key, word in (("characterSet", "ENCODING"), ("collation", "LC_COLLATE")):
        parts.append(f'{word} "{config.get(key, "")}"')
    content = (" ".join(parts) + ";").encode()
    sha = hashlib.sha256(content).hexdigest()
    world.sheets.setdefault(sha, Sheet(sha, content))
    return f"projects/{project}/sheets/{sha}"


def create_database_failure(sql: str) -> str:
    """What PostgreSQL says to an empty encoding or collation (facts §10.5)."""
    return "ERROR:  is not a valid encoding name (SQLSTATE 42704)" if '""' in sql else ""


def apply_create_database(world: World, plan: Plan, task: Task) -> None:
    """After its task is done the new database is there, in the plan's project."""
    config = next(
        (
            s["createDatabaseConfig"]
            for s in plan.specs
            if s.get("id") == task.spec_id and task.sheet and "createDatabaseConfig" in s
        ),
        None,
    )
    if config is None:
        return
    instance = task.target.removeprefix("instances/")
    environment = str(config.get("environment", "")).removeprefix("environments/")
    database = Database(instance, config.get("database", ""), plan.project, environment=environment)
    world.databases.setdefault(database.full_name, database)


def grant(world: World, issue: Issue, now: datetime) -> None:
    """A request for a role that needs nobody any more: the role is bound in the project, the issue is done."""
    wanted = issue.extra.get("roleGrant", {})
    if issue.status != "OPEN" or not wanted:
        return
    project = world.projects[issue.project]
    member = str(wanted.get("user", "")).replace("users/", "user:", 1)
    condition = wanted.get("condition", {})
    project.iam = IamPolicy([*project.iam.bindings, Binding(wanted.get("role", ""), [member], condition)], now)
    issue.status, issue.updated = "DONE", now
    add_comment(issue, issue.creator, now, issueUpdate={"fromStatus": "OPEN", "toStatus": "DONE"})


def add_comment(issue: Issue, email: str, now: datetime, *, text: str = "", **event: Message) -> Message:
    """A comment, or an event beside one; returned in API shape."""
    moment = stamp(now)
    comment: Message = {
        "name": f"{issue.name}/issueComments/{new_uuid()}",
        "comment": text,
        "createTime": moment,
        "updateTime": moment,
        "creator": f"users/{email}",
        **event,
    }
    issue.comments.append(comment)
    return comment


def stages_of(world: World, plan: Plan) -> list[tuple[str, list[Task]]]:
    """(environment, tasks) in stage order; stages without tasks or of deleted environments do not exist."""
    found = []
    for environment in world.environments:
        tasks = sorted((t for t in plan.tasks if t.environment == environment), key=lambda t: t.number)
        if tasks:
            found.append((environment, tasks))
    return found
