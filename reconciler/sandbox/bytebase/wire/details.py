"""Details of errors: the messages beside code and text, in JSON for REST and in binary for Connect (facts §2)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.bytebase.call import Message

_PREFIX = "type.googleapis.com/"
_TYPE_CODES = {"TYPE_UINT64": 4, "TYPE_STRING": 9, "TYPE_MESSAGE": 11}
_ELEMENT = {"fieldNumber": (1, None), "fieldName": (2, None), "fieldType": (3, None)}
_PATH = {"elements": (1, _ELEMENT)}
_VIOLATION = {"ruleId": (2, None), "message": (3, None), "field": (5, _PATH), "rule": (6, _PATH)}
_FIELDS: dict[str, dict[str, Any]] = {
    "bytebase.v1.PermissionDeniedDetail": {
        "method": (1, None),
        "requiredPermissions": (2, None),
        "resources": (3, None),
    },
    "buf.validate.Violations": {"violations": (1, _VIOLATION)},
}
"""Field numbers of the detail messages, by JSON name; a nested message comes with its own."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A string that is too long: the way to its field as (number, snake_case name), and the limit in characters."""

    path: tuple[tuple[int, str], ...]
    limit: int

    @property
    def text(self) -> str:
        """What the server says of it."""
        return f"{'.'.join(name for _, name in self.path)}: must be at most {self.limit} characters"


def permission_denied_detail(method: str, permissions: list[str], resources: list[str]) -> Message:
    """The detail of a refusal by permission; `resources` is left out where the handler, not the gate, refused."""
    detail: Message = {"@type": f"{_PREFIX}bytebase.v1.PermissionDeniedDetail"}
    if method:
        detail["method"] = f"/bytebase.v1.{method}"
    detail["requiredPermissions"] = permissions
    if resources:
        detail["resources"] = resources
    return detail


def violations_text(breaches: Sequence[Breach]) -> str:
    """The error's message for breaches of the request's own rules."""
    if len(breaches) == 1:
        return f"validation error: {breaches[0].text}"
    return "validation errors:" + "".join(f"\n - {breach.text}" for breach in breaches)


def violations_detail(breaches: Sequence[Breach]) -> Message:
    """The detail of breaches of the request's own rules."""
    return {"@type": f"{_PREFIX}buf.validate.Violations", "violations": [_violation(breach) for breach in breaches]}


def _violation(breach: Breach) -> Message:
    last = len(breach.path) - 1
    elements = [
        {"fieldNumber": number, "fieldName": name, "fieldType": "TYPE_STRING" if at == last else "TYPE_MESSAGE"}
        for at, (number, name) in enumerate(breach.path)
    ]
    rule = [
        {"fieldNumber": 14, "fieldName": "string", "fieldType": "TYPE_MESSAGE"},
        {"fieldNumber": 3, "fieldName": "max_len", "fieldType": "TYPE_UINT64"},
    ]
    return {
        "field": {"elements": elements},
        "rule": {"elements": rule},
        "ruleId": "string.max_len",
        "message": f"must be at most {breach.limit} characters",
    }


def connect_detail(detail: Message) -> Message:
    """A detail as Connect shows it: its type, its binary form without padding, and its JSON for people."""
    kind = str(detail["@type"]).removeprefix(_PREFIX)
    shown = {key: value for key, value in detail.items() if key != "@type"}
    binary = _binary(shown, _FIELDS[kind])
    return {"type": kind, "value": base64.b64encode(binary).decode().rstrip("="), "debug": shown}


def _binary(message: Message, fields: dict[str, Any]) -> bytes:
    encoded = b""
    for name, (number, inner) in fields.items():
        if name not in message:
            continue
        value = message[name]
        for item in value if isinstance(value, list) else [value]:
            encoded += _field(number, item, inner)
    return encoded


def _field(number: int, item: Any, inner: dict[str, Any] | None) -> bytes:
    code = item if isinstance(item, int) else _TYPE_CODES.get(item) if isinstance(item, str) else None
    if code is not None:
        return bytes([number << 3]) + _varint(code)
    raw = _binary(item, inner) if inner is not None else str(item).encode()
    return bytes([number << 3 | 2]) + _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
