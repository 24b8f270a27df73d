"""The queue runs passes on a clock that jumps: what is promised about order, number and ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from fakes.daemon_parts import Result
from fakes.fast_time import run_fast

from reconciler.daemon.queue import Key, WorkQueue
from reconciler.errors import UnavailableError

A, B = Key("acme", "a"), Key("acme", "b")


async def running(queue: WorkQueue) -> asyncio.Task[None]:
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0)
    return task


def test_no_key_is_ever_in_two_passes_and_no_more_than_the_workers_run() -> None:
    inside: Counter[Key] = Counter()
    most = 0
    passes = 0

    async def work(key: Key) -> Result:
        nonlocal most, passes
        inside[key] += 1
        assert inside[key] == 1
        most = max(most, inside.total())
        await asyncio.sleep(1)
        inside[key] -= 1
        passes += 1
        return Result()

    async def main() -> None:
        queue = WorkQueue(work, workers=3)
        task = await running(queue)
        for _ in range(4):
            queue.wake([Key("acme", str(n)) for n in range(10)])
            await asyncio.sleep(0.3)
        await queue.settled()
        queue.stop()
        await task

    run_fast(main())
    assert most == 3
    assert passes >= 10


@pytest.mark.parametrize("wakes", [1, 2, 7])
def test_wake_ups_during_a_pass_give_exactly_one_more(wakes: int) -> None:
    done: list[float] = []

    async def work(key: Key) -> Result:
        del key
        await asyncio.sleep(10)
        done.append(asyncio.get_running_loop().time())
        return Result()

    async def main() -> None:
        queue = WorkQueue(work, workers=2)
        task = await running(queue)
        queue.wake([A])
        await asyncio.sleep(1)
        for _ in range(wakes):
            queue.wake([A])
        await asyncio.sleep(100)
        queue.stop()
        await task

    run_fast(main())
    assert len(done) == 2


def test_a_later_look_comes_by_itself_and_a_wake_up_comes_before_it() -> None:
    times: list[float] = []

    async def work(key: Key) -> Result:
        del key
        times.append(asyncio.get_running_loop().time())
        return Result(again_after=60.0 if len(times) < 3 else None)

    async def main() -> None:
        queue = WorkQueue(work, workers=1)
        task = await running(queue)
        queue.wake([A])
        await asyncio.sleep(100)
        queue.wake([A])
        await asyncio.sleep(500)
        queue.stop()
        await task

    run_fast(main())
    assert [round(each) for each in times] == [0, 60, 100]


def test_a_pass_wakes_others_of_its_target() -> None:
    order: list[Key] = []

    async def work(key: Key) -> Result:
        order.append(key)
        return Result(wake=("b",) if key == A else ())

    async def main() -> None:
        queue = WorkQueue(work, workers=1)
        task = await running(queue)
        queue.wake([A])
        await queue.settled()
        queue.stop()
        await task

    run_fast(main())
    assert order == [A, B]


def test_a_key_whose_pass_breaks_is_tried_again_ever_later_and_holds_up_nobody() -> None:
    times: list[float] = []
    others = 0

    async def work(key: Key) -> Result:
        nonlocal others
        if key == B:
            others += 1
            return Result()
        times.append(asyncio.get_running_loop().time())
        raise UnavailableError("the ledger is away") if len(times) % 2 else RuntimeError("a bug")

    async def main() -> None:
        queue = WorkQueue(work, workers=1)
        task = await running(queue)
        queue.wake([A, B])
        await asyncio.sleep(1_000)
        queue.stop()
        await task

    run_fast(main())
    pauses = [round(after - before) for before, after in pairwise(times)]
    assert pauses[:5] == [2, 4, 8, 16, 32]
    assert max(pauses) <= 300
    assert others == 1


def test_stopping_begins_no_pass_and_lets_the_running_ones_end() -> None:
    done: list[Key] = []

    async def work(key: Key) -> Result:
        await asyncio.sleep(5)
        done.append(key)
        return Result(wake=("b",))

    async def main() -> int:
        queue = WorkQueue(work, workers=1)
        task = await running(queue)
        queue.wake([A, B])
        await asyncio.sleep(1)
        queue.stop()
        late = await queue.finish(within=10)
        await task
        return late

    assert run_fast(main()) == 0
    assert done == [A]


def test_a_pass_that_does_not_end_in_time_is_cut_short() -> None:
    async def work(key: Key) -> Result:
        del key
        await asyncio.sleep(10_000)
        raise AssertionError("it was to be cut short")

    async def main() -> tuple[int, float]:
        queue = WorkQueue(work, workers=2)
        task = await running(queue)
        queue.wake([A, B])
        await asyncio.sleep(1)
        queue.stop()
        late = await queue.finish(within=20)
        await task
        return late, asyncio.get_running_loop().time()

    late, ended = run_fast(main())
    assert late == 2
    assert ended < 100
