"""A node's signed callback: HMAC-SHA-256 over time and body, at most five minutes old. It only says where to look."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from reconciler.secret import Secret

TIMESTAMP, SIGNATURE = "x-reconciler-timestamp", "x-reconciler-signature"
LONGEST_WAY = 300
"""Seconds by which a callback's time may differ from ours."""


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """The signature that a node puts into its header: hex HMAC-SHA-256 of `<timestamp>.<body>`."""
    message = timestamp.encode() + b"." + body
    return hmac.new(secret.reveal().encode(), message, hashlib.sha256).hexdigest()


def is_authentic(secret: Secret, *, timestamp: str, signed: str, body: bytes, now: datetime) -> bool:
    """Whether the callback was signed with this secret, and lately."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now.timestamp() - int(timestamp)) > LONGEST_WAY:
        return False
    return hmac.compare_digest(signature(secret, timestamp, body).encode(), signed.strip().lower().encode())


def approval_of(body: bytes) -> str | None:
    """The node's own id of the approval that the callback is about; None where it names none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = content.get("id") if isinstance(content, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 500 else None
