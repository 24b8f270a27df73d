"""Everything that runs beside the queue for one target: pollers, the net, the outbox, the long connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from reconciler.daemon.metrics import Metrics
from reconciler.daemon.parts import Background, InstanceHint, SyncTarget
from reconciler.daemon.pollers import ChangePoller, CommandPoller, InstanceNet, WishPoller
from reconciler.daemon.queue import Key, PassOutcome, WorkQueue
from reconciler.daemon.wake import Waker
from reconciler.errors import ReconcilerError, ThrottledError, UnavailableError

_log = logging.getLogger(__name__)

WISH_SECONDS = 1.0
OUTBOX_SECONDS = 5.0
FIRST_READ_RETRY = 2.0
BACKGROUND_RETRY = 5.0
LONGEST_RETRY = 300.0
SURE_SKEW = 60.0
"""Seconds of difference to the upstreams' clocks beyond which the daemon is not ready."""


class TargetRunner:
    """One target at work. `problems` says what does not work just now, by its source; empty when all is well."""

    def __init__(
        self,
        target: SyncTarget,
        queue: WorkQueue,
        metrics: Metrics,
        *,
        spread: Callable[[InstanceHint], None] | None = None,
    ) -> None:
        self.target = target
        self._spread = spread or self.follow
        self.problems: dict[str, str] = {}
        self.has_read = False
        self._queue = queue
        self._metrics = metrics
        self._changes = ChangePoller(target, self.wake)
        self._commands = CommandPoller(target, self.wake)
        self._wishes = WishPoller(target, self.wake)
        self._net = InstanceNet(target, self.wake)
        self._node_polls = [InstanceNet(target, self.wake, node=name) for name in target.poll.nodes_every]
        self._waker = Waker(target.agenda, self.wake)
        self._mail = asyncio.Event()
        self._hints: set[asyncio.Task[None]] = set()
        self._is_retired = False
        self._said: dict[str, str] = {}
        self._passes = 0
        self._no_pass = asyncio.Event()
        self._no_pass.set()
        if target.circuits is not None:
            # What works again held up an unknown number of passes: the next cycle sees everything as new.
            target.circuits.on_closed(self._changes.forget)

    def wake(self, subjects: Iterable[str]) -> None:
        """Look at these subjects now."""
        self._queue.wake(Key(self.target.name, subject) for subject in subjects)

    def hint(self, hint: InstanceHint) -> None:
        """An event about an instance arrived here; it may be any target's."""
        self._spread(hint)

    def follow(self, hint: InstanceHint) -> None:
        """Follow up an event about an instance, after whoever told of it has been answered."""
        if self._is_retired:
            return
        task = asyncio.create_task(self._follow(hint))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)

    def events_may_be_lost(self) -> None:
        """Re-read every undecided instance now: the connection was cut for a while."""
        self._net.hurry()

    async def first_read(self, *, patience: float) -> None:
        """Read both upstreams once and wake what they show.

        An upstream that cannot be reached is tried again for `patience` seconds; anything else is raised at once.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while not self.has_read:
            try:
                await self._changes.poll()
                for name in self.target.definitions:
                    await self.target.approvals.definition(name)
            except (UnavailableError, ThrottledError) as error:
                self.problems["start"] = str(error)
                if loop.time() >= until:
                    raise
                _log.warning("not ready yet: %s", error)
                await asyncio.sleep(FIRST_READ_RETRY)
            else:
                self.problems.pop("start", None)
                self.has_read = True
        if self.target.adopt is not None:
            try:
                await self.target.adopt()
            except ReconcilerError as error:
                _log.warning("earlier requests could not be looked for; each subject is probed instead: %s", error)

    async def look_around(self) -> None:
        """Everything the loops do, once: commands, wishes, undecided instances."""
        await self._commands.poll()
        await self._wishes.poll()
        for net in (self._net, *self._node_polls):
            await net.round()

    async def run(self) -> None:
        """The loops, until cancelled."""
        poll = self.target.poll
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._every(poll.changes_every, "bytebase", self._look_at_bytebase))
            loops.create_task(self._every(WISH_SECONDS, "wishes", self._wishes.poll))
            for net in (self._net, *self._node_polls):
                loops.create_task(net.run())
            loops.create_task(self._post())
            loops.create_task(self._subscribe())
            for background in self.target.background:
                loops.create_task(self._supervised(background))

    async def reconcile(self, subject: str) -> PassOutcome:
        """One pass, counted and measured."""
        loop, name = asyncio.get_running_loop(), self.target.name
        begun = loop.time()
        self._passes += 1
        self._no_pass.clear()
        try:
            result = await self.target.passes.reconcile(subject)
        except Exception:
            self._metrics.failed(name)
            raise
        else:
            self._metrics.passed(name, decision=result.decision, row=result.row, seconds=loop.time() - begun)
            self._say(subject, result)
            return result
        finally:
            self._passes -= 1
            if self._passes == 0:
                self._no_pass.set()
            self._mail.set()

    async def deliver(self) -> None:
        """Deliver what is due, until nothing more can be."""
        while delivered := await self.target.outbox.deliver():
            self._metrics.delivered(self.target.name, delivered)

    async def retire(self) -> None:
        """Wait for the passes still bound to this target, then let go of its connections.

        Events are not followed up any more: whoever takes over looks at everything that is open.
        """
        self._is_retired = True
        for hint in self._hints:
            hint.cancel()
        await asyncio.gather(*self._hints, return_exceptions=True)
        await self._no_pass.wait()
        if self.target.aclose is not None:
            await self.target.aclose()

    def reasons(self) -> tuple[str, ...]:
        """Why this target is not ready, sorted; empty when it is."""
        found = [f"{self.target.name}: {problem}" for problem in self.problems.values()]
        if self.target.circuits is not None:
            found += [f"{self.target.name}: {sentence}" for sentence in self.target.circuits.sentences()]
        if not self.has_read and not self.problems:
            found.append(f"{self.target.name}: the upstreams were not read yet")
        skew = self.target.clock.skew()
        if skew > SURE_SKEW:
            found.append(
                f"{self.target.name}: the clocks differ by {skew:.0f} s; nothing expires and nobody is reminded"
            )
        return tuple(sorted(found))

    async def _follow(self, hint: InstanceHint) -> None:
        self._metrics.event(self.target.name, woke=await self._waker.instance(hint))

    async def _look_at_bytebase(self) -> None:
        await self._changes.poll()
        await self._commands.poll()

    async def _every(self, seconds: float, name: str, act: Callable[[], Awaitable[None]]) -> None:
        """Act every so many seconds, counted from start to start; what takes long still rests for half of them."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            asked = await self._attempt(name, act)
            await asyncio.sleep(max(begun + seconds - loop.time(), seconds / 2, asked))

    async def _attempt(self, name: str, act: Callable[[], Awaitable[None]]) -> float:
        """Do one thing of a loop that must not end; returns the seconds that its failure asks to wait."""
        try:
            await act()
        except ReconcilerError as error:
            self._trouble(name, str(error))
            return getattr(error, "retry_after", None) or 0.0
        except Exception:  # noqa: BLE001 - the loop goes on; the problem is shown until it works again
            self._trouble(name, "an internal error, see the log")
            _log.exception("%s: %s broke", self.target.name, name)
        else:
            if self.problems.pop(name, None) is not None:
                _log.warning("%s: %s works again", self.target.name, name)
        return 0.0

    def _trouble(self, name: str, sentence: str) -> None:
        """Say a problem once, not in every cycle."""
        if self.problems.get(name) != sentence:
            _log.warning("%s: %s: %s", self.target.name, name, sentence)
        self.problems[name] = sentence

    def _say(self, subject: str, result: PassOutcome) -> None:
        """Log what was decided, the same decision about a subject once."""
        why = f": {result.why}" if result.why else ""
        line = f"{result.decision} (row {result.row}){why}"
        if self._said.get(subject) != line:
            _log.info("%s: %s", subject, line)
        if result.again_after is None and not result.wake:
            self._said.pop(subject, None)
        else:
            self._said[subject] = line

    async def _subscribe(self) -> None:
        """Ask for the definitions' events until that worked; what happened before is looked for afterwards."""
        subscribe = self.target.subscribe
        if subscribe is None:
            return

        async def attempt() -> None:
            if await subscribe():
                self.events_may_be_lost()

        pause = BACKGROUND_RETRY
        while True:
            asked = await self._attempt("subscriptions", attempt)
            if "subscriptions" not in self.problems:
                return
            await asyncio.sleep(max(pause, asked))
            pause = min(pause * 2, LONGEST_RETRY)

    async def _post(self) -> None:
        while True:
            self._mail.clear()
            await self._attempt("messages", self.deliver)
            with suppress(TimeoutError):
                async with asyncio.timeout(OUTBOX_SECONDS):
                    await self._mail.wait()

    async def _supervised(self, background: Background) -> None:
        while True:
            await self._attempt("events", lambda: background(self))
            await asyncio.sleep(BACKGROUND_RETRY)
