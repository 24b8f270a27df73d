"""When each key is looked at: one pass at a time, exactly one more for any number of wake-ups during a pass."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Schedule(Generic[K]):
    """The order of passes, without any clock or task of its own. Times are seconds of one monotonic clock.

    A key is idle, delayed (one due time), ready (in order of waking), or running. A wake-up makes an idle or delayed key
    ready at once; of a running key it remembers that one more pass is owed, which replaces any later look.
    """

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._is_ready: set[K] = set()
        self._running: set[K] = set()
        self._owed: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._ticket = count()

    def wake(self, key: K) -> None:
        """Look at the key now, or once more after the pass that is running."""
        if key in self._running:
            self._owed.add(key)
        elif key not in self._is_ready:
            self._due.pop(key, None)
            self._ready.append(key)
            self._is_ready.add(key)

    def take(self, now: float) -> K | None:
        """The next key whose pass may begin, now running; None when none is ready."""
        self._ripen(now)
        if not self._ready:
            return None
        key = self._ready.popleft()
        self._is_ready.remove(key)
        self._running.add(key)
        return key

    def finish(self, key: K, *, again_at: float | None) -> None:
        """The key's pass has ended and wants another look at that time, or none."""
        self._running.remove(key)
        if key in self._owed:
            self._owed.remove(key)
            self.wake(key)
        elif again_at is not None:
            self._due[key] = again_at
            heapq.heappush(self._heap, (again_at, next(self._ticket), key))

    def next_due(self) -> float | None:
        """When the next delayed key becomes ready."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def ready(self) -> int:
        """How many keys wait for a worker."""
        return len(self._ready)

    @property
    def running(self) -> int:
        """How many passes are under way."""
        return len(self._running)

    @property
    def delayed(self) -> int:
        """How many keys will be looked at later."""
        return len(self._due)

    def _ripen(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            self.wake(heapq.heappop(self._heap)[2])
