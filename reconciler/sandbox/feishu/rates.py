"""Counts calls per app and call in the platform's windows; windows are real time, whatever the sandbox scales."""

from __future__ import annotations

import math
from collections.abc import Callable

from reconciler.sandbox.feishu.answers import CallError
from reconciler.sandbox.feishu.catalogue import Call, Limit

RATE_LIMITED = 99991400


class RateLimits:
    """Fixed windows that begin with a call; a refused call counts too. `enforced` switches all of it."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._windows: dict[tuple[str, str, float], tuple[float, int]] = {}
        self.enforced = True

    def count(self, app_id: str, call: Call) -> None:
        """Count one call; raises `CallError` 99991400 with the limit's headers when it is one too many."""
        over = [(limit, left) for limit in call.limits if (left := self._overrun(app_id, call.name, limit)) is not None]
        if over and self.enforced:
            limit, left = max(over, key=lambda pair: pair[1])
            raise CallError(
                RATE_LIMITED,
                "request trigger frequency limit",
                status=429,
                headers={
                    "x-ogw-ratelimit-limit": str(limit.count),
                    "x-ogw-ratelimit-reset": str(max(1, math.ceil(left))),
                },
            )

    def allows(self, app_id: str, name: str, limit: Limit) -> bool:
        """Count one use of a finer limit (per chat, per message) and tell whether it is within it."""
        return self._overrun(app_id, name, limit) is None or not self.enforced

    def _overrun(self, app_id: str, name: str, limit: Limit) -> float | None:
        now = self._seconds()
        key = (app_id, name, limit.seconds)
        began, used = self._windows.get(key, (now, 0))
        if now - began >= limit.seconds:
            began, used = now, 0
        self._windows[key] = (began, used + 1)
        return limit.seconds - (now - began) if used >= limit.count else None
