"""Pollers wake what changed, read no more than they may, and forget nothing after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.daemon_parts import NOW, Parts, entry, parts, pending, stage
from fakes.fast_time import run_fast

from reconciler.daemon.parts import PollSettings
from reconciler.daemon.pollers import COMMENT_READS, ChangePoller, CommandPoller, InstanceNet, WishPoller
from reconciler.errors import UnavailableError
from reconciler.ports.sync import Sighting
from reconciler.subjects.change import Comment
from reconciler.subjects.entry import EntryState, LedgerChange, Wish
from reconciler.subjects.instance import InstanceStatus


class Woken(list[str]):
    """What was woken since the last look."""

    def __call__(self, subjects: Iterable[str]) -> None:
        self.extend(subjects)

    def take(self) -> list[str]:
        found = list(self)
        self.clear()
        return found


def seen(plan: int, signal: str = "1", subject: str | None = "prod") -> Sighting:
    return Sighting(f"projects/demo/plans/{plan}", stage(plan, subject) if subject else None, signal)


def test_only_a_change_whose_signal_differs_is_woken(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        poller = ChangePoller(world.target(), woken)
        world.subjects.sightings = [seen(1), seen(2)]
        await poller.poll()
        assert woken.take() == [stage(1), stage(2)]
        await poller.poll()
        assert woken.take() == []
        world.subjects.sightings = [seen(1), seen(2, "2")]
        await poller.poll()
        assert woken.take() == [stage(2)]
        poller.forget()
        await poller.poll()
        assert woken.take() == [stage(1), stage(2)]

    run_fast(main())


def test_a_change_also_wakes_the_open_entries_of_its_plan(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        await world.put(entry(stage(1, "test")), entry(stage(1, "qa"), EntryState.CLOSED), entry(stage(2, "test")))
        poller = ChangePoller(world.target(), woken)
        world.subjects.sightings = [seen(1), seen(2)]
        await poller.poll()
        woken.take()
        world.subjects.sightings = [seen(1, "2"), seen(2)]
        await poller.poll()
        assert woken.take() == [stage(1), stage(1, "test")]

    run_fast(main())


def test_absence_from_a_cheap_list_means_nothing_and_from_a_full_one_leads_to_a_look(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        poller = ChangePoller(world.target(), woken)
        world.subjects.sightings = [seen(1)]
        await poller.poll()
        await world.put(entry(stage(1)))
        woken.take()
        world.subjects.sightings = []
        await poller.poll()
        assert woken.take() == []
        await asyncio.sleep(300)
        await poller.poll()
        assert woken.take() == [stage(1)]
        assert world.subjects.calls == ["full", "cheap", "full"]

    run_fast(main())


def test_a_failed_cycle_wakes_nothing_and_the_next_sees_the_change(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        poller = ChangePoller(world.target(), woken)
        world.subjects.sightings = [seen(1)]
        world.subjects.failures = [UnavailableError("away")]
        with pytest.raises(UnavailableError):
            await poller.poll()
        assert woken.take() == []
        await poller.poll()
        assert woken.take() == [stage(1)]

    run_fast(main())


def comment(name: str) -> Comment:
    return Comment(name, "a@x", "/feishu", NOW)


def test_comments_are_read_a_few_per_cycle_newest_first_and_everyones_turn_comes(tmp_path: Path) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        number = COMMENT_READS + 5
        for n in range(number):
            since = NOW + timedelta(minutes=n)
            await world.put(entry(stage(n), issue=f"projects/demo/issues/{n}", since=since))
        await world.put(
            entry(stage(900), issue=""), entry(stage(901), EntryState.CLOSED, issue="projects/demo/issues/x")
        )
        poller = CommandPoller(world.target(), Woken())
        await poller.poll()
        first = list(world.subjects.calls)
        assert first == [f"projects/demo/issues/{n}" for n in range(number - 1, 4, -1)]
        await poller.poll()
        second = world.subjects.calls[len(first) :]
        assert len(second) == COMMENT_READS
        assert set(first) | set(second) == {f"projects/demo/issues/{n}" for n in range(number)}
        assert second[:5] == [f"projects/demo/issues/{n}" for n in range(4, -1, -1)]

    run_fast(main())


def test_a_command_wakes_its_subject(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        await world.put(entry(stage(1), issue="i1"), entry(stage(2), issue="i2"))
        world.subjects.issue_comments = {"i2": [comment("c")]}
        await CommandPoller(world.target(), woken).poll()
        assert woken.take() == world.commands.heard == [stage(2)]

    run_fast(main())


def test_a_wish_wakes_its_subject_once(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        poller = WishPoller(world.target(), woken)
        await world.ledger.add_wish(Wish("w1", stage(1), "cli", "a@x", NOW))
        await poller.poll()
        await poller.poll()
        assert woken.take() == [stage(1)]
        await world.ledger.commit(LedgerChange(wishes_done=(("w1", "asked"),)))
        await world.ledger.add_wish(Wish("w2", stage(1), "cli", "a@x", NOW))
        await poller.poll()
        assert woken.take() == [stage(1)]

    run_fast(main())


async def asked(world: Parts, number: int) -> None:
    for n in range(number):
        await world.put(entry(stage(n), instance=f"C{n}"))
        world.approvals.instances[f"C{n}"] = pending(f"C{n}")


def test_the_net_wakes_only_what_moved(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        await asked(world, 3)
        await world.put(entry(stage(8), EntryState.HELD), entry(stage(9), EntryState.CLOSED, instance="C9"))
        net = InstanceNet(world.target(), woken)
        await net.round()
        assert woken.take() == []
        assert world.approvals.reads == ["C0", "C1", "C2"]
        world.approvals.instances["C1"] = pending("C1", InstanceStatus.APPROVED)
        del world.approvals.instances["C2"]
        await net.round()
        assert woken.take() == [stage(1), stage(2)]
        world.approvals.instances["C2"] = pending("C2")
        await net.round()
        assert woken.take() == []

    run_fast(main())


def test_the_net_wakes_nothing_for_a_failed_read(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        await asked(world, 2)
        world.approvals.failure = UnavailableError("away")
        await InstanceNet(world.target(), woken).round()
        assert woken.take() == []

    run_fast(main())


@pytest.mark.parametrize(
    ("number", "every", "rate", "minutes", "least"), [(10, 900, 700, 60, 40), (100, 60, 70, 10, 600)]
)
def test_each_pending_instance_is_read_once_per_period_and_never_above_the_rate(
    tmp_path: Path, number: int, every: float, rate: float, minutes: int, least: int
) -> None:
    async def main() -> None:
        world = await parts(tmp_path)
        await asked(world, number)
        poll = PollSettings(instances_every=every, instances_per_minute=rate)
        task = asyncio.create_task(InstanceNet(world.target(poll=poll), Woken()).run())
        await asyncio.sleep(minutes * 60)
        task.cancel()
        reads = len(world.approvals.reads)
        most_by_period = number * (minutes * 60 / every + 1)
        assert least <= reads <= min(rate * minutes + 1, most_by_period)

    run_fast(main())


def test_a_lost_connection_brings_the_next_round_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        await asked(world, 2)
        net = InstanceNet(replace(world.target()), woken)
        task = asyncio.create_task(net.run())
        await asyncio.sleep(60)
        world.approvals.instances["C0"] = pending("C0", InstanceStatus.APPROVED)
        net.hurry()
        await asyncio.sleep(1)
        task.cancel()
        assert woken.take() == [stage(0)]

    run_fast(main())


def test_each_place_is_polled_in_its_own_time_and_for_its_own_questions_alone(tmp_path: Path) -> None:
    async def main() -> None:
        world, woken = await parts(tmp_path), Woken()
        for number, code in ((1, "C1"), (2, "node:oa:2"), (3, "node:hr:3")):
            await world.put(entry(stage(number), instance=code))
            world.approvals.instances[code] = pending(code)
        target = world.target(poll=PollSettings(nodes_every={"oa": 15.0, "hr": 60.0}))
        await InstanceNet(target, woken).round()
        assert world.approvals.reads == ["C1"]
        world.approvals.reads.clear()
        task = asyncio.create_task(InstanceNet(target, woken, node="oa").run())
        await asyncio.sleep(61)
        task.cancel()
        assert set(world.approvals.reads) == {"node:oa:2"}
        assert 4 <= len(world.approvals.reads) <= 6

    run_fast(main())
