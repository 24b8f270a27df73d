"""When a failed call is made again: one policy for both upstreams, decided by meaning and never by status."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from reconciler.errors import ThrottledError, UnavailableError

Result = TypeVar("Result")


class Repeat(Enum):
    """How a call bears being made twice.

    SAFE: reads and writes that set a state; repeated on anything passing · UNSENT: repeated only when the upstream
    cannot have acted (not connected, or refused by a rate limit) · NEVER: the caller reads again and decides itself.
    """

    SAFE = "safe"
    UNSENT = "unsent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries throttled and unavailable calls with jitter, honouring Retry-After, inside `total` seconds.

    `attempts` counts the first one too. A wait that would pass `total` is not begun: the error is raised at once.
    """

    attempts: int = 4
    first_wait: float = 0.5
    longest_wait: float = 8.0
    total: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, call: Callable[[], Awaitable[Result]], *, repeat: Repeat) -> Result:
        """Make the call, again where `repeat` allows it, and return its answer or raise its last error."""
        if repeat is Repeat.NEVER:
            return await call()
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _may_repeat(error, repeat)),
            wait=self._wait,
            stop=self._is_enough,
            sleep=self.sleep,
            reraise=True,
        )

        async def attempt() -> Result:  # only a coroutine function is awaited by tenacity; `call` may be any callable
            return await call()

        return await retrying(attempt)

    def _wait(self, state: RetryCallState) -> float:
        jittered = wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait)(state)
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            return error.retry_after + jittered / 4
        return jittered

    def _is_enough(self, state: RetryCallState) -> bool:
        spent = max(state.seconds_since_start or 0.0, state.idle_for)
        return state.attempt_number >= self.attempts or spent + state.upcoming_sleep > self.total


def _may_repeat(error: BaseException, repeat: Repeat) -> bool:
    if isinstance(error, ThrottledError):
        return True
    return isinstance(error, UnavailableError) and (repeat is Repeat.SAFE or not error.ambiguous)
