"""Budgets by windows: a quiet time is no reason to wait, and no window ever holds more than its figure."""

from __future__ import annotations

import asyncio

import pytest
from fakes.fast_time import run_fast

from reconciler.providers.http_window import UNDER_WAY, Window, WindowBudget


async def let_through(budget: WindowBudget, calls: int, key: str = "create") -> list[float]:
    """When each of so many callers, all there at once, was let through, in the order in which they came."""
    loop = asyncio.get_running_loop()
    times = [0.0] * calls

    async def call(number: int) -> None:
        await budget.take(key)
        times[number] = loop.time()

    await asyncio.gather(*(call(number) for number in range(calls)))
    return times


def fullest(times: list[float], seconds: float) -> int:
    return max(sum(start <= time < start + seconds for time in times) for start in times)


def test_what_fits_into_the_window_goes_out_at_once_and_the_rest_when_it_has_passed() -> None:
    times = run_fast(let_through(WindowBudget({"create": [Window(97, 60)]}), 100))
    assert times[:97] == [0.0] * 97
    assert times[97:] == [60 + UNDER_WAY] * 3


@pytest.mark.parametrize("windows", [[Window(97, 60)], [Window(970, 60), Window(48, 1)], [Window(1, 60)]])
def test_no_window_is_ever_too_full_and_the_figure_can_be_kept_up(windows: list[Window]) -> None:
    calls = 3 * windows[0].calls
    times = run_fast(let_through(WindowBudget({"create": windows}), calls))
    for window in windows:
        assert fullest(times, window.seconds) <= window.calls
    assert times == sorted(times)
    assert times[-1] <= 3 * (windows[0].seconds + UNDER_WAY)


def test_room_that_was_used_an_hour_ago_is_free_again() -> None:
    async def play() -> list[float]:
        budget = WindowBudget({"create": [Window(3, 60)]})
        await let_through(budget, 3)
        await asyncio.sleep(3600)
        return await let_through(budget, 3)

    assert run_fast(play()) == [3600.0] * 3


def test_keys_do_not_wait_for_each_other_and_unknown_ones_not_at_all() -> None:
    async def play() -> list[float]:
        budget = WindowBudget({"create": [Window(1, 60)], "cancel": [Window(1, 60)], "free": []})
        first = await let_through(budget, 1)
        return [*first, *await let_through(budget, 1, "cancel"), *await let_through(budget, 500, "free")]

    assert set(run_fast(play())) == {0.0}


def test_a_caller_that_gives_up_takes_nothing() -> None:
    async def play() -> float:
        budget = WindowBudget({"create": [Window(1, 60)]})
        await budget.take("create")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await budget.take("create")
        await budget.take("create")
        return asyncio.get_running_loop().time()

    assert run_fast(play()) == pytest.approx(60 + UNDER_WAY)
