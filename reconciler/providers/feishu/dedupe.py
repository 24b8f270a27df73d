"""Remembers which events were delivered, because Feishu repeats them for up to seven hours (facts §4.3)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from reconciler.providers.feishu.events import FeishuEvent

REMEMBER = timedelta(hours=8)
"""Longer than Feishu's last retry (about 7.1 h)."""


class EventMemory:
    """Tells the first delivery of an event from the later ones, for eight hours and up to `capacity` events.

    Forgetting early is harmless: an event only wakes a key.
    """

    def __init__(self, *, remember: timedelta = REMEMBER, capacity: int = 200_000) -> None:
        self._remember = remember
        self._capacity = capacity
        self._seen: OrderedDict[str, datetime] = OrderedDict()

    def is_new(self, event_id: str, now: datetime) -> bool:
        """Record a delivery; False when the same id was recorded within the time remembered. No id is always new."""
        self._forget(now)
        if not event_id:
            return True
        if event_id in self._seen:
            return False
        self._seen[event_id] = now
        return True

    def __len__(self) -> int:
        return len(self._seen)

    def _forget(self, now: datetime) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if len(self._seen) < self._capacity and now - self._seen[oldest] < self._remember:
                return
            del self._seen[oldest]


class EventInbox:
    """Passes each event on once, whether it came over the socket or the callback."""

    def __init__(
        self, wake: Callable[[FeishuEvent], None], *, now: Callable[[], datetime], memory: EventMemory | None = None
    ) -> None:
        self._wake = wake
        self._now = now
        self._memory = memory or EventMemory()

    def receive(self, event: FeishuEvent) -> bool:
        """Wake for an event that was not delivered before; False for a repetition."""
        if not self._memory.is_new(event.event_id, self._now()):
            return False
        self._wake(event)
        return True
