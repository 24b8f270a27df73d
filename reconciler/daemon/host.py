"""Starts, runs and stops the daemon: the queue, every target's loops, and a spec that may change underneath."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reconciler.daemon.metrics import Metrics
from reconciler.daemon.parts import InstanceHint, SyncTarget
from reconciler.daemon.queue import Key, PassOutcome, WorkQueue
from reconciler.daemon.runner import TargetRunner
from reconciler.errors import ReconcilerError, UnavailableError

_log = logging.getLogger(__name__)

Reload = Callable[[], Awaitable[Sequence[SyncTarget] | None]]
"""The targets of a changed spec, None while it is the same. Raises ReconcilerError while the spec is broken."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How the daemon runs. Times are in seconds."""

    workers: int = 8
    patience: float = 60.0
    finish_within: float = 20.0
    reload_every: float = 2.0
    drain_every: float = 2.0


class Host:
    """The daemon of one store. `store_fault` tells of a fault that waiting cannot mend, `lost` that the lock is gone."""

    def __init__(
        self,
        targets: Sequence[SyncTarget],
        *,
        settings: HostSettings,
        store_fault: Callable[[], UnavailableError | None] = lambda: None,
        lost: asyncio.Event | None = None,
        reload: Reload | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._store_fault = store_fault
        self._lost = lost
        self._reload = reload
        self._queue = WorkQueue(self._pass, workers=settings.workers)
        self._runners = {target.name: self._runner(target) for target in targets}
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._spec_problem = ""

    @property
    def runners(self) -> Mapping[str, TargetRunner]:
        """The targets at work, by name."""
        return self._runners

    def reasons(self) -> tuple[str, ...]:
        """Why the daemon is not ready; empty when it is."""
        found = [reason for runner in self._runners.values() for reason in runner.reasons()]
        if self._spec_problem:
            found.append(f"the spec on disk cannot be loaded, the one before it is in force: {self._spec_problem}")
        if (fault := self._store_fault()) is not None:
            found.append(str(fault))
        return tuple(found)

    def show_metrics(self) -> None:
        """Bring the gauges up to date."""
        ready, running, delayed = self._queue.depth
        self.metrics.show_queue(ready=ready, running=running, delayed=delayed)
        self.metrics.show_ready(is_ready=not self.reasons())

    async def run(self, stop: asyncio.Event, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set. Raises what makes running on impossible, after stopping as cleanly."""
        queue = asyncio.create_task(self._queue.run())
        try:
            await self._first_read(stop)
            if stop.is_set():
                return
            on_ready()
            for name, runner in self._runners.items():
                self._loops[name] = asyncio.create_task(runner.run())
            await self._watch(stop)
        finally:
            await self._end(queue)

    async def once(self, stop: asyncio.Event) -> None:
        """Look at everything once, finish what that leads to, deliver, and end; earlier when `stop` is set."""
        queue = asyncio.create_task(self._queue.run())
        try:
            await self._first_read(stop)
            for runner in self._runners.values():
                if not stop.is_set():
                    await runner.look_around()
            await self._settle(stop)
        finally:
            await self._end(queue)

    async def drain(self, stop: asyncio.Event) -> int:
        """Withdraw everything that is pending, until nothing is or `stop` is set; returns how many are left."""
        queue = asyncio.create_task(self._queue.run())
        left = 0
        try:
            await self._first_read(stop)
            while not stop.is_set():
                left = sum([await self._drain_round(runner) for runner in self._runners.values()])
                await self._settle(stop)
                if left == 0:
                    break
                _log.warning("%d requests are still pending", left)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.drain_every):
                        await stop.wait()
        finally:
            await self._end(queue)
        return left

    def _runner(self, target: SyncTarget) -> TargetRunner:
        return TargetRunner(target, self._queue, self.metrics, spread=self._hint)

    def _hint(self, hint: InstanceHint) -> None:
        for runner in self._runners.values():
            runner.follow(hint)

    async def _pass(self, key: Key) -> PassOutcome:
        runner = self._runners.get(key.target)
        if runner is None:
            return _Gone()
        return await runner.reconcile(key.subject)

    async def _first_read(self, stop: asyncio.Event) -> None:
        """Read every target's upstreams; ends early when asked to stop."""
        await _first_of(self._read_all(), stop)

    async def _read_all(self) -> None:
        patience = self._settings.patience
        await asyncio.gather(*(runner.first_read(patience=patience) for runner in self._runners.values()))

    async def _watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if (fault := self._store_fault()) is not None:
                raise fault
            if self._lost is not None and self._lost.is_set():
                raise UnavailableError(
                    "another process took over this store",
                    why="the lease could not be renewed in time",
                    next_step="start again once the store can be reached; only one sync runs on it",
                )
            for loop in self._loops.values():
                if loop.done():
                    loop.result()
            await self._look_at_spec()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.reload_every):
                    await stop.wait()

    async def _look_at_spec(self) -> None:
        if self._reload is None:
            return
        try:
            targets = await self._reload()
        except ReconcilerError as error:
            if self._spec_problem != str(error):
                self._spec_problem = str(error)
                _log.error("the changed spec is not loaded: %s", error)
            return
        if targets is None:
            return
        self._spec_problem = ""
        await self._replace(targets)

    async def _replace(self, targets: Sequence[SyncTarget]) -> None:
        """Put the targets of a changed spec in place of the old; passes under way end under the spec they began with."""
        old, self._runners = self._runners, {target.name: self._runner(target) for target in targets}
        for loop in self._loops.values():
            loop.cancel()
        await asyncio.gather(*self._loops.values(), return_exceptions=True)
        for runner in old.values():
            task = asyncio.create_task(runner.retire())
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        self._loops = {name: asyncio.create_task(self._take_up(runner)) for name, runner in self._runners.items()}
        _log.warning("the changed spec is in force: %s", ", ".join(sorted(self._runners)) or "no target")

    async def _take_up(self, runner: TargetRunner) -> None:
        """A reloaded target: unreadable upstreams must not end the daemon that is already running."""
        while True:
            try:
                await runner.first_read(patience=float("inf"))
            except ReconcilerError as error:
                runner.problems["start"] = str(error)
                _log.error("%s: %s", runner.target.name, error)
                await asyncio.sleep(self._settings.patience)
            else:
                break
        runner.wake(await runner.target.agenda.open_subjects())
        await runner.run()

    async def _drain_round(self, runner: TargetRunner) -> int:
        if runner.target.drain is None:
            return 0
        left = await runner.target.drain()
        runner.wake(await runner.target.agenda.unsettled())
        return left

    async def _settle(self, stop: asyncio.Event) -> None:
        """Wait until the queue has nothing to do now, and deliver what came of it."""
        await _first_of(self._queue.settled(), stop)
        for runner in self._runners.values():
            await runner.deliver()
        if (fault := self._store_fault()) is not None:
            raise fault

    async def _end(self, queue: asyncio.Task[None]) -> None:
        """No new passes; running ones finish within the limit; then everything is let go of."""
        self._queue.stop()
        for loop in self._loops.values():
            loop.cancel()
        late = await self._queue.finish(self._settings.finish_within)
        if late:
            _log.warning("%d passes did not end in time; the next start reads how far they came", late)
        await asyncio.gather(queue, *self._loops.values(), return_exceptions=True)
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for runner in self._runners.values():
            await runner.retire()


async def _first_of(work: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """Do the work, or leave it when `stop` is set before."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(_until(stop))
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        is_done = working.done()
        working.cancel()
    if is_done:
        await working


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


@dataclass(frozen=True, slots=True)
class _Gone:
    """The pass over a subject whose target the spec no longer has."""

    again_after: float | None = None
    wake: tuple[str, ...] = ()
    decision: str = "wait"
    row: int = 0
    why: str = ""
