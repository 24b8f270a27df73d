"""The documented shape of every call the stand-in serves: path, scopes, limits, inputs, error statuses.

`calls.json` holds it in rows `[path, type, required, enum?]`; this module turns a row into what the gateway asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One documented input; `children` are the members of an object or of a list's items."""

    name: str
    kind: str
    required: bool
    is_list: bool
    enum: tuple[str, ...]
    children: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` calls in a window of `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the open API; `scopes` is a choice (any one suffices), `statuses` are HTTP statuses of error codes."""

    method: str
    path: str
    pattern: re.Pattern[str]
    scopes: tuple[str, ...]
    limits: tuple[Limit, ...]
    query: tuple[Field, ...]
    body: tuple[Field, ...]
    statuses: dict[int, int]

    @property
    def name(self) -> str:
        """How handlers and counters call it: method and path template."""
        return f"{self.method} {self.path}"


@cache
def documented_calls() -> tuple[Call, ...]:
    """Every call, fixed paths before paths with parameters so that the first match is the right one."""
    rows = json.loads(resources.files("reconciler.sandbox.feishu").joinpath("calls.json").read_text("utf-8"))
    return tuple(sorted((_call(row) for row in rows), key=lambda call: (call.path.count(":"), call.path, call.method)))


def _call(row: dict[str, Any]) -> Call:
    path: str = row["path"]
    return Call(
        method=row["method"],
        path=path,
        pattern=re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path) + r"\Z"),
        scopes=tuple(row["scopes"]),
        limits=tuple(_limits(row["rate"])),
        query=_fields(row.get("query", ())),
        body=_fields(row.get("body", ())),
        statuses={int(code): status for code, status in row.get("errors", {}).items()},
    )


def _limits(rate: str) -> Sequence[Limit]:
    windows = {"min": 60.0, "s": 1.0}
    parts = [part.split("/") for part in rate.split(",") if "/" in part]
    return [Limit(int(count), windows[unit]) for count, unit in parts]


def _fields(rows: Sequence[Sequence[Any]], prefix: str = "") -> tuple[Field, ...]:
    fields = []
    for path, kind, required, *enum in rows:
        name = path.removeprefix(prefix)
        if not path.startswith(prefix) or not re.fullmatch(r"\w+", name):
            continue
        is_list = kind.endswith("[]") or kind == "list"
        inner = next((mark for mark in ("[].", ".") if any(row[0].startswith(path + mark) for row in rows)), None)
        fields.append(
            Field(
                name=name,
                kind=kind.removesuffix("[]"),
                required=required,
                is_list=is_list,
                enum=tuple(enum[0]) if enum else (),
                children=_fields(rows, path + inner) if inner else (),
            )
        )
    return tuple(fields)
