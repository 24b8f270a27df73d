"""WORKSPACE_APPROVAL: the ordered rules, checked as the server checks them (facts §7.2)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, Call, Message, RpcError
from reconciler.sandbox.bytebase.cel import CelError, Node, parse
from reconciler.sandbox.bytebase.services.licence import need

_RESOURCE = {
    "resource.environment_id", "resource.project_id", "resource.instance_id", "resource.db_engine",
    "resource.database_name", "resource.schema_name", "resource.table_name",
}  # fmt: skip
_STATEMENT = {
    "statement.affected_rows",
    "statement.table_rows",
    "statement.sql_type",
    "statement.text",
    "risk.level",
}
_VARIABLES = {
    "CHANGE_DATABASE": _RESOURCE | _STATEMENT | {"issue.labels"},
    "CREATE_DATABASE": _RESOURCE,
    "REQUEST_ROLE": _RESOURCE | {"request.expiration_days", "request.role"},
    "REQUEST_ACCESS": _RESOURCE | {"request.expiration_days", "request.unmask", "request.data_export"},
}
_FALLBACK = {"resource.project_id"}


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
        names = _names(parse(expression))
    except CelError as error:
        raise RpcError(INVALID, f"failed to parse expression: {error}") from None
    allowed = _VARIABLES.get(source, _FALLBACK)
    unknown = sorted(names - allowed)
    if unknown and source in _VARIABLES:
        raise RpcError(INVALID, f"invalid approval rule condition: undeclared reference to '{unknown[0]}'")
    if unknown:
        raise RpcError(INVALID, "fallback rules can only use resource.project_id in conditions")


def _names(node: Node) -> set[str]:
    found = {str(node.value)} if node.kind == "name" else set()
    for part in node.parts:
        found |= _names(part)
    return found


def _check_template(rule: Message) -> None:
    template = rule.get("template")
    if template is None:
        raise RpcError(INVALID, "invalid approval template: <nil>, err: approval template cannot be nil")
    if template.get("flow") is None:
        raise RpcError(INVALID, "invalid approval template: approval template flow cannot be nil")
    for position, role in enumerate(template["flow"].get("roles", []), 1):
        if not role:
            text = f"approval template role at position {position} cannot be empty"
            raise RpcError(INVALID, f"invalid approval template: {text}")
