"""WORKSPACE_APPROVAL: the ordered rules, checked as the server checks them (facts §7.2)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, Call, Message, RpcError
from reconciler.sandbox.bytebase.cel import CelError, parse
from reconciler.sandbox.bytebase.cel_values import check
from reconciler.sandbox.bytebase.services.licence import need

_RESOURCE = dict.fromkeys(
    (
        "resource.environment_id", "resource.project_id", "resource.instance_id", "resource.db_engine",
        "resource.database_name", "resource.schema_name", "resource.table_name",
    ),
    "string",
)  # fmt: skip
_STATEMENT = {
    "statement.affected_rows": "int",
    "statement.table_rows": "int",
    "statement.sql_type": "string",
    "statement.text": "string",
    "risk.level": "string",
}
_REQUEST = {"request.expiration_days": "int"}
_VARIABLES = {
    "CHANGE_DATABASE": {**_RESOURCE, **_STATEMENT, "issue.labels": "list"},
    "CREATE_DATABASE": _RESOURCE,
    "REQUEST_ROLE": {**_RESOURCE, **_REQUEST, "request.role": "string"},
    "REQUEST_ACCESS": {**_RESOURCE, **_REQUEST, "request.unmask": "bool", "request.data_export": "bool"},
}
_FALLBACK = {"resource.project_id": "string"}


def check_rules(call: Call, given: Message) -> Message:
    """The rules as they are stored; the licence is asked before the body is looked at."""
    need(call, "APPROVAL_WORKFLOW", "ENTERPRISE")
    rules = given.get("rules", [])
    for rule in rules:
        source = rule.get("source", "")
        if source.isdecimal() or source == "EXPORT_DATA":
            raise RpcError(INVALID, "EXPORT_DATA approval source is removed from the API")
        _check_condition(source, rule.get("condition", {}).get("expression", ""))
        _check_template(rule)
    return {"rules": rules}


def _check_condition(source: str, expression: str) -> None:
    if not expression:
        return
    try:
        node = parse(expression)
    except CelError as error:
        raise RpcError(INVALID, f"failed to parse expression: ERROR: <input>:1:1: Syntax error: {error}") from None
    is_fallback = source not in _VARIABLES
    try:
        check(node, _VARIABLES.get(source, _FALLBACK))
    except CelError as error:
        what = "fallback rules can only use resource.project_id in conditions"
        shown = what if is_fallback else "invalid approval rule condition"
        raise RpcError(INVALID, f"{shown}: ERROR: <input>:1:1: {error}") from None


def _check_template(rule: Message) -> None:
    template = rule.get("template")
    if template is None:
        raise RpcError(INVALID, "invalid approval template: <nil>, err: approval template cannot be nil")
    shown = f'title:"{template.get("title", "")}"'
    if template.get("flow") is None:
        raise RpcError(INVALID, f"invalid approval template: {shown}, err: approval template flow cannot be nil")
    for position, role in enumerate(template["flow"].get("roles", []), 1):
        if not role:
            text = f"approval template role at position {position} cannot be empty"
            raise RpcError(INVALID, f"invalid approval template: {shown}, err: {text}")
