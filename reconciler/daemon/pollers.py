"""Looks for what may have changed, as cheaply as it can, and wakes the keys concerned. Decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from reconciler.daemon.parts import SyncTarget
from reconciler.errors import ForbiddenError, NotFoundError, ReconcilerError, ThrottledError
from reconciler.ids import root_of
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import Instance, InstanceStatus

_log = logging.getLogger(__name__)

Wake = Callable[[Iterable[str]], None]
"""Wakes subjects of one target."""

FULL_SCAN_SECONDS = 300.0
"""How often changes are looked for that the cheap list hides."""

COMMENT_READS = 10
"""How many issues' comments are read in one cycle at most: with the ten calls for rights, twenty beyond pages and changes."""


class ChangePoller:
    """Bytebase's side: wakes the subjects of every change whose signal differs from the last one seen."""

    def __init__(self, target: SyncTarget, wake: Wake) -> None:
        self._target = target
        self._wake = wake
        self._seen: dict[str, tuple[str, str | None]] = {}
        self._full_at: float | None = None

    async def poll(self) -> None:
        """One cycle. Raises what discovery raises; nothing is woken then, and nothing is forgotten."""
        now = asyncio.get_running_loop().time()
        is_full = self._full_at is None or now - self._full_at >= FULL_SCAN_SECONDS
        sightings = await self._target.subjects.discover(full=is_full)
        current = {sighting.plan: (sighting.signal, sighting.subject) for sighting in sightings}
        changed = {plan for plan, seen in current.items() if self._seen.get(plan) != seen}
        if changed or is_full:
            hidden = is_full
            known = await self._target.agenda.open_subjects()
            self._wake(_concerned(current, changed, known, hidden_too=hidden))
        if is_full:
            self._seen = current
            self._full_at = now
        else:
            self._seen.update(current)

    def forget(self) -> None:
        """See everything as new in the next cycle: the spec or the ledger is another one."""
        self._seen.clear()
        self._full_at = None


def _concerned(
    current: Mapping[str, tuple[str, str | None]], changed: set[str], known: Iterable[str], *, hidden_too: bool
) -> list[str]:
    """Frontiers of changed plans, entries of changed plans, and after a full scan entries whose plan was not in it."""
    subjects = {subject for plan in changed if (subject := current[plan][1]) is not None}
    for subject in known:
        root = root_of(subject)
        if root in changed or (hidden_too and root not in current):
            subjects.add(subject)
    return sorted(subjects)


class CommandPoller:
    """Reads the comments of watched issues, a few per cycle: new ones first, then those not read for the longest time."""

    def __init__(self, target: SyncTarget, wake: Wake) -> None:
        self._target = target
        self._wake = wake
        self._read_in: dict[str, int] = {}
        self._cycle = 0

    async def poll(self) -> None:
        """One cycle of at most ten reads."""
        self._cycle += 1
        watched = {each.subject: each.issue for each in await self._target.agenda.watched()}
        self._read_in = {subject: cycle for subject, cycle in self._read_in.items() if subject in watched}
        # The sort is stable: among those never read, or read in the same cycle, the newest stay first.
        order = sorted(watched, key=lambda subject: self._read_in.get(subject, 0))
        for subject in order[:COMMENT_READS]:
            self._read_in[subject] = self._cycle
            await self._read(watched[subject], subject)

    async def _read(self, issue: str, subject: str) -> None:
        try:
            comments = await self._target.subjects.comments(issue)
        except (NotFoundError, ForbiddenError) as error:
            _log.info("the comments of %s cannot be read: %s", issue, error)
            return
        if await self._target.commands.listen(issue, subject, comments):
            self._wake([subject])


class WishPoller:
    """Wakes subjects for which somebody typed `reconciler request`, once per wish."""

    def __init__(self, target: SyncTarget, wake: Wake) -> None:
        self._target = target
        self._wake = wake
        self._woken: set[str] = set()

    async def poll(self) -> None:
        """One cycle; reads the ledger only."""
        waiting = await self._target.agenda.wished()
        self._wake(sorted({subject for subject, wish in waiting if wish not in self._woken}))
        self._woken = {wish for _, wish in waiting}


class InstanceNet:
    """Re-reads each undecided instance of one place once per period, evenly spread, and wakes the subjects that moved.

    For Feishu it is the net behind the events, or the only way where there are none; for an external node the way.
    """

    def __init__(self, target: SyncTarget, wake: Wake, *, node: str | None = None) -> None:
        self._target = target
        self._wake = wake
        self._node = node
        poll = target.poll
        self._every = poll.instances_every if node is None else poll.nodes_every[node]
        self._seen: dict[str, object] = {}
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Begin the next round at once: events may have been lost."""
        self._hurry.set()

    async def run(self) -> None:
        """Rounds until cancelled."""
        while True:
            begun = asyncio.get_running_loop().time()
            self._hurry.clear()
            await self.round()
            left = begun + self._every - asyncio.get_running_loop().time()
            await self._pause(max(left, 0.01))

    async def round(self) -> None:
        """Read every undecided instance once, at no more than the allowed rate."""
        try:
            asked = [each for each in await self._target.agenda.asked() if node_of(each.code) == self._node]
        except ReconcilerError as error:
            _log.warning("the requests to re-read are unknown just now: %s", error)
            return
        gap = 60.0 / self._target.poll.instances_per_minute
        spread = max(gap, min(self._every / len(asked), 1.0)) if asked else gap
        self._seen = {each.code: self._seen[each.code] for each in asked if each.code in self._seen}
        for each in asked:
            await self._look(each.subject, each.code)
            await self._pause(gap if self._hurry.is_set() else spread)

    async def _look(self, subject: str, code: str) -> None:
        try:
            instance = await self._target.approvals.read(code)
        except NotFoundError:
            self._wake([subject])
            return
        except ThrottledError as error:
            await asyncio.sleep(error.retry_after or 1.0)
            return
        except ReconcilerError as error:
            _log.info("instance %s could not be re-read: %s", code, error)
            return
        sign = _sign(instance)
        if self._seen.get(code, _UNTOUCHED) != sign:
            self._wake([subject])
        self._seen[code] = sign

    async def _pause(self, seconds: float) -> None:
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, 60.0 / self._target.poll.instances_per_minute))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return


def _sign(instance: Instance) -> object:
    """What of an instance would make a pass decide otherwise."""
    if instance.status is InstanceStatus.PENDING and not any(task.ended for task in instance.tasks):
        return _UNTOUCHED
    tasks = tuple((task.id, str(task.status), task.open_id) for task in instance.tasks)
    ended: datetime | None = instance.ended
    return str(instance.status), instance.is_reverted, ended, tasks


_UNTOUCHED: object = "untouched"
