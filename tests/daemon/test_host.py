"""Starting, stopping, looking once, draining, and a spec that changes underneath."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.daemon_parts import Parts, Result, entry, parts, pending, stage
from fakes.fast_time import run_fast

from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.parts import SyncTarget
from reconciler.errors import CredentialsError, SpecError, UnavailableError
from reconciler.ports.sync import Sighting
from reconciler.subjects.entry import EntryState, Wish
from reconciler.subjects.instance import InstanceStatus

SETTINGS = HostSettings(workers=4, patience=30, finish_within=20)


def sighting(plan: int, signal: str = "1") -> Sighting:
    return Sighting(f"projects/demo/plans/{plan}", stage(plan), signal)


async def started(host: Host, stop: asyncio.Event) -> asyncio.Task[None]:
    ready = asyncio.Event()
    task = asyncio.create_task(host.run(stop, on_ready=ready.set))
    await asyncio.wait({task, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
    return task


def test_what_bytebase_shows_is_reconciled_and_what_changes_is_again(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.subjects.sightings = [sighting(1), sighting(2)]
        host = Host([world.target()], settings=SETTINGS)
        task = await started(host, stop)
        assert host.reasons() == ()
        await asyncio.sleep(20)
        assert sorted(world.passes.done) == [stage(1), stage(2)]
        world.subjects.sightings = [sighting(1), sighting(2, "changed")]
        await asyncio.sleep(6)
        assert world.passes.done[2:] == [stage(2)]
        stop.set()
        await task
        assert world.closed == 1

    run_fast(main())


def test_a_wish_is_looked_at_within_a_second_and_a_moved_instance_within_its_period(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        await world.put(entry(stage(7), instance="C7"))
        world.approvals.instances["C7"] = pending("C7")
        world.subjects.sightings = [sighting(7)]
        task = await started(Host([world.target()], settings=SETTINGS), stop)
        await asyncio.sleep(5)
        world.passes.done.clear()
        await world.ledger.add_wish(Wish("w", stage(3), "cli", "a@x", world.clock.now()))
        await asyncio.sleep(1.1)
        assert world.passes.done == [stage(3)]
        world.approvals.instances["C7"] = pending("C7", InstanceStatus.APPROVED)
        await asyncio.sleep(901)
        assert world.passes.done == [stage(3), stage(7)]
        stop.set()
        await task

    run_fast(main())


def test_after_stop_no_pass_begins_and_the_running_one_ends(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.passes.seconds = 10
        world.subjects.sightings = [sighting(n) for n in range(20)]
        task = await started(Host([world.target()], settings=SETTINGS), stop)
        await asyncio.sleep(1)
        stop.set()
        await task
        assert len(world.passes.done) == SETTINGS.workers
        assert asyncio.get_running_loop().time() < 40

    run_fast(main())


def test_stop_while_the_upstreams_cannot_be_reached_ends_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.subjects.failures = [UnavailableError("away") for _ in range(100)]
        host = Host([world.target()], settings=SETTINGS)
        task = asyncio.create_task(host.run(stop))
        await asyncio.sleep(5)
        assert host.reasons() == ("acme: away",)
        stop.set()
        await task
        assert asyncio.get_running_loop().time() < 10

    run_fast(main())


def test_an_upstream_that_comes_back_in_time_is_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.subjects.failures = [UnavailableError("away") for _ in range(3)]
        task = await started(Host([world.target()], settings=SETTINGS), stop)
        assert not task.done()
        stop.set()
        await task

    run_fast(main())


@pytest.mark.parametrize("error", [CredentialsError("wrong key"), UnavailableError("away")])
def test_what_cannot_be_read_at_the_start_ends_the_start_with_its_error(tmp_path: Path, error: Exception) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        world.approvals.failure = error
        with pytest.raises(type(error)):
            await Host([world.target()], settings=SETTINGS).run(asyncio.Event())
        assert world.closed == 1

    run_fast(main())


def test_once_looks_at_everything_follows_it_up_delivers_and_ends(tmp_path: Path) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        world.subjects.sightings = [sighting(1)]
        world.passes.result = Result(again_after=60)
        await world.ledger.add_wish(Wish("w", stage(2), "cli", "a@x", world.clock.now()))
        await world.put(entry(stage(3), instance="C3"))
        world.approvals.instances["C3"] = pending("C3", InstanceStatus.REJECTED)
        world.outbox.owed = 2
        await Host([world.target()], settings=SETTINGS).once(asyncio.Event())
        assert set(world.passes.done) == {stage(1), stage(2), stage(3)}
        assert world.outbox.delivered == 2

    run_fast(main())


def test_draining_goes_on_until_nothing_is_pending(tmp_path: Path) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        await world.put(entry(stage(1), EntryState.WITHDRAWING, instance="C1"))
        rounds = [2, 1, 0]

        async def drain() -> int:
            return rounds.pop(0)

        left = await Host([world.target(drain=drain)], settings=SETTINGS).drain(asyncio.Event())
        assert (left, rounds) == (0, [])
        assert world.passes.done.count(stage(1)) >= 3

    run_fast(main())


def test_a_store_that_cannot_be_written_stops_the_daemon_and_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        faults: list[UnavailableError] = []
        host = Host([world.target()], settings=SETTINGS, store_fault=lambda: faults[0] if faults else None)
        task = await started(host, asyncio.Event())
        faults.append(UnavailableError("the disk is full"))
        with pytest.raises(UnavailableError, match="the disk is full"):
            await task

    run_fast(main())


def test_a_lost_lease_stops_the_daemon(tmp_path: Path) -> None:
    async def main() -> None:
        world, lost = await parts(tmp_path), asyncio.Event()
        task = await started(Host([world.target()], settings=SETTINGS, lost=lost), asyncio.Event())
        lost.set()
        with pytest.raises(UnavailableError, match="took over"):
            await task

    run_fast(main())


class Spec:
    """What the reload finds each time it looks."""

    def __init__(self) -> None:
        self.next: Sequence[SyncTarget] | Exception | None = None

    async def reload(self) -> Sequence[SyncTarget] | None:
        found, self.next = self.next, None
        if isinstance(found, Exception):
            self.next = found
            raise found
        return found


def test_a_changed_spec_is_loaded_between_passes_and_a_pass_ends_under_the_spec_it_began_with(tmp_path: Path) -> None:
    async def main() -> None:
        old = await parts(tmp_path)
        new = Parts(old.store)
        old.passes.seconds = 30
        for world in (old, new):
            world.subjects.sightings = [sighting(1)]
        await old.put(entry(stage(1)), entry(stage(5)))
        spec, stop = Spec(), asyncio.Event()
        task = await started(Host([old.target()], settings=SETTINGS, reload=spec.reload), stop)
        await asyncio.sleep(1)
        spec.next = [new.target()]
        await asyncio.sleep(5)
        assert old.closed == 0
        await asyncio.sleep(60)
        assert set(old.passes.done) == set(new.passes.done) == {stage(1), stage(5)}
        assert old.closed == 1
        stop.set()
        await task
        assert new.closed == 1

    run_fast(main())


def test_a_broken_spec_keeps_the_old_one_in_force_and_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        world, spec, stop = await parts(tmp_path), Spec(), asyncio.Event()
        host = Host([world.target()], settings=SETTINGS, reload=spec.reload)
        task = await started(host, stop)
        spec.next = SpecError("unknown field 'gatez'")
        await asyncio.sleep(5)
        assert "unknown field 'gatez'" in host.reasons()[0]
        world.subjects.sightings = [sighting(1)]
        await asyncio.sleep(6)
        assert world.passes.done == [stage(1)]
        spec.next = [world.target()]
        await asyncio.sleep(5)
        assert host.reasons() == ()
        stop.set()
        await task

    run_fast(main())


def test_problems_are_reasons_not_to_be_ready_until_they_are_over(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        host = Host([world.target()], settings=SETTINGS)
        assert host.reasons() == ("acme: the upstreams were not read yet",)
        task = await started(host, stop)
        world.subjects.failures = [UnavailableError("bytebase is away") for _ in range(2)]
        await asyncio.sleep(6)
        assert host.reasons() == ("acme: bytebase is away",)
        await asyncio.sleep(6)
        assert host.reasons() == ()
        stop.set()
        await task

    run_fast(main())


def test_clocks_that_differ_too_much_are_a_reason_not_to_be_ready(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.clock = type(world.clock)(skew=61)
        host = Host([world.target()], settings=SETTINGS)
        task = await started(host, stop)
        assert "61 s" in host.reasons()[0]
        stop.set()
        await task

    run_fast(main())


def test_background_work_that_breaks_is_begun_again(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        begun = 0

        async def socket(_sink: object) -> None:
            nonlocal begun
            begun += 1
            raise UnavailableError("closed") if begun == 1 else RuntimeError("a bug")

        task = await started(Host([world.target(background=(socket,))], settings=SETTINGS), stop)
        await asyncio.sleep(30)
        assert begun >= 3
        stop.set()
        await task

    run_fast(main())
