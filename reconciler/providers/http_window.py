"""Budgets in the words in which upstreams publish them: so many calls in any so many seconds, all of them at once if need be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNDER_WAY = 1.0
"""Seconds that a call may take from us to the upstream's counter: so much longer a window is taken to last."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` calls in any `seconds`."""

    calls: int
    seconds: float


class WindowBudget:
    """Limits the calls under each key by its windows, all of which hold; keys without any are unlimited.

    Nothing is spread out: whoever comes first goes first, and at once while every window has room. Bound to one event loop.
    """

    def __init__(self, windows: Mapping[str, Sequence[Window]]) -> None:
        self._queues = {key: _Queue(each) for key, each in windows.items() if each}

    async def take(self, key: str) -> None:
        """Wait until one more call under `key` is within all of its windows."""
        if (queue := self._queues.get(key)) is not None:
            await queue.take()


class _Queue:
    """The callers under one key, in the order in which they came, and when the latest calls were let through."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._past: list[tuple[float, deque[float]]] = [
            (window.seconds + UNDER_WAY, deque(maxlen=window.calls)) for window in windows
        ]
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            free = max((past[0] + seconds for seconds, past in self._past if len(past) == past.maxlen), default=0.0)
            if free > loop.time():
                await asyncio.sleep(free - loop.time())
            now = loop.time()
            for _, past in self._past:
                past.append(now)
