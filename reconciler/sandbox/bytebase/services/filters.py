"""List filters: a chain of simple terms in the syntax of CEL, each list with its own variables (facts §1.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.bytebase.call import INTERNAL, INVALID, RpcError
from reconciler.sandbox.bytebase.cel import CelError, Node, conjunction, parse
from reconciler.sandbox.bytebase.times import parse as parse_time

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
        raise unknown(Term(name, operator, None))
    value = _literal(node.parts[1])
    if operator != "in" and not isinstance(value, str) and name != "has_rollout":
        # The real server panics on a literal of another type (facts §1.4).
        kind = {bool: "bool", int: "int64", float: "float64"}.get(type(value), "[]interface {}")
        raise RpcError(INTERNAL, f"error: interface conversion: interface {{}} is {kind}, not string")
    if name in _TIMES:
        _check_time(value)
    return Term(name, operator, value)


def _check_time(value: object) -> None:
    try:
        parse_time(str(value))
    except ValueError:
        raise CelError(f'invalid_argument: failed to parse time "{value}"') from None


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


def fits(text: str, test: Callable[[Term], bool]) -> bool:
    """Whether a filter that may use `&&` and `||` holds, each of its terms judged by `test` (CelError: unknown term)."""
    try:
        return _fits(parse(text), test)
    except CelError as error:
        raise RpcError(INVALID, f"failed to parse filter: {error}") from None


def _fits(node: Node, test: Callable[[Term], bool]) -> bool:
    if node.kind == "call" and node.value in ("&&", "||"):
        both = [_fits(part, test) for part in node.parts]
        return all(both) if node.value == "&&" else any(both)
    if node.kind == "call" and node.value == "!" and node.parts[0].kind == "call":
        return not _fits(node.parts[0], test)
    if node.kind not in ("call", "method") or len(node.parts) != 2 or node.parts[0].kind != "name":
        raise CelError("unexpected expression")
    term = Term(str(node.parts[0].value), str(node.value), _literal(node.parts[1]))
    if term.name in _TIMES:
        _check_time(term.value)
    return test(term)


def unknown(term: Term) -> CelError:
    """What to raise for a term that a list does not know."""
    shown = {"in": "@in"}.get(term.operator, f"_{term.operator}_")
    return CelError(f'invalid_argument: unsupport variable "{term.name}" with {shown} operator')
