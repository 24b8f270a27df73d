"""Conditions of IAM bindings: only comparisons of `request.time` are understood; everything else fails closed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_TOKEN = re.compile(
    r"\s*(?:(?P<time>request\.time\b)|timestamp\(\s*(?P<quote>['\"])(?P<stamp>[^'\"\\]*)(?P=quote)\s*\)"
    r"|(?P<word>true\b|false\b)|(?P<sign><=|>=|==|!=|<|>|&&|\(|\)))"
)
_COMPARE: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_DEEPEST = 20


class NotUnderstoodError(Exception):
    """The condition says something that is not a comparison of `request.time`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, give or take: a condition holds only if it holds over the whole span of `skew` seconds either way."""

    now: datetime
    skew: float = 0.0

    @property
    def ends(self) -> tuple[datetime, datetime]:
        """The earliest and the latest the true time may be."""
        margin = timedelta(seconds=abs(self.skew))
        return self.now - margin, self.now + margin


def holds(expression: str, moment: Moment) -> bool:
    """Whether a condition holds; an empty one always does. Raises NotUnderstoodError for anything but time comparisons."""
    if not expression.strip():
        return True
    return all(_Reader(_tokens(expression), end).whole() for end in moment.ends)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(expression: str) -> list[_Token]:
    tokens, at, text = [], 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotUnderstoodError(expression)
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind]))
        at = match.end()
    return tokens


class _Reader:
    """Reads `comparison && (comparison && …)` at one moment."""

    def __init__(self, tokens: list[_Token], now: datetime) -> None:
        self._tokens, self._now, self._at = tokens, now, 0

    def whole(self) -> bool:
        value = self._all(0)
        if self._at != len(self._tokens):
            raise NotUnderstoodError
        return value

    def _all(self, depth: int) -> bool:
        value = self._one(depth)
        while self._peek("&&"):
            self._at += 1
            other = self._one(depth)
            value = value and other
        return value

    def _one(self, depth: int) -> bool:
        if depth > _DEEPEST:
            raise NotUnderstoodError
        if self._peek("("):
            self._at += 1
            value = self._all(depth + 1)
            if self._next().text != ")":
                raise NotUnderstoodError
            return value
        token = self._next()
        if token.kind == "word":
            return token.text == "true"
        left = self._time(token)
        compare = _COMPARE.get(self._next().text)
        if compare is None:
            raise NotUnderstoodError
        return compare(left, self._time(self._next()))

    def _time(self, token: _Token) -> datetime:
        if token.kind == "time":
            return self._now
        if token.kind != "stamp":
            raise NotUnderstoodError
        try:
            stamp = datetime.fromisoformat(token.text)
        except ValueError:
            raise NotUnderstoodError from None
        if stamp.tzinfo is None:
            raise NotUnderstoodError
        return stamp

    def _peek(self, sign: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == _Token("sign", sign)

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise NotUnderstoodError
        self._at += 1
        return self._tokens[self._at - 1]
