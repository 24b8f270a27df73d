"""The subset of CEL that conditions and filters need: a tokenizer, a parser into a small tree, and an evaluator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<op>&&|\|\||==|!=|<=|>=|<|>|!|\(|\)|\[|\]|,|\.|-))"""
)


class CelError(ValueError):
    """The text is not of the language, or names something that does not exist."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node: literal (value), name, list, call (name and arguments), or method (receiver first)."""

    kind: str
    value: Any = None
    parts: tuple[Node, ...] = ()


def parse(text: str) -> Node:
    """The tree of an expression. CelError says where it breaks."""
    parser = _Parser(_tokens(text))
    node = parser.either()
    parser.expect_end()
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise CelError(f"syntax error near {text[at : at + 20]!r}")
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, *texts: str) -> str | None:
        kind, text = self._peek()
        if kind == "op" and text in texts:
            self._at += 1
            return text
        return None

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            raise CelError(f'expected "{text}" near "{self._peek()[1]}"')

    def expect_end(self) -> None:
        if self._peek()[0] != "end":
            raise CelError(f'unexpected "{self._peek()[1]}"')

    def either(self) -> Node:
        node = self.both()
        while self._take("||"):
            node = Node("call", "||", (node, self.both()))
        return node

    def both(self) -> Node:
        node = self.relation()
        while self._take("&&"):
            node = Node("call", "&&", (node, self.relation()))
        return node

    def relation(self) -> Node:
        node = self.unary()
        operator = self._take("==", "!=", "<=", ">=", "<", ">")
        if operator is None and self._peek() == ("name", "in"):
            self._at += 1
            operator = "in"
        return Node("call", operator, (node, self.unary())) if operator is not None else node

    def unary(self) -> Node:
        if self._take("!"):
            return Node("call", "!", (self.unary(),))
        if self._take("-"):
            return Node("call", "neg", (self.unary(),))
        return self.member()

    def member(self) -> Node:
        node = self.primary()
        while self._take("."):
            kind, name = self._peek()
            if kind != "name":
                raise CelError(f'expected a name near "{name}"')
            self._at += 1
            if self._take("("):
                node = Node("method", name, (node, *self._arguments(")")))
            elif node.kind == "name":
                node = Node("name", f"{node.value}.{name}")
            else:
                raise CelError(f'no field "{name}" here')
        return node

    def primary(self) -> Node:
        kind, text = self._peek()
        self._at += 1
        if kind == "string":
            return Node("literal", re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "number":
            return Node("literal", float(text) if "." in text else int(text))
        if kind == "name":
            if text in ("true", "false"):
                return Node("literal", text == "true")
            if self._take("("):
                return Node("call", text, tuple(self._arguments(")")))
            return Node("name", text)
        if text == "(":
            node = self.either()
            self._need(")")
            return node
        if text == "[":
            return Node("list", None, tuple(self._arguments("]")))
        raise CelError(f"unexpected {text or 'end of expression'!r}")

    def _arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        if self._take(end):
            return found
        while True:
            found.append(self.either())
            if self._take(end):
                return found
            self._need(",")


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression under these names. CelError for anything that has none."""
    return _value(parse(text), names)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
}
_METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "contains": lambda a, b: b in a,
    "startsWith": lambda a, b: a.startswith(b),
    "endsWith": lambda a, b: a.endswith(b),
    "matches": lambda a, b: re.search(b, a) is not None,
}


def _value(node: Node, names: Mapping[str, Any]) -> Any:
    if node.kind == "literal":
        return node.value
    if node.kind == "list":
        return [_value(part, names) for part in node.parts]
    if node.kind == "name":
        if node.value not in names:
            raise CelError(f'undeclared reference to "{node.value}"')
        return names[node.value]
    if node.kind == "call" and node.value in ("&&", "||"):
        return _either_way(node, names, decisive=node.value == "||")
    values = [_value(part, names) for part in node.parts]
    try:
        if node.kind == "method":
            return _METHODS[node.value](*values)
        if node.value == "!":
            return not values[0]
        if node.value == "neg":
            return -values[0]
        if node.value in ("timestamp", "duration"):
            return values[0]
        return _OPERATORS[node.value](*values)
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise CelError(f"no such overload: {node.value}") from error


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


def conjunction(node: Node) -> list[Node]:
    """The terms of a chain of `&&`; CelError on `||`, which list filters do not know."""
    if node.kind == "call" and node.value == "&&":
        return [*conjunction(node.parts[0]), *conjunction(node.parts[1])]
    if node.kind == "call" and node.value == "||":
        raise CelError('invalid_argument: unsupported function "_||_"')
    return [node]
