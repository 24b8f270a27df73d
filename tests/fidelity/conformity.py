"""Checks an answer against the description of the API: known names, right JSON types, known enumeration values, no defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reconciler.sandbox.bytebase.wire.routes import match
from reconciler.sandbox.bytebase.wire.shapes import FieldShape, shapes

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "bytes": str,
    "bool": bool,
    "int32": int,
    "int64": str,
    "float": (int, float),
    "double": (int, float),
    "google.protobuf.Duration": str,
    "google.protobuf.FieldMask": str,
}


def response_message(method: str, path: str) -> str | None:
    """The type of the answer to a request that the API describes."""
    if path.startswith("/bytebase.v1."):
        found = shapes().methods.get(path.removeprefix("/bytebase.v1."))
    else:
        route = match(method, path)
        found = route.route.method if route is not None else None
    return found.response if found is not None else None


def breaches(message: str, text: str) -> list[str]:
    """Where a JSON answer is not of that message type."""
    return list(_message(message, json.loads(text), message))


def _message(kind: str, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    fields = shapes().messages.get(kind)
    if fields is None:  # a type from outside the API, such as google.protobuf.Empty
        return
    for name, item in value.items():
        shape = fields.get(name)
        if shape is None:
            yield f"{path}.{name}: no such field"
        else:
            yield from _field(shape, item, f"{path}.{name}")


def _field(shape: FieldShape, item: Any, path: str) -> Iterator[str]:
    if shape.is_list:
        if not isinstance(item, list) or not item:
            yield f"{path}: not a list with elements"
            return
        for index, each in enumerate(item):
            yield from _value(shape.type, each, f"{path}[{index}]")
    elif shape.is_map:
        if not isinstance(item, dict) or not item:
            yield f"{path}: not a map with entries"
            return
        for key, each in item.items():
            yield from _value(shape.type, each, f"{path}[{key}]")
    else:
        yield from _value(shape.type, item, path)
        if not shape.presence and not shape.oneof and item in (False, 0, "", "0") and shape.type in _TYPES:
            yield f"{path}: a default that should be left out"


def _value(kind: str, item: Any, path: str) -> Iterator[str]:
    enums = shapes().enums
    if kind in shapes().messages:
        yield from _message(kind, item, path)
    elif kind in enums:
        if item not in enums[kind]:
            yield f"{path}: {item!r} is no {kind}"
    elif kind == "google.protobuf.Timestamp":
        if not isinstance(item, str) or not _TIME.fullmatch(item):
            yield f"{path}: {item!r} is no time"
    elif kind in _TYPES and (not isinstance(item, _TYPES[kind]) or (isinstance(item, bool) and kind != "bool")):
        yield f"{path}: {item!r} is no {kind}"
