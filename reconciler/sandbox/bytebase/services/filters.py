"""List filters: a chain of simple terms in the syntax of CEL, each list with its own variables (facts §1.4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.bytebase.call import INTERNAL, INVALID, RpcError
from reconciler.sandbox.bytebase.cel import CelError, Node, conjunction, parse

_TIMES = frozenset({"create_time", "update_time"})


@dataclass(frozen=True, slots=True)
class Term:
    """One term: variable (with its method behind a dot, if any), operator, literal value or list of them."""

    name: str
    operator: str
    value: object


def terms(text: str, allowed: Collection[str]) -> list[Term]:
    """The terms of a filter joined by `&&`. RpcError in the server's manner for everything else."""
    if not text.strip():
        return []
    try:
        return [_term(node, allowed) for node in conjunction(parse(text))]
    except CelError as error:
        raise RpcError(INVALID, f"failed to parse filter: {error}") from None


def _term(node: Node, allowed: Collection[str]) -> Term:
    if node.kind == "method" and len(node.parts) == 2 and node.parts[0].kind == "name":
        return Term(_known(f"{node.parts[0].value}.{node.value}", allowed), node.value, _literal(node.parts[1]))
    if node.kind != "call" or len(node.parts) != 2 or node.parts[0].kind != "name":
        raise CelError("unexpected expression")
    name, operator = str(node.parts[0].value), str(node.value)
    if operator in (">=", "<=") and (name not in _TIMES or name not in allowed):
        raise CelError('">=" and "<=" are only supported for "create_time"')
    expected = (">=", "<=") if name in _TIMES else ("==", "in")
    if name not in allowed or operator not in expected or (name == "risk_level" and operator != "in"):
        shown = "@in" if operator == "in" else f"_{operator}_"
        raise CelError(f'invalid_argument: unsupport variable "{name}" with {shown} operator')
    value = _literal(node.parts[1])
    if operator != "in" and not isinstance(value, str) and name != "has_rollout":
        # The real server panics on a literal of another type (facts §1.4).
        kind = {bool: "bool", int: "int64", float: "float64"}.get(type(value), "[]interface {}")
        raise RpcError(INTERNAL, f"error: interface conversion: interface {{}} is {kind}, not string")
    return Term(name, operator, value)


def _known(name: str, allowed: Collection[str]) -> str:
    if name not in allowed:
        raise CelError(f'unsupported variable "{name}"')
    return name


def _literal(node: Node) -> Any:
    if node.kind == "literal":
        return node.value
    if node.kind == "list":
        return [_literal(part) for part in node.parts]
    raise CelError("expected a literal")
