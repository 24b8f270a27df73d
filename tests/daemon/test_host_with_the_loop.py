"""The daemon over the real gate loop and a real store, with both upstreams simulated and a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fakes.fast_time import run_fast
from fakes.loop import GATE
from fakes.simulated_world import DAVE, START, SimApprovals, SimInstance, SimPlan, SimSubjects, World

from reconciler.adapters.store import SqlAgenda, SqlLedger, Store, open_store
from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.parts import PollSettings, SyncTarget
from reconciler.operations.sync.bell import Bell
from reconciler.operations.sync.drain import Drainer
from reconciler.operations.sync.outbox import Outbox
from reconciler.operations.sync.reconcile import Reconciler
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.subjects.change import TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import InstanceStatus


class LoopClock:
    """The world's time is the loop's."""

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def skew(self) -> float:
        return 0.0


@dataclass
class Hint:
    """An event about an instance."""

    instance_code: str
    uuid: str = ""
    is_pending: bool = False


class Daemon:
    """A running daemon and the world around it."""

    def __init__(self, store: Store, *, draining: bool = False) -> None:
        self.world = World()
        self.store = store
        self.ledger = SqlLedger(store, "acme")
        self.stop = asyncio.Event()
        self.host = Host([self.target(draining=draining)], settings=HostSettings())

    def target(self, *, draining: bool = False) -> SyncTarget:
        clock = LoopClock()
        ports = SyncPorts(SimSubjects(self.world), SimApprovals(self.world), self.ledger, clock)
        settings = SyncSettings("acme", "acme-test", (GATE,), "spec", is_draining=draining)
        reconciler = Reconciler(ports, settings)
        return SyncTarget(
            name="acme",
            spec_digest="spec",
            passes=reconciler,
            outbox=Outbox(ports),
            commands=Bell(ports, reconciler.observer),
            subjects=ports.subjects,
            approvals=ports.approvals,
            ledger=self.ledger,
            agenda=SqlAgenda(self.store, "acme"),
            clock=clock,
            bytebase_url="https://bytebase.example",
            definitions=("stage-gate",),
            poll=PollSettings(),
            drain=Drainer(ports, settings).drain,
        )

    async def time_flows(self) -> None:
        while True:
            self.world.now = LoopClock().now()
            await asyncio.sleep(0.2)

    async def running(self, story: Callable[[], Awaitable[None]]) -> None:
        clock = asyncio.create_task(self.time_flows())
        ready = asyncio.Event()
        task = asyncio.create_task(self.host.run(self.stop, on_ready=ready.set))
        await ready.wait()
        await story()
        self.stop.set()
        await task
        clock.cancel()

    def asked(self) -> SimInstance:
        (instance,) = self.world.pending()
        return instance


def stage(plan: SimPlan, environment: str) -> str:
    return f"{plan.name}/rollout/stages/{environment}"


def play(tmp_path: Path, story: Callable[[Daemon], Awaitable[None]]) -> None:
    async def main() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/store.db", inline=True)
        daemon = Daemon(store)
        await daemon.running(lambda: story(daemon))
        await store.aclose()

    run_fast(main())


def test_a_change_is_asked_about_within_a_poll_and_runs_as_soon_as_its_approval_is_told_of(tmp_path: Path) -> None:
    async def story(daemon: Daemon) -> None:
        world = daemon.world
        plan = world.new_change()
        await asyncio.sleep(6)
        first = daemon.asked()
        assert world.decide(first, DAVE, approve=True)
        daemon.host.runners["acme"].hint(Hint(first.code))
        await asyncio.sleep(1)
        assert [len(record.tasks) for record in world.runs] == [len(plan.stages["test"])]
        for task in plan.stages["test"]:
            world.finish(task, TaskStatus.DONE)
        await asyncio.sleep(6)
        entry = await daemon.ledger.entry(stage(plan, "prod"))
        assert entry is not None
        assert entry.state is EntryState.ASKED

    play(tmp_path, story)


def test_an_approval_nobody_tells_of_is_found_by_the_net(tmp_path: Path) -> None:
    async def story(daemon: Daemon) -> None:
        daemon.world.new_change()
        await asyncio.sleep(6)
        assert daemon.world.decide(daemon.asked(), DAVE, approve=True)
        await asyncio.sleep(1_000)
        assert len(daemon.world.runs) == 1

    play(tmp_path, story)


def test_a_command_on_the_issue_is_heard_and_answered(tmp_path: Path) -> None:
    async def story(daemon: Daemon) -> None:
        world = daemon.world
        plan = world.new_change()
        await asyncio.sleep(6)
        assert world.decide(daemon.asked(), DAVE, approve=False, comment="not today")
        daemon.host.runners["acme"].events_may_be_lost()
        await asyncio.sleep(90)
        assert world.pending() == []
        assert plan.issue is not None
        world.say(plan.issue, plan.creator, "/feishu")
        await asyncio.sleep(30)
        assert len(world.pending()) == 1

    play(tmp_path, story)


def test_a_restart_asks_nothing_twice_and_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/store.db", inline=True)
        before, after = Daemon(store), Daemon(store)
        after.world = before.world
        after.host = Host([after.target()], settings=HostSettings())

        async def first() -> None:
            before.world.new_change()
            await asyncio.sleep(6)

        async def second() -> None:
            assert before.world.decide(before.asked(), DAVE, approve=True)
            await asyncio.sleep(6)

        await before.running(first)
        await after.running(second)
        assert len(before.world.instances) == 1
        assert len(before.world.runs) == 1

    run_fast(main())


def test_draining_withdraws_everything_and_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/store.db", inline=True)
        daemon = Daemon(store)

        async def story() -> None:
            for _ in range(3):
                daemon.world.new_change()
            await asyncio.sleep(6)
            assert len(daemon.world.pending()) == 3

        await daemon.running(story)
        draining = Host([daemon.target(draining=True)], settings=HostSettings())
        assert await draining.drain(asyncio.Event()) == 0
        instances = list(daemon.world.instances.values())
        assert {instance.status for instance in instances} == {InstanceStatus.CANCELED}
        for instance in instances:
            assert any("drained" in text for _, text in daemon.world.instance_comments[instance.code])

    run_fast(main())
