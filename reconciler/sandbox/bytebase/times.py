"""Times as protojson writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with 0, 3 or 6 fractional digits, as protojson shortens them."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    micro = moment.microsecond
    if micro == 0:
        return f"{text}Z"
    return f"{text}.{micro // 1000:03d}Z" if micro % 1000 == 0 else f"{text}.{micro:06d}Z"


def stamp_exact(moment: datetime) -> str:
    """A time that has not been through the database yet: nanoseconds, of which it keeps micros (facts §1.2)."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text}{1 + moment.microsecond % 999:03d}Z"


def parse(text: str) -> datetime:
    """An RFC 3339 time; ValueError when it is none. Beyond microseconds is cut."""
    head, dot, rest = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    else:
        text = head
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
