"""REST paths to methods: the HTTP rules compiled, most literal first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from reconciler.sandbox.bytebase.wire.shapes import Binding, Method, shapes

_VARIABLE = re.compile(r"\{([a-zA-Z_.]+)(?:=([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: its pattern, the variables it fills, and the method it belongs to."""

    pattern: re.Pattern[str]
    variables: tuple[str, ...]
    binding: Binding
    method: Method


@dataclass(frozen=True, slots=True)
class Match:
    """A path that fits a rule, with its variables unquoted."""

    route: Route
    values: dict[str, str]


def _compile(binding: Binding, method: Method) -> Route:
    variables: list[str] = []
    pattern, position = "", 0
    for found in _VARIABLE.finditer(binding.path):
        pattern += re.escape(binding.path[position : found.start()])
        variables.append(found[1])
        inner = "/".join("[^/]+" if part == "*" else re.escape(part) for part in (found[2] or "*").split("/"))
        pattern += f"({inner})"
        position = found.end()
    pattern += re.escape(binding.path[position:])
    return Route(re.compile(pattern + r"\Z"), tuple(variables), binding, method)


@lru_cache(maxsize=1)
def _routes() -> tuple[Route, ...]:
    found = [_compile(b, method) for method in shapes().methods.values() for b in method.bindings]
    # A rule with a verb (":approve") or more literal text wins over one whose variable would swallow it.
    return tuple(sorted(found, key=lambda route: (":" not in route.binding.path, -len(_literal(route.binding.path)))))


def _literal(path: str) -> str:
    return _VARIABLE.sub("", path)


def match(verb: str, path: str) -> Match | None:
    """The rule for a verb and a path, or None."""
    for route in _routes():
        if route.binding.verb == verb and (found := route.pattern.match(path)) is not None:
            values = {name: unquote(text) for name, text in zip(route.variables, found.groups(), strict=True)}
            return Match(route, values)
    return None


def is_known_path(path: str) -> bool:
    """Whether any verb fits the path."""
    return any(route.pattern.match(path) for route in _routes())
