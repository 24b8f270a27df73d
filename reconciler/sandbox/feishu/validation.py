"""Checks a call's inputs against its documentation, as the platform's gateway does before the business sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.sandbox.feishu.answers import CallError, JsonObject
from reconciler.sandbox.feishu.catalogue import Call, Field

FIELD_VALIDATION = 99992402
BAD_REQUEST = 9499

_FREE = {"json", "map", "object", "any", "file", "list"}


def violation(field: str, description: str, value: object = "") -> CallError:
    """The gateway's refusal of one field."""
    return _refusal([(field, description, value)])


def checked_query(call: Call, query: Mapping[str, str]) -> dict[str, str]:
    """The query as documented; raises `CallError` naming every field that is missing or outside its enumeration."""
    found: list[tuple[str, str, object]] = []
    for field in call.query:
        value = query.get(field.name, "")
        if value == "":
            if field.required:
                found.append((field.name, f"{field.name} is required", ""))
        elif field.enum and value not in field.enum:
            found.append((field.name, f"the optional values are {list(field.enum)}", value))
        elif field.kind == "int" and not value.lstrip("-").isdecimal():
            found.append((field.name, "must be an integer", value))
        elif field.kind == "boolean" and value.lower() not in ("true", "false"):
            found.append((field.name, "must be a boolean", value))
    if found:
        raise _refusal(found)
    return dict(query)


def checked_body(call: Call, body: JsonObject) -> JsonObject:
    """The body with `null` members gone and booleans written as text read; raises `CallError` otherwise."""
    found: list[tuple[str, str, object]] = []
    checked = _members(call.body, body, "", found)
    if found:
        raise _refusal(found)
    return checked


def _members(fields: Sequence[Field], value: JsonObject, path: str, found: list[tuple[str, str, object]]) -> JsonObject:
    out = {key: member for key, member in value.items() if member is not None}
    for field in fields:
        where = f"{path}{field.name}"
        if field.name not in out:
            if field.required:
                found.append((where, f"{field.name} is required", ""))
        elif field.is_list:
            out[field.name] = [
                _value(field, item, f"{where}[{index}]", found)
                for index, item in enumerate(_typed(out[field.name], list, where))
            ]
        else:
            out[field.name] = _value(field, out[field.name], where, found)
    return out


def _value(field: Field, value: Any, where: str, found: list[tuple[str, str, object]]) -> Any:
    if field.children:
        return _members(field.children, _typed(value, dict, where), f"{where}.", found)
    if field.kind == "boolean" and value in ("true", "false"):
        value = value == "true"
    if field.kind in ("string", "int", "boolean"):
        _typed(value, {"string": str, "int": int, "boolean": bool}[field.kind], where)
    elif field.kind not in _FREE:
        _typed(value, dict, where)
    if field.enum and str(value) not in field.enum:
        found.append((where, f"the optional values are {list(field.enum)}", value))
    return value


def _typed(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CallError(
            BAD_REQUEST, f"Invalid parameter type in json: {where}. Invalid parameter value: {value!r}"[:500]
        )
    return value


def _refusal(found: Sequence[tuple[str, str, object]]) -> CallError:
    violations = [
        {"field": field, "value": str(value)[:200], "description": description} for field, description, value in found
    ]
    return CallError(FIELD_VALIDATION, "field validation failed", details={"field_violations": violations})
