"""Which approval rule an issue falls under: rules of its source in order, then the fallback rules (facts §7.2)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.bytebase.cel import CelError
from reconciler.sandbox.bytebase.cel_values import evaluate
from reconciler.sandbox.bytebase.sql import inserted_rows, risk_level, statement_types, tables
from reconciler.sandbox.bytebase.targets import environment_of, sheet_text, targets_of
from reconciler.sandbox.bytebase.world import Issue, Plan, World

_SOURCES = {"DATABASE_CHANGE": "CHANGE_DATABASE", "ROLE_GRANT": "REQUEST_ROLE", "ACCESS_GRANT": "REQUEST_ACCESS"}


def find_template(world: World, issue: Issue, plan: Plan | None) -> Message | None:
    """The template of the first rule that any target of the issue satisfies; None when no rule does."""
    source = _SOURCES.get(issue.type, "")
    if plan is not None and any("createDatabaseConfig" in spec for spec in plan.specs):
        source = "CREATE_DATABASE"
    rules = world.settings["WORKSPACE_APPROVAL"]["workspaceApproval"].get("rules", [])
    situations = _situations(world, issue, plan)
    own = [rule for rule in rules if rule.get("source", "") == source]
    fallback = [rule for rule in rules if not rule.get("source") or rule["source"] == "SOURCE_UNSPECIFIED"]
    for rule in [*own, *fallback]:
        expression = rule.get("condition", {}).get("expression", "")
        if expression and any(_holds(expression, situation) for situation in situations):
            template: Message = rule.get("template", {})
            return template
    return None


def _holds(expression: str, situation: dict[str, Any]) -> bool:
    try:
        return evaluate(expression, situation) is True
    except CelError:
        return False


def _situations(world: World, issue: Issue, plan: Plan | None) -> list[dict[str, Any]]:
    base: dict[str, Any] = {"resource.project_id": issue.project, "issue.labels": list(issue.labels)}
    if plan is None:
        return [base]
    found = []
    for _, target, source in targets_of(plan):
        sql = sheet_text(world, source) if source else ""
        types = statement_types(sql)
        parts = target.split("/")
        about = {
            **base,
            "resource.environment_id": environment_of(world, target),
            "resource.instance_id": parts[1] if len(parts) > 1 else "",
            "resource.db_engine": "POSTGRES",
            "resource.database_name": parts[3] if len(parts) > 3 else "",
            "statement.affected_rows": inserted_rows(sql),
            "statement.table_rows": 0,
            "statement.text": sql,
            "risk.level": risk_level(types),
        }
        for kind in types:
            typed = {**about, "statement.sql_type": kind}
            found += [{**typed, "resource.table_name": table} for table in tables(sql)] or [typed]
        if not types:
            found.append(about)
    return found or [base]
