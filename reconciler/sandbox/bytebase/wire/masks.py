"""Field masks: as given on each face, and as the gateway invents them on REST (facts §1.3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, Message, RpcError
from reconciler.sandbox.bytebase.wire.shapes import Shapes, snake


def rest_mask(text: str) -> tuple[str, ...]:
    """The query's mask, split at commas and used as it is: a path in camelCase names nothing that a handler knows."""
    return tuple(path for path in text.split(",") if path)


def connect_mask(text: str) -> tuple[str, ...]:
    """The body's mask: lowerCamelCase, comma-joined; snake_case is refused while decoding."""
    paths = tuple(path for path in text.split(",") if path)
    for path in paths:
        if "_" in path:
            text = f'(line 1:2): google.protobuf.FieldMask.paths contains invalid path: "{path}"'
            raise RpcError(INVALID, f"unmarshal message: proto: {text}")
    return tuple(".".join(snake(part) for part in path.split(".")) for path in paths)


def invented_mask(shapes: Shapes, message: str, body: Message, *, prefix: str = "") -> tuple[str, ...]:
    """The leaf fields that a body holds, `name` included; lists and maps are leaves."""
    paths: list[str] = []
    for key, item in body.items():
        shape = shapes.field(message, key)
        path = f"{prefix}{snake(key)}"
        nested = shape is not None and shape.type in shapes.messages and not shape.is_list and not shape.is_map
        if nested and shape is not None and isinstance(item, dict) and item:
            paths += invented_mask(shapes, shape.type, item, prefix=f"{path}.")
        else:
            paths.append(path)
    return tuple(paths)
