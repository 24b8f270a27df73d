"""The sandbox's one clock: what both stand-ins call now, and how long their own delays last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SandboxClock:
    """Time as the stand-ins tell it: seconds since 1970 from `source`, moved by `offset`.

    `time_scale` shortens the stand-ins' own delays (progress of checks and tasks, redelivery of events) and nothing
    else: token lives and rate windows are differences of `now` and stay real.
    """

    def __init__(self, *, time_scale: float = 1.0, source: Callable[[], float] | None = None) -> None:
        if not time_scale > 0:
            raise ValueError("time_scale must be above zero")
        self.time_scale = time_scale
        self.offset = 0.0
        """Seconds by which this clock is ahead of `source`; the fault `clock` sets it, minus is behind."""
        self._source = source or time.time

    def now(self) -> datetime:
        """The present moment in UTC."""
        return _EPOCH + timedelta(seconds=self._source() + self.offset)

    def millis(self) -> int:
        """The present moment in whole milliseconds since 1970."""
        return int((self._source() + self.offset) * 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait out a stand-in's own delay of `seconds`: `seconds / time_scale` of real time."""
        await asyncio.sleep(max(0.0, seconds) / self.time_scale)
