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

    Calls are spread out instead of being let through in one burst at the start of each minute. Bound to one event loop.
    """

    def __init__(self, calls_per_minute: Mapping[str, float], *, default: float | None = None) -> None:
        self._rates = dict(calls_per_minute)
        self._default = default
        self._limiters: dict[str, AsyncLimiter] = {}

    async def take(self, key: str) -> None:
        """Wait until one more call under `key` is within its rate."""
        rate = self._rates.get(key, self._default)
        if rate is None:
            return
        limiter = self._limiters.get(key)
        if limiter is None:
            # The limiter lets its whole burst through at once and refills meanwhile: keep it to a second's worth.
            burst = max(1.0, rate / 60)
            limiter = self._limiters[key] = AsyncLimiter(burst, burst * 60 / rate)
        await limiter.acquire()
