"""Runs passes: bounded in number, one per key at a time, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from reconciler.daemon.schedule import Schedule
from reconciler.errors import ReconcilerError

_log = logging.getLogger(__name__)

FIRST_RETRY = 2.0
LONGEST_RETRY = 300.0


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One subject of one target."""

    target: str
    subject: str


class PassOutcome(Protocol):
    """What a pass tells the queue: when to look again (None: when woken), and which subjects to look at now."""

    @property
    def again_after(self) -> float | None:
        """Seconds until the next look."""
        ...

    @property
    def wake(self) -> tuple[str, ...]:
        """Subjects of the same target to look at now."""
        ...

    @property
    def decision(self) -> str:
        """What was decided, in a word."""
        ...

    @property
    def row(self) -> int:
        """The row of the decision table that it came from."""
        ...

    @property
    def why(self) -> str:
        """What made it fail, in a sentence; '' where nothing failed."""
        ...


Work = Callable[[Key], Awaitable[PassOutcome]]


class WorkQueue:
    """The keyed work queue. `wake` may be called from anywhere on its loop, also before it runs."""

    def __init__(self, work: Work, *, workers: int) -> None:
        self._work = work
        self._workers = workers
        self._schedule: Schedule[Key] = Schedule()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_stopping = False
        self._passes: set[asyncio.Task[None]] = set()
        self._failures: dict[Key, int] = {}

    def wake(self, keys: Iterable[Key]) -> None:
        """Look at these keys as soon as a worker is free."""
        for key in keys:
            self._schedule.wake(key)
        self._idle.clear()
        self._changed.set()

    async def run(self) -> None:
        """Begin passes until `stop`; the passes then under way go on."""
        loop = asyncio.get_running_loop()
        while not self._is_stopping:
            self._changed.clear()
            while self._schedule.running < self._workers and (key := self._schedule.take(loop.time())) is not None:
                task = asyncio.create_task(self._pass(key))
                self._passes.add(task)
                task.add_done_callback(self._passes.discard)
            if not self._schedule.ready and not self._schedule.running:
                self._idle.set()
            await self._wait(self._schedule.next_due() if self._schedule.running < self._workers else None)

    def stop(self) -> None:
        """Begin no more passes."""
        self._is_stopping = True
        self._changed.set()

    async def finish(self, within: float) -> int:
        """Wait for the passes under way; those that last longer are cancelled, and their number is returned.

        A cancelled pass is as safe as a crash: its intent is on record, the next start reads the evidence.
        """
        if not self._passes:
            return 0
        _, late = await asyncio.wait(self._passes, timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    async def settled(self) -> None:
        """Wait until nothing is ready and nothing runs, while `run` is under way; later looks do not count."""
        await self._idle.wait()

    @property
    def depth(self) -> tuple[int, int, int]:
        """How many keys are ready, running, and delayed."""
        return self._schedule.ready, self._schedule.running, self._schedule.delayed

    async def _wait(self, until: float | None) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _pass(self, key: Key) -> None:
        loop = asyncio.get_running_loop()
        again_at: float | None = None
        try:
            result = await self._work(key)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - one key's failure must not end the others
            again_at = loop.time() + self._failed(key, error)
        else:
            self._failures.pop(key, None)
            again_at = None if result.again_after is None else loop.time() + result.again_after
            for subject in result.wake:
                self._schedule.wake(Key(key.target, subject))
        finally:
            self._schedule.finish(key, again_at=again_at)
            self._changed.set()

    def _failed(self, key: Key, error: Exception) -> float:
        times = self._failures.get(key, 0)
        self._failures[key] = times + 1
        pause = min(FIRST_RETRY * 2.0 ** min(times, 10), LONGEST_RETRY)
        if isinstance(error, ReconcilerError):
            _log.warning("%s: %s; looked at again in %.0f s", key.subject, error, pause)
        else:
            _log.error("%s: the pass broke; looked at again in %.0f s", key.subject, pause, exc_info=error)
        return pause
