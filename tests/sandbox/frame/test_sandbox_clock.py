"""The sandbox's clock: an offset on a source, and delays that a scale shortens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from reconciler.sandbox.clock import SandboxClock


def test_now_is_the_source_plus_the_offset():
    clock = SandboxClock(source=lambda: 1_000_000.0)
    clock.offset = 3600
    assert clock.now() == datetime(1970, 1, 12, 14, 46, 40, tzinfo=UTC)
    assert clock.millis() == 1_003_600_000


async def test_sleep_is_divided_by_the_scale(monkeypatch):
    slept = []

    async def note(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    await SandboxClock(time_scale=20).sleep(10)
    await SandboxClock().sleep(-1)
    assert slept == [0.5, 0]


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_scale_must_be_above_zero(scale):
    with pytest.raises(ValueError):
        SandboxClock(time_scale=scale)
