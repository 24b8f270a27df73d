"""The system's clock, and how far the upstreams' clocks are from it as told by their `Date` headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


class SystemClock:
    """Tells the time in UTC. Feed `observe` with every answer; `skew` is the largest difference last seen of any host."""

    def __init__(self) -> None:
        self._skews: dict[str, float] = {}

    def now(self) -> datetime:
        """The present moment by the local clock."""
        return datetime.now(UTC)

    def skew(self) -> float:
        """Seconds by which the upstreams' clocks differ from ours at most, as last seen in their answers."""
        return max((abs(seconds) for seconds in self._skews.values()), default=0.0)

    def skews(self) -> Mapping[str, float]:
        """Our time less theirs in seconds, by host."""
        return dict(self._skews)

    def observe(self, host: str, date: datetime) -> None:
        """Note the `Date` of an answer that arrived just now."""
        self._skews[host] = (self.now() - date).total_seconds()
