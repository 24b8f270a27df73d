"""What the default budget of calls to Bytebase gives: how many stages that come at once are asked about in a minute."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark.figures import Figure, calls_of, created_in_first_minute, creates, refused_for_rate
from benchmark.lab import POLL_SECONDS, SYNC, RequestLog, apply, demo_world, poll_as_by_default, sandbox, syncing, until
from processes.world import People, Place

CALLS_PER_MINUTE = 600
"""The default of `bytebase.poll.callsPerMinute`."""


def measure(*, is_full: bool) -> Iterator[Figure]:
    """A burst that the budget cannot take at once, from the first request to the last comment about one."""
    stages = 200 if is_full else 80
    with tempfile.TemporaryDirectory() as name, sandbox(demo_world()) as urls:
        place = Place(Path(name), urls)
        poll_as_by_default(place, calls_per_minute=CALLS_PER_MINUTE)
        apply(place)
        people, log = People(urls["bytebase"], urls["feishu"]), RequestLog(urls["page"])
        with syncing(place):
            time.sleep(2 * POLL_SECONDS)
            log.mark()
            for number in range(stages):
                people.change(number)
            until(lambda: _asked(log) >= stages, patience=10 * stages, every=2.0, what="every stage is asked about")
            time.sleep(2 * POLL_SECONDS)
            calls = log.read()
    ours = calls_of(calls, "bytebase", SYNC)
    note = f"{stages} stages, {CALLS_PER_MINUTE} calls a minute"
    per_stage = len(ours) / stages
    yield Figure("default budget: creates in a minute", created_in_first_minute(calls), "/min", note=note)
    yield Figure(
        "default budget: Bytebase calls a stage", per_stage, "calls", note=f"{note}; with polling and comments"
    )
    yield Figure("default budget: calls refused", refused_for_rate(calls), "calls", limit=0)


def _asked(log: RequestLog) -> int:
    return sum(call["status"] == 200 for call in creates(log.read()))
