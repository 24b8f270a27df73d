"""The subset of CEL that conditions and filters need: a tokenizer and a parser into a small tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<op>&&|\|\||==|!=|<=|>=|<|>|!|\(|\)|\[|\]|,|\.|\?|:|[-+*/%]))"""
)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


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
    try:
        node = parser.choice()
    except RecursionError:
        raise CelError("expression recursion limit exceeded") from None
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

    def choice(self) -> Node:
        node = self.either()
        if self._take("?"):
            chosen = self.either()
            self._need(":")
            return Node("call", "_?_:_", (node, chosen, self.choice()))
        return node

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
        node = self.sum()
        operator = self._take("==", "!=", "<=", ">=", "<", ">")
        if operator is None and self._peek() == ("name", "in"):
            self._at += 1
            operator = "in"
        return Node("call", operator, (node, self.sum())) if operator is not None else node

    def sum(self) -> Node:
        node = self.product()
        while operator := self._take("+", "-"):
            node = Node("call", operator, (node, self.product()))
        return node

    def product(self) -> Node:
        node = self.unary()
        while operator := self._take("*", "/", "%"):
            node = Node("call", operator, (node, self.unary()))
        return node

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
            return Node("literal", re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1]))
        if kind == "number":
            return Node("literal", float(text) if "." in text else int(text))
        if kind == "name":
            if text in ("true", "false"):
                return Node("literal", text == "true")
            if self._take("("):
                return Node("call", text, tuple(self._arguments(")")))
            return Node("name", text)
        if text == "(":
            node = self.choice()
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
            found.append(self.choice())
            if self._take(end):
                return found
            self._need(",")


def conjunction(node: Node) -> list[Node]:
    """The terms of a chain of `&&`; CelError on `||`, which list filters do not know."""
    if node.kind == "call" and node.value == "&&":
        return [*conjunction(node.parts[0]), *conjunction(node.parts[1])]
    if node.kind == "call" and node.value == "||":
        raise CelError('invalid_argument: unsupported function "_||_"')
    return [node]
