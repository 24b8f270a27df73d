"""Events: asked for at the start, told to every target, and followed by a look at what came before."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.daemon_parts import Parts, Result, entry, parts, pending, stage
from fakes.fast_time import run_fast

from reconciler.daemon.host import Host, HostSettings
from reconciler.errors import ForbiddenError, ReconcilerError
from reconciler.ports.sync import Sighting
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import FieldText, InstanceRequest


@dataclass
class Hint:
    """An event about an instance."""

    instance_code: str
    uuid: str = ""
    is_pending: bool = False


async def started(host: Host, stop: asyncio.Event) -> asyncio.Task[None]:
    ready = asyncio.Event()
    task = asyncio.create_task(host.run(stop, on_ready=ready.set))
    await ready.wait()
    return task


class Subscriptions:
    """Answers each attempt as a test says; True when nothing is left to say."""

    def __init__(self, *answers: bool | ReconcilerError) -> None:
        self.answers = list(answers)
        self.asked_at: list[float] = []

    async def __call__(self) -> bool:
        self.asked_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, ReconcilerError):
            raise answer
        return answer


def test_events_are_asked_for_once_and_a_new_subscription_is_followed_by_a_look(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        await world.put(entry(stage(1), instance="C1"))
        world.approvals.instances["C1"] = pending("C1")
        for is_new, reads in ((False, 1), (True, 2)):
            world.approvals.reads.clear()
            stop.clear()
            subscribe = Subscriptions(is_new)
            task = await started(Host([world.target(subscribe=subscribe)], settings=HostSettings()), stop)
            await asyncio.sleep(60)
            assert len(subscribe.asked_at) == 1
            assert len(world.approvals.reads) == reads
            stop.set()
            await task

    run_fast(main())


def test_a_refused_subscription_is_shown_and_asked_for_again_ever_more_seldom(tmp_path: Path) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        refusal = ForbiddenError("the app may not subscribe")
        subscribe = Subscriptions(*[refusal] * 8)
        host = Host([world.target(subscribe=subscribe)], settings=HostSettings())
        task = await started(host, stop)
        await asyncio.sleep(60)
        assert host.reasons() == ("acme: the app may not subscribe",)
        await asyncio.sleep(900)
        assert host.reasons() == ()
        gaps = [later - earlier for earlier, later in zip(subscribe.asked_at, subscribe.asked_at[1:], strict=False)]
        assert gaps == sorted(gaps)
        assert gaps[0] == pytest.approx(5)
        assert gaps[-1] == pytest.approx(300)
        stop.set()
        await task

    run_fast(main())


def test_an_event_that_reached_another_targets_connection_wakes_the_target_it_is_about(tmp_path: Path) -> None:
    async def main() -> None:
        ours = await parts(tmp_path, "acme")
        other, stop = Parts(ours.store, "other"), asyncio.Event()
        await ours.put(entry(stage(1), instance="C1"))
        ours.approvals.instances["C1"] = pending("C1")
        host = Host([ours.target(), other.target()], settings=HostSettings())
        task = await started(host, stop)
        await asyncio.sleep(60)
        ours.passes.done.clear()
        host.runners["other"].hint(Hint("C1"))
        await asyncio.sleep(1)
        assert (ours.passes.done, other.passes.done) == ([stage(1)], [])
        stop.set()
        await task

    run_fast(main())


@pytest.mark.parametrize(
    ("state", "code", "is_looked_at"),
    [
        (EntryState.ASKED, "C1", False),
        (EntryState.ASKED, "C2", True),
        (EntryState.INTENDED, "C1", True),
        (EntryState.WITHDRAWING, "C1", True),
        (EntryState.CLOSED, "C1", True),
    ],
)
def test_an_event_that_something_waits_is_no_news_only_where_it_is_recorded_as_asked(
    tmp_path: Path, state: EntryState, code: str, is_looked_at: bool
) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        request = InstanceRequest("U1", "D", "n", "ou_1", (), FieldText("title", (("en-US", "t"),)), ())
        await world.put(entry(stage(1), state, instance="C1", request=request))
        world.approvals.instances["C1"] = pending("C1")
        host = Host([world.target()], settings=HostSettings())
        task = await started(host, stop)
        await asyncio.sleep(60)
        world.passes.done.clear()
        host.runners["acme"].hint(Hint(code, uuid="U1", is_pending=True))
        host.runners["acme"].hint(Hint(code, uuid="U1", is_pending=True))
        await asyncio.sleep(10)
        assert bool(world.passes.done) is is_looked_at
        world.passes.done.clear()
        host.runners["acme"].hint(Hint("C1"))
        await asyncio.sleep(0.1)
        assert world.passes.done == [stage(1)]
        stop.set()
        await task

    run_fast(main())


def test_the_same_decision_twice_is_logged_once_and_a_failure_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        world.subjects.sightings = [Sighting("projects/demo/plans/1", stage(1), "1")]
        world.passes.result = Result(again_after=1.0, row=1, why="Bytebase is away")
        task = await started(Host([world.target()], settings=HostSettings()), stop)
        await asyncio.sleep(10)
        world.passes.result = Result(again_after=1.0, row=15)
        await asyncio.sleep(10)
        assert len(world.passes.done) > 10
        stop.set()
        await task

    caplog.set_level(logging.INFO)
    run_fast(main())
    said = [record.message for record in caplog.records if stage(1) in record.message]
    assert said == [f"{stage(1)}: wait (row 1): Bytebase is away", f"{stage(1)}: wait (row 15)"]


@pytest.mark.parametrize("is_pending", [True, False])
def test_an_event_that_is_followed_up_when_the_daemon_stops_leaves_nothing_running(
    tmp_path: Path, is_pending: bool
) -> None:
    """The store is closed next: whatever still asked it would end in an error that nobody hears."""

    async def main() -> None:
        world, stop = await parts(tmp_path), asyncio.Event()
        await world.put(entry(stage(1), instance="C1"))
        world.approvals.instances["C1"] = pending("C1")
        host = Host([world.target()], settings=HostSettings())
        task = await started(host, stop)
        await asyncio.sleep(60)
        host.runners["acme"].hint(Hint("C1", is_pending=is_pending))
        stop.set()
        await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        host.runners["acme"].hint(Hint("C1", is_pending=is_pending))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_fast(main())
