"""What the store remembers about one applied resource. Data only; it never holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.resources.base import Key


class RecordState(StrEnum):
    """INTENDED: a creation was begun and its end is unknown. APPLIED: the write was confirmed."""

    INTENDED = "intended"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class AppliedRecord:
    """The last write of one resource of one integration.

    `desired` is the fingerprint of what was desired, `observed` that of what was read back afterwards ("" if it was not).
    `tokens` holds the public token of each write-only field that was sent. `code` is a definition's approval code.
    """

    integration: str
    kind: str
    name: str
    state: RecordState
    at: datetime
    desired: str = ""
    observed: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    code: str = ""

    @property
    def key(self) -> Key:
        """Kind and name."""
        return Key(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Author:
    """Who last wrote a resource upstream, and when, by the audit log."""

    who: str
    when: datetime
