"""The log of what reached the stand-ins, in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Target = Literal["bytebase", "feishu"]
"""Which stand-in a request or a fault is for."""

_KEPT = 100_000


@dataclass(slots=True)
class LoggedRequest:
    """One request: `n` counts from one over both stand-ins, `time` is its arrival.

    `status` is what the stand-in or a fault answered, also where that answer was then lost on purpose; None while the
    request is open and for one that never reached its stand-in. `caller` is an e-mail or an app id where known.
    """

    n: int
    time: datetime
    target: Target
    method: str
    path: str
    query: str
    caller: str | None
    status: int | None = None

    def as_json(self) -> dict[str, object]:
        """The entry as `GET /sandbox/requests` shows it."""
        return {
            "n": self.n,
            "time": self.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "target": self.target,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "caller": self.caller,
        }


class RequestLog:
    """The last 100,000 requests; real time, which no fault moves."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._count = 0
        self._kept: deque[LoggedRequest] = deque(maxlen=_KEPT)

    def arrive(self, *, target: Target, method: str, path: str, query: str, caller: str | None) -> LoggedRequest:
        """Note a request that has just arrived; its status is set on the returned entry later."""
        self._count += 1
        entry = LoggedRequest(self._count, self._now(), target, method, path, query, caller)
        self._kept.append(entry)
        return entry

    def since(self, n: int) -> list[LoggedRequest]:
        """The entries after number `n`, in order."""
        return [entry for entry in self._kept if entry.n > n]
