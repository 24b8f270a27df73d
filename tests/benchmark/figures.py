"""Figures and how they are worked out from what was logged; nothing here measures anything itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CREATE = "/open-apis/approval/v4/instances"
LISTS = ("/plans", "/rollouts")

LoggedCall = dict[str, Any]
"""An entry of the sandbox's request log."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `ratio` is to `against`, measured in the same run; `limit` is what it should not be beyond."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, object]:
        """The figure for other programs."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "ratio": None if self.ratio is None else round(self.ratio, 2),
            "against": self.against,
            "limit": self.limit,
            "atLeast": self.at_least,
            "met": self.is_met,
            "note": self.note,
        }


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    if not values:
        raise ValueError("no values were measured")
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def arrival(call: LoggedCall) -> float:
    """When a call arrived, in seconds since the epoch."""
    return datetime.fromisoformat(str(call["time"])).timestamp()


def click_to_run(log: Sequence[LoggedCall], plan: str) -> float | None:
    """Milliseconds from the last click in the log before the plan's run to that run, both as they arrived."""
    clicked: float | None = None
    for call in log:
        if call["path"].endswith("/approval/v4/tasks/approve"):
            clicked = arrival(call)
        elif call["path"].endswith("/tasks:batchRun") and f"/{plan}/" in call["path"]:
            return None if clicked is None else (arrival(call) - clicked) * 1000
    return None


def creates(log: Sequence[LoggedCall]) -> list[LoggedCall]:
    """The calls that create a request in Feishu."""
    return [call for call in log if call["method"] == "POST" and call["path"] == CREATE]


def creates_per_minute(log: Sequence[LoggedCall]) -> float:
    """The rate between the first and the last creation that was answered with 200."""
    times = [arrival(call) for call in creates(log) if call["status"] == 200]
    if len(times) < 2 or times[-1] <= times[0]:
        raise ValueError("a rate needs two creations at different times")
    return (len(times) - 1) * 60 / (times[-1] - times[0])


def created_in_first_minute(log: Sequence[LoggedCall]) -> int:
    """How many creations were answered with 200 within a minute from the first."""
    times = [arrival(call) for call in creates(log) if call["status"] == 200]
    return sum(time < times[0] + 60 for time in times)


def refused_for_rate(log: Sequence[LoggedCall]) -> int:
    """How many calls were answered with 429."""
    return sum(call["status"] == 429 for call in log)


def calls_of(log: Sequence[LoggedCall], target: str, caller: str) -> list[LoggedCall]:
    """The calls of one account to one upstream."""
    return [call for call in log if call["target"] == target and call["caller"] == caller]


def pages(log: Sequence[LoggedCall]) -> int:
    """How many of the calls read a page of a list of changes."""
    return sum(call["method"] == "GET" and call["path"].endswith(LISTS) for call in log)
