"""Errors in the words of both faces (facts §2)."""

from __future__ import annotations

import base64
from typing import Any

from reconciler.sandbox.bytebase.call import Message, RpcError

# code: (REST status, Connect code, Connect status)
CODES: dict[int, tuple[int, str, int]] = {
    1: (499, "canceled", 499),
    2: (500, "unknown", 500),
    3: (400, "invalid_argument", 400),
    4: (504, "deadline_exceeded", 504),
    5: (404, "not_found", 404),
    6: (409, "already_exists", 409),
    7: (403, "permission_denied", 403),
    8: (429, "resource_exhausted", 429),
    9: (400, "failed_precondition", 400),
    10: (409, "aborted", 409),
    11: (400, "out_of_range", 400),
    12: (501, "unimplemented", 501),
    13: (500, "internal", 500),
    14: (503, "unavailable", 503),
    16: (401, "unauthenticated", 401),
}


def rest_error(error: RpcError) -> tuple[int, Message]:
    """Status and body on the REST face."""
    body: Message = {"code": error.code, "message": error.message}
    body["details"] = list(error.details)
    if not body["details"]:
        del body["details"]
    return CODES[error.code][0], body


def connect_error(error: RpcError) -> tuple[int, Message]:
    """Status and body on the Connect face."""
    _, code, status = CODES[error.code]
    body: Message = {"code": code, "message": error.message}
    if error.details:
        body["details"] = [_connect_detail(detail) for detail in error.details]
    return status, body


def permission_denied_detail(method: str, permissions: list[str], resources: list[str]) -> Message:
    """The detail of a refusal by permission; `resources` is left out where the handler, not the gate, refused."""
    detail: Message = {
        "@type": "type.googleapis.com/bytebase.v1.PermissionDeniedDetail",
        "method": f"/bytebase.v1.{method}",
        "requiredPermissions": permissions,
    }
    if resources:
        detail["resources"] = resources
    return detail


def violations_detail(texts: list[str]) -> Message:
    """The detail of a breach of the message's own rules."""
    return {
        "@type": "type.googleapis.com/buf.validate.Violations",
        "violations": [{"fieldPath": text.partition(":")[0], "message": text.partition(": ")[2]} for text in texts],
    }


def _connect_detail(detail: Message) -> Message:
    kind = str(detail["@type"]).rpartition("/")[2]
    shown = {key: value for key, value in detail.items() if key != "@type"}
    # The real value is a binary message; clients that know only its type and the debug form see the same thing.
    return {"type": kind, "value": base64.b64encode(_flat(shown)).decode().rstrip("="), "debug": shown}


def _flat(value: Any) -> bytes:
    parts = value.values() if isinstance(value, dict) else value
    encoded = b""
    for number, part in enumerate(parts, 1):
        for item in part if isinstance(part, list) else [part]:
            raw = _flat(item) if isinstance(item, dict) else str(item).encode()
            encoded += bytes([number << 3 | 2]) + _varint(len(raw)) + raw
    return encoded


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
