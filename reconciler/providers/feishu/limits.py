"""Feishu's published rate limits (facts §1.6): each is counted per call, app and tenant."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.providers.http_window import Window


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` calls in any `seconds`."""

    count: int
    seconds: float


Rates = tuple[Rate, ...]
"""All of these hold at once; empty = nothing is published."""

PER_MINUTE_20: Rates = (Rate(20, 60),)
PER_MINUTE_100: Rates = (Rate(100, 60),)
PER_MINUTE_1000: Rates = (Rate(1000, 60), Rate(50, 1))
PER_SECOND_50: Rates = (Rate(50, 1),)
SPECIAL: Rates = (Rate(1, 60),)
"""Feishu says only "special" here; one call a minute has to do."""

UNSTATED: Rates = (Rate(100, 60),)
"""Nothing is published; treated like the strict default."""


def windows(rates: Rates, *, share: float = 1.0) -> tuple[Window, ...]:
    """The windows to keep to under all `rates`: `share` of each figure, but at least one call."""
    return tuple(Window(max(int(rate.count * share), 1), rate.seconds) for rate in rates)
