"""Names as Feishu makes them: what every kind of id looks like."""

from __future__ import annotations

import hashlib
import secrets
import uuid


def upper_uuid() -> str:
    """An approval code or instance code."""
    return str(uuid.uuid4()).upper()


def decimal(digits: int = 19) -> str:
    """A decimal id (approval, task, comment, version) of exactly so many digits."""
    return str(7 * 10 ** (digits - 1) + secrets.randbelow(10 ** (digits - 1)))


def widget_id() -> str:
    """A system id of a form widget."""
    return f"widget{decimal(17)}"


def hexadecimal(digits: int = 32) -> str:
    """A lower-case hexadecimal id: events, nonces, message and version ids after their prefix."""
    return secrets.token_hex((digits + 1) // 2)[:digits]


def derived(*parts: str) -> str:
    """32 hexadecimal digits that are always the same for the same parts."""
    return hashlib.md5("\x1f".join(parts).encode(), usedforsecurity=False).hexdigest()


def option_value() -> str:
    """The value the platform gives an option of a radio or checkbox widget."""
    return f"{hexadecimal(8)}-{hexadecimal(12)}-{secrets.randbelow(10)}"
