"""How fast an upstream may be called: budgets by key, taken before each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiolimiter import AsyncLimiter


class Budget(Protocol):
    """Limits calls; `key` names what is limited together (an upstream, an endpoint). Implementations may share it between processes."""

    async def take(self, key: str) -> None:
        """Wait until one more call under `key` is within the limit."""
        ...


class Unlimited:
    """A budget that never waits."""

    async def take(self, key: str) -> None:
        """Return at once."""


class RateBudget:
    """A budget of this process: calls per minute by key; keys without a figure use `default` (None: unlimited).

    No minute ever holds more calls than its figure: what may go through at once (`burst_share` of it, by default a
    second's worth) is taken off the rate at which the rest follows. Bound to one event loop.
    """

    def __init__(
        self, calls_per_minute: Mapping[str, float], *, default: float | None = None, burst_share: float = 1 / 60
    ) -> None:
        self._rates = dict(calls_per_minute)
        self._default = default
        self._burst_share = burst_share
        self._limiters: dict[str, AsyncLimiter] = {}

    async def take(self, key: str) -> None:
        """Wait until one more call under `key` is within its rate."""
        rate = self._rates.get(key, self._default)
        if rate is None:
            return
        limiter = self._limiters.get(key)
        if limiter is None:
            limiter = self._limiters[key] = _limiter(rate, self._burst_share)
        await limiter.acquire()


def _limiter(per_minute: float, burst_share: float) -> AsyncLimiter:
    # A full bucket goes through at once while it is refilled: bucket and refill of one minute must not exceed the figure.
    burst = max(1.0, per_minute * burst_share)
    refill = max(per_minute - burst, per_minute / 2)
    return AsyncLimiter(burst, 60 * burst / refill)
