"""JSON of a request into a message, as protojson reads it: strict on REST, forgiving on Connect."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any, Literal

from reconciler.sandbox.bytebase.call import INVALID, Message, RpcError
from reconciler.sandbox.bytebase.wire.details import Breach
from reconciler.sandbox.bytebase.wire.shapes import FieldShape, Shapes, snake

Face = Literal["rest", "connect"]
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")
_RETIRED = {"WorkspaceApprovalSetting.Rule.Source": (3,)}
"""Numbers of enumerations that no longer have a name; those after them keep theirs (facts §7.2)."""
_OPAQUE = {"google.protobuf.Any", "google.rpc.Status", "google.api.expr.v1alpha1.Expr"}
_OPEN_SHAPES: dict[str, tuple[str, ...]] = {
    "google.type.Expr": ("expression", "title", "description", "location"),
    "google.type.Color": ("red", "green", "blue", "alpha"),
}


class UnknownFieldError(RpcError):
    """The body has a field that the message does not have: refused on REST only."""


def decode(shapes: Shapes, message: str, value: Any, *, face: Face) -> Message:
    """A JSON object as the message of that type. RpcError INVALID says what does not fit."""
    if not isinstance(value, dict):
        raise RpcError(INVALID, f"proto: syntax error: unexpected token {value!r:.40}")
    fields = shapes.messages.get(message)
    if fields is None:
        return dict(value)
    decoded: Message = {}
    oneofs: dict[str, str] = {}
    for key, raw in value.items():
        shape = shapes.field(message, key)
        if shape is None:
            if face == "rest":
                raise UnknownFieldError(INVALID, f'proto: (line 1:2): unknown field "{key}"')
            continue
        if raw is None:
            continue
        if shape.name in decoded:
            raise RpcError(INVALID, f'proto: (line 1:2): duplicate field "{key}"')
        if shape.oneof:
            if shape.oneof in oneofs:
                raise RpcError(
                    INVALID, f'proto: (line 1:2): error parsing "{key}", oneof {message}.{shape.oneof} is already set'
                )
            oneofs[shape.oneof] = shape.name
        item = _field(shapes, shape, raw, face=face)
        if item is not None:
            decoded[shape.name] = item
    return decoded


def decode_text(shapes: Shapes, shape: FieldShape, values: list[str], *, face: Face) -> Any:
    """Query parameters of one field."""
    converted = [_from_text(shapes, shape, text, face=face) for text in values]
    return converted if shape.is_list else converted[-1]


def _from_text(shapes: Shapes, shape: FieldShape, text: str, *, face: Face) -> Any:
    if shape.type == "bool":
        if text not in ("true", "false", "1", "0"):
            raise RpcError(INVALID, f'parsing field "{shape.name}": invalid bool "{text}"')
        return text in ("true", "1")
    return _scalar(shapes, shape.type, text, field=shape.name, face=face)


def _field(shapes: Shapes, shape: FieldShape, raw: Any, *, face: Face) -> Any:
    if shape.is_map:
        if not isinstance(raw, dict):
            raise RpcError(INVALID, f"proto: invalid value for map field {shape.name}: {raw!r:.40}")
        return {str(key): _scalar(shapes, shape.type, item, field=shape.name, face=face) for key, item in raw.items()}
    if shape.is_list:
        if not isinstance(raw, list):
            raise RpcError(INVALID, f"proto: invalid value for repeated field {shape.name}: {raw!r:.40}")
        return [_scalar(shapes, shape.type, item, field=shape.name, face=face) for item in raw]
    return _scalar(shapes, shape.type, raw, field=shape.name, face=face)


def _scalar(shapes: Shapes, kind: str, raw: Any, *, field: str, face: Face) -> Any:
    if kind in shapes.messages:
        return decode(shapes, kind, raw, face=face)
    if kind in shapes.enums:
        return _enum(shapes.enums[kind], kind, raw, field=field, face=face)
    reader = _READERS.get(kind)
    return reader(raw) if reader is not None else raw


def _enum(names: list[str], kind: str, raw: Any, *, field: str, face: Face) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise RpcError(INVALID, f"proto: invalid value for enum {kind}: {raw!r:.40}")
    if isinstance(raw, int) or raw.isdecimal():
        numbers = [number for number in range(len(names) + 1) if number not in _RETIRED.get(kind, ())]
        return dict(zip(numbers, names, strict=False)).get(int(raw), str(raw))
    if raw in names:
        return raw
    if face == "connect":
        return names[0]
    raise RpcError(INVALID, f'proto: (line 1:2): invalid value for enum field {field}: "{raw}"')


def _string(raw: Any) -> str:
    if not isinstance(raw, str):
        raise RpcError(INVALID, f"proto: invalid value for string field: {raw!r:.40}")
    return raw


def _boolean(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise RpcError(INVALID, f"proto: invalid value for bool field: {raw!r:.40}")
    return raw


def _integer(raw: Any) -> int:
    if isinstance(raw, bool):
        raise RpcError(INVALID, f'proto: invalid value for int field: "{raw}"')
    try:
        number = raw if isinstance(raw, int) else float(raw)
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        whole, number = 0, 0.5
    if number != whole:
        raise RpcError(INVALID, f"proto: invalid value for int field: {raw!r:.40}")
    return whole


def _bytes(raw: Any) -> str:
    text = _string(raw)
    try:
        padded = text.replace("-", "+").replace("_", "/")
        decoded = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RpcError(INVALID, "proto: invalid value for bytes field") from None
    return base64.b64encode(decoded).decode()


def _timestamp(raw: Any) -> str:
    text = _string(raw)
    if not _TIMESTAMP.match(text):
        raise RpcError(INVALID, f"proto: invalid google.protobuf.Timestamp value {text!r:.40}")
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00")[:19])
    except ValueError:
        raise RpcError(INVALID, f"proto: invalid google.protobuf.Timestamp value {text!r:.40}") from None
    return text


def _duration(raw: Any) -> str:
    text = _string(raw)
    if not re.fullmatch(r"-?\d+(\.\d{1,9})?s", text):
        raise RpcError(INVALID, f"proto: invalid google.protobuf.Duration value {text!r:.40}")
    return text


def _object(raw: Any) -> Any:
    if not isinstance(raw, dict):
        raise RpcError(INVALID, f"proto: syntax error: unexpected token {raw!r:.40}")
    return {key: item for key, item in raw.items() if item is not None}


_READERS = {
    "string": _string,
    "bool": _boolean,
    "int32": _integer,
    "int64": _integer,
    "bytes": _bytes,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _string,
    **dict.fromkeys([*_OPEN_SHAPES, *_OPAQUE], _object),
}


def violations(shapes: Shapes, message: str, value: Message, *, path: tuple[tuple[int, str], ...] = ()) -> list[Breach]:
    """Which length rules of the message are broken, nested messages included."""
    found: list[Breach] = []
    numbers = {name: number for number, name in enumerate(shapes.messages.get(message, {}), 1)}
    for name, item in value.items():
        shape = shapes.field(message, name)
        if shape is None:
            continue
        here = (*path, (numbers[shape.name], snake(shape.name)))
        limit = shape.rules.get("max_len")
        if limit is not None and isinstance(item, str) and len(item) > limit:
            found.append(Breach(here, limit))
        if shape.type in shapes.messages and not shape.is_map:
            for each in item if shape.is_list else [item]:
                if isinstance(each, dict):
                    found += violations(shapes, shape.type, each, path=here)
    return found
