"""What CEL expressions are worth, and whether their types fit before they are worth anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.sandbox.bytebase.cel import CelError, Node, parse

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) else a / b,
    "%": lambda a, b: a % b,
}
_METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "contains": lambda a, b: b in a,
    "startsWith": lambda a, b: a.startswith(b),
    "endsWith": lambda a, b: a.endswith(b),
    "matches": lambda a, b: re.search(b, a) is not None,
}
_MACROS = {"exists": any, "all": all}
_ARITHMETIC = frozenset("+-*/%")


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression under these names. CelError for anything that has none."""
    return _value(parse(text), names)


def _value(node: Node, names: Mapping[str, Any]) -> Any:
    match node.kind, node.value:
        case "literal", value:
            return value
        case "list", _:
            return [_value(part, names) for part in node.parts]
        case "name", name:
            if name not in names:
                raise CelError(f"no such attribute: {name}")
            return names[name]
        case "call", "&&" | "||":
            return _either_way(node, names, decisive=node.value == "||")
        case "call", "_?_:_":
            condition, chosen, otherwise = node.parts
            return _value(chosen if _value(condition, names) is True else otherwise, names)
        case "method", "exists" | "all":
            return _over_list(node, names)
        case _:
            return _applied(node, [_value(part, names) for part in node.parts])


def _applied(node: Node, values: list[Any]) -> Any:
    try:
        match node.kind, node.value:
            case (_, "size") if len(values) == 1:
                return len(values[0])
            case "method", _:
                return _METHODS[node.value](*values)
            case "call", "!":
                return not values[0]
            case "call", "neg":
                return -values[0]
            case "call", "timestamp" | "duration":
                return values[0]
            case _:
                return _OPERATORS[node.value](*values)
    except (KeyError, TypeError, AttributeError, ZeroDivisionError, IndexError, re.error) as error:
        raise CelError(f"no such overload: {node.value}") from error


def _over_list(node: Node, names: Mapping[str, Any]) -> bool:
    if len(node.parts) != 3 or node.parts[1].kind != "name":
        raise CelError(f"no such overload: {node.value}")
    items, variable, test = node.parts
    return _MACROS[node.value](_value(test, {**names, variable.value: item}) is True for item in _value(items, names))


def _either_way(node: Node, names: Mapping[str, Any], *, decisive: bool) -> bool:
    """`&&` and `||`: a side that decides makes up for an error on the other one, as in CEL."""
    failure: CelError | None = None
    for part in node.parts:
        try:
            value = _value(part, names)
        except CelError as error:
            failure = error
            continue
        if bool(value) is decisive:
            return decisive
    if failure is not None:
        raise failure
    return not decisive


def check(node: Node, types: Mapping[str, str]) -> str:
    """The type of an expression: `string`, `int`, `double`, `bool`, `list`, or `dyn`. CelError where types do not fit."""
    if node.kind == "literal":
        return {bool: "bool", int: "int", float: "double", str: "string"}[type(node.value)]
    if node.kind == "name":
        if node.value not in types:
            raise CelError(f"undeclared reference to '{_root(node.value, types)}' (in container '')")
        return types[node.value]
    if node.kind == "method" and node.value in _MACROS and len(node.parts) == 3:
        check(node.parts[0], types)
        check(node.parts[2], {**types, node.parts[1].value: "dyn"})
        return "bool"
    kinds = [check(part, types) for part in node.parts]
    return "list" if node.kind == "list" else _result(node, kinds)


def _root(name: str, types: Mapping[str, str]) -> str:
    """What the server calls undeclared: the first part of a name, unless other names begin with it."""
    first = name.partition(".")[0]
    return name if any(known.startswith(f"{first}.") for known in types) else first


def _result(node: Node, kinds: list[str]) -> str:
    operator = node.value
    if operator in ("&&", "||", "!") and set(kinds) <= {"bool", "dyn"}:
        return "bool"
    if operator == "size" and kinds[0] in ("string", "list", "dyn"):
        return "int"
    if operator == "in" and kinds[1] in ("list", "dyn"):
        return "bool"
    if operator == "neg" and kinds[0] in ("int", "double", "dyn"):
        return kinds[0]
    if operator in _METHODS and set(kinds) <= {"string", "dyn"} and len(kinds) == 2:
        return "bool"
    if operator in ("timestamp", "duration") and kinds == ["string"]:
        return str(operator)
    if operator == "_?_:_" and kinds[0] in ("bool", "dyn"):
        return kinds[1]
    if operator in _OPERATORS and operator != "in" and (kinds[0] == kinds[1] or "dyn" in kinds):
        return kinds[0] if operator in _ARITHMETIC else "bool"
    raise CelError(f"found no matching overload for '{operator}' applied to '({', '.join(kinds)})'")
