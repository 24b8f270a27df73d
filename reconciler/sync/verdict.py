"""What is known of an approval: it counts, with those who gave it; or it does not, and why. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verified:
    """The approval counts; `actors` are the Bytebase e-mails of those who gave it, sorted, or the node that did."""

    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotVerified:
    """The approval does not count, and why."""

    why: str
