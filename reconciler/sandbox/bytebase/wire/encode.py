"""A message into JSON, as protojson writes it: defaults left out, int64 as text, unstable white space."""

from __future__ import annotations

import json
import random
from typing import Any

from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.bytebase.wire.shapes import FieldShape, Shapes

_DEFAULTS: dict[str, Any] = {"string": "", "bytes": "", "bool": False, "int32": 0, "int64": 0}


def encode(shapes: Shapes, message: str, value: Message) -> Message:
    """The message as it goes out: known fields in their declared order, defaults omitted unless they have presence."""
    fields = shapes.messages.get(message)
    if fields is None:
        return value
    encoded: Message = {}
    for name, shape in fields.items():
        if name not in value or value[name] is None or shape.behaviour == "inputOnly":
            continue
        item = value[name]
        if shape.is_list or shape.is_map:
            if item:
                encoded[name] = _many(shapes, shape, item)
        elif not _is_default(shapes, shape, item):
            encoded[name] = _one(shapes, shape.type, item)
    return encoded


def _many(shapes: Shapes, shape: FieldShape, item: Any) -> Any:
    if shape.is_map:
        return {key: _one(shapes, shape.type, each) for key, each in item.items()}
    return [_one(shapes, shape.type, each) for each in item]


def _one(shapes: Shapes, kind: str, item: Any) -> Any:
    if kind in shapes.messages and isinstance(item, dict):
        return encode(shapes, kind, item)
    if kind == "int64":
        return str(item)
    return item


def _is_default(shapes: Shapes, shape: FieldShape, item: Any) -> bool:
    if shape.presence or shape.oneof:
        return False
    if shape.type in shapes.enums:
        return bool(item == shapes.enums[shape.type][0])
    return shape.type in _DEFAULTS and bool(item == _DEFAULTS[shape.type])


def to_json(value: Any) -> bytes:
    """JSON bytes whose white space varies from answer to answer, so that nobody compares bytes (facts §1.2)."""
    comma = random.choice((",", ", "))  # noqa: S311  # looks, not secrets
    return json.dumps(value, ensure_ascii=False, separators=(comma, ":")).encode()
