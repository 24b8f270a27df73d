"""Counts calls per app and call in the platform's windows; windows are real time, whatever the sandbox scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from reconciler.sandbox.feishu.answers import CallError
from reconciler.sandbox.feishu.catalogue import Call, Limit

RATE_LIMITED = 99991400


class RateLimits:
    """Fixed windows that begin with a call; a refused call does not count. `enforced` switches all of it."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._windows: dict[tuple[str, str, float], tuple[float, int]] = {}
        self.enforced = True

    def count(self, app_id: str, call: Call) -> None:
        """Count one call; raises `CallError` 99991400 with the limit's headers when it is one too many."""
        over = self._exceeded(app_id, call.name, call.limits)
        if over is not None:
            limit, left = over
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
        return self._exceeded(app_id, name, (limit,)) is None

    def _exceeded(self, app_id: str, name: str, limits: Sequence[Limit]) -> tuple[Limit, float] | None:
        """The exceeded limit that lasts longest and the seconds it lasts, or None, and then the call is counted."""
        if not self.enforced:
            return None
        now = self._seconds()
        windows = {limit: self._window(app_id, name, limit, now) for limit in limits}
        over = [
            (limit, limit.seconds - (now - began)) for limit, (began, used) in windows.items() if used >= limit.count
        ]
        if over:
            return max(over, key=lambda pair: pair[1])
        for limit, (began, used) in windows.items():
            self._windows[app_id, name, limit.seconds] = (began, used + 1)
        return None

    def _window(self, app_id: str, name: str, limit: Limit, now: float) -> tuple[float, int]:
        began, used = self._windows.get((app_id, name, limit.seconds), (now, 0))
        return (began, used) if now - began < limit.seconds else (now, 0)
