"""Pages: opaque tokens that hold limit and offset, so rows that move between two pages show twice or never (facts §1.4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from reconciler.sandbox.bytebase.call import INVALID, Call, RpcError

T = TypeVar("T")
DEFAULT_SIZE = 10
LARGEST = 1000


def page(call: Call, items: Sequence[T], *, largest: int = LARGEST) -> tuple[list[T], str]:
    """The page that the call asks for, and the token of the next one ('' after the last)."""
    size = call.message.get("pageSize", 0)
    if size < 0:
        raise RpcError(INVALID, f"page size must be non-negative: {size}")
    offset = _offset(call.text("pageToken"))
    limit = min(size or DEFAULT_SIZE, largest)
    shown = list(items[offset : offset + limit])
    more = offset + limit < len(items)
    return shown, _token(limit, offset + limit) if more else ""


def _token(limit: int, offset: int) -> str:
    return base64.b64encode(b"\x08" + _varint(limit) + b"\x10" + _varint(offset)).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise RpcError(
            INVALID, "invalid page token: failed to decode page token: illegal base64 data at input byte 0"
        ) from None
    at, found = 0, 0
    while at < len(raw):
        key, at = _number(raw, at)
        if key & 7:
            raise RpcError(INVALID, "invalid page token: failed to unmarshal page token")
        value, at = _number(raw, at)
        if key >> 3 == 2:
            found = value
    return found


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw):
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise RpcError(INVALID, "invalid page token")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
