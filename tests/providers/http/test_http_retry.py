"""The retry policy by meaning, and the budgets taken before each attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import httpx
import pytest

from reconciler.errors import ConflictError, ForbiddenError, ReconcilerError, ThrottledError, UnavailableError
from reconciler.providers.http import HttpClient, HttpRequest, HttpSettings
from reconciler.providers.http_budget import RateBudget
from reconciler.providers.http_retry import Repeat, RetryPolicy


class Script:
    """A call that raises its errors in turn and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class Waits(list[float]):
    """Remembers the waits instead of waiting."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


LOST = UnavailableError("lost", ambiguous=True)
UNREACHED = UnavailableError("not reached", ambiguous=False)
SLOW_DOWN = ThrottledError("slow down")


@pytest.mark.parametrize(
    ("error", "repeat", "is_repeated"),
    [
        (LOST, Repeat.SAFE, True),
        (LOST, Repeat.UNSENT, False),
        (LOST, Repeat.NEVER, False),
        (UNREACHED, Repeat.SAFE, True),
        (UNREACHED, Repeat.UNSENT, True),
        (UNREACHED, Repeat.NEVER, False),
        (SLOW_DOWN, Repeat.SAFE, True),
        (SLOW_DOWN, Repeat.UNSENT, True),
        (SLOW_DOWN, Repeat.NEVER, False),
        (ForbiddenError("no"), Repeat.SAFE, False),
        (ConflictError("moved"), Repeat.SAFE, False),
    ],
)
async def test_a_call_is_made_again_only_where_its_meaning_allows(
    error: ReconcilerError, repeat: Repeat, is_repeated: bool
) -> None:
    call, waits = Script(error), Waits()
    policy = RetryPolicy(sleep=waits)
    if is_repeated:
        assert await policy.run(call, repeat=repeat) == "done"
    else:
        with pytest.raises(type(error)):
            await policy.run(call, repeat=repeat)
    assert (call.calls, len(waits)) == (1 + is_repeated, int(is_repeated))


async def test_the_last_error_is_raised_after_the_last_attempt() -> None:
    call, waits = Script(*[UNREACHED] * 9), Waits()
    with pytest.raises(UnavailableError):
        await RetryPolicy(attempts=3, sleep=waits).run(call, repeat=Repeat.SAFE)
    assert call.calls == 3


async def test_waits_are_jittered_and_bounded() -> None:
    waits = Waits()
    for _ in range(50):
        await RetryPolicy(first_wait=1.0, longest_wait=2.0, sleep=waits).run(Script(LOST), repeat=Repeat.SAFE)
    assert len(set(waits)) > 25
    assert max(waits) <= 2.0


async def test_retry_after_is_waited_for_in_full() -> None:
    waits = Waits()
    error = ThrottledError("slow down", retry_after=7.0)
    await RetryPolicy(sleep=waits).run(Script(error), repeat=Repeat.SAFE)
    assert 7.0 <= waits[0] < 8.0


async def test_a_wait_beyond_the_total_is_not_begun() -> None:
    call, waits = Script(ThrottledError("slow down", retry_after=60.0)), Waits()
    with pytest.raises(ThrottledError):
        await RetryPolicy(total=30.0, sleep=waits).run(call, repeat=Repeat.SAFE)
    assert (call.calls, waits) == (1, [])


async def test_the_total_counts_the_waits_together() -> None:
    call, waits = Script(*[ThrottledError("slow down", retry_after=8.0)] * 9), Waits()
    with pytest.raises(ThrottledError):
        await RetryPolicy(attempts=9, total=30.0, sleep=waits).run(call, repeat=Repeat.SAFE)
    assert len(waits) == 3


async def test_a_rate_is_spread_out_instead_of_let_through_at_once() -> None:
    budget = RateBudget({"create": 60.0})
    await budget.take("create")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await budget.take("create")
    async with asyncio.timeout(1):
        for _ in range(1000):
            await budget.take("unlimited")


@pytest.mark.parametrize(("per_minute", "share"), [(100, 1 / 60), (600, 0.5), (1000, 1 / 60), (12, 0.1)])
async def test_no_minute_holds_more_calls_than_its_figure(
    per_minute: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played on a clock of its own: callers take whenever they may, and the fullest minute is counted."""
    loop, now, times = asyncio.get_running_loop(), 0.0, []
    monkeypatch.setattr(loop, "time", lambda: now)
    budget = RateBudget({"create": per_minute}, burst_share=share)
    await budget.take("create")
    times.append(now)
    limiter = budget._limiters["create"]
    while now < 150:
        if limiter.has_capacity():
            await budget.take("create")
            times.append(now)
        else:
            now += 0.01
    fullest = max(sum(start <= time < start + 60 for time in times) for start in times)
    assert 0.9 * per_minute <= fullest <= per_minute


async def test_the_budget_is_taken_before_each_attempt_under_the_named_key() -> None:
    taken: list[str] = []

    class Book:
        async def take(self, key: str) -> None:
            taken.append(key)

    settings = HttpSettings(transport=httpx.MockTransport(lambda request: httpx.Response(200)), budget=Book())
    async with HttpClient("http://127.0.0.1:1", upstream="feishu", settings=settings) as client:
        await client.send(HttpRequest("GET", "/x"))
        await client.send(HttpRequest("GET", "/x", budget="feishu.create"))
    assert taken == ["feishu", "feishu.create"]


async def test_a_plain_function_that_returns_an_awaitable_is_awaited_and_repeated() -> None:
    script = Script(LOST)
    policy = RetryPolicy(sleep=Waits())

    def call() -> Awaitable[str]:
        return script()

    assert await policy.run(call, repeat=Repeat.SAFE) == "done"
    assert script.calls == 2
