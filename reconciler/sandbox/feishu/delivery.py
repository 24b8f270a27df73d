"""Delivers events: in order per app, stream and type, again after a while until acknowledged, dropped after the fourth retry."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Literal

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu.events import Event

RETRY_AFTER = (15.0, 300.0, 3600.0, 21600.0)
"""Seconds between attempts, divided by the clock's time scale."""

HELD_FOR = 1.0
MOST_DROPPED = 1000

Disturbance = Literal["duplicate", "reorder", "lose"]
Carrier = Callable[[Event], Awaitable[bool]]
"""One attempt; true when it was acknowledged."""

_Key = tuple[str, str, str]


class Delivery:
    """The queues of all apps. An event that is not acknowledged holds back those behind it in its queue, and only those."""

    def __init__(self, clock: SandboxClock, carrier: Carrier) -> None:
        self._clock = clock
        self._carrier = carrier
        self._queues: dict[_Key, deque[Event]] = {}
        self._workers: dict[_Key, asyncio.Task[None]] = {}
        self._disturbances: Counter[str] = Counter()
        self._held: list[Event] = []
        self._releases: set[asyncio.Task[None]] = set()
        self._running = False
        self.dropped: deque[Event] = deque(maxlen=MOST_DROPPED)
        """Events given up after the last retry, the newest of them."""

    def start(self) -> None:
        """Begin to deliver what is queued."""
        self._running = True
        for key in self._queues:
            self._work(key)

    async def stop(self) -> None:
        """Stop delivering; what is queued stays queued."""
        self._running = False
        tasks = [*self._workers.values(), *self._releases]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()

    def disturb(self, kind: Disturbance, times: int) -> None:
        """The next `times` events are delivered twice, change places with the one behind them, or never come; 0 ends it."""
        self._disturbances[kind] = self._disturbances[kind] + times if times else 0

    def post(self, event: Event) -> None:
        """Queue an event."""
        if self._take("lose"):
            return
        if self._take("reorder"):
            self._held.append(event)
            if self._running:
                release = asyncio.create_task(self._release_later())
                self._releases.add(release)
                release.add_done_callback(self._releases.discard)
            return
        self._queue(event)
        self._release()

    def waiting(self) -> int:
        """How many events are not yet acknowledged or dropped."""
        return sum(len(queue) for queue in self._queues.values()) + len(self._held)

    def _take(self, kind: str) -> bool:
        if self._disturbances[kind] <= 0:
            return False
        self._disturbances[kind] -= 1
        return True

    async def _release_later(self) -> None:
        await self._clock.sleep(HELD_FOR)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for event in held:
            self._queue(event)

    def _queue(self, event: Event) -> None:
        key = (event.app_id, event.stream, event.event_type)
        self._queues.setdefault(key, deque()).append(event)
        self._work(key)

    def _work(self, key: _Key) -> None:
        if self._running and key not in self._workers:
            self._workers[key] = asyncio.create_task(self._drain(key))

    async def _drain(self, key: _Key) -> None:
        queue = self._queues[key]
        while queue:
            await self._deliver(queue[0])
            queue.popleft()
        del self._queues[key], self._workers[key]

    async def _deliver(self, event: Event) -> None:
        for wait in (*RETRY_AFTER, None):
            if await self._carrier(event):
                if self._take("duplicate"):
                    await self._carrier(event)
                return
            if wait is None or event.callback():
                break
            await self._clock.sleep(wait)
        self.dropped.append(event)
