"""The gate at work: from a waiting stage to its request, from a click to the run, what it costs when nothing happens, a burst."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.figures import (
    Figure,
    arrival,
    calls_of,
    click_to_run,
    created_in_first_minute,
    creates,
    creates_per_minute,
    pages,
    quantile,
    refused_for_rate,
)
from benchmark.lab import POLL_SECONDS, SYNC, RequestLog, apply, demo_world, poll_as_by_default, sandbox, syncing, until
from processes.world import People, Place, digest_of

APP = "cli_sandbox"
SPACING = 0.8
"""Seconds between two changes: more at once than a hundred a minute would wait for Feishu's limit and not for us."""

CLICK_PAUSE = 4.0
"""Seconds between two clicks: one that comes while the one before is still being told to everybody waits for those calls."""


def measure(*, is_full: bool) -> Iterator[Figure]:
    """All figures of one sandbox and one `sync`, in the order in which they do not disturb each other."""
    changes = 110 if is_full else 12
    with tempfile.TemporaryDirectory() as name, sandbox(demo_world()) as urls:
        place = Place(Path(name), urls)
        poll_as_by_default(place)
        apply(place)
        people = People(urls["bytebase"], urls["feishu"])
        log = RequestLog(urls["page"])
        with syncing(place):
            waiting = _Asked(people, place.definition)
            yield _waits(waiting, changes)
            yield from _clicks(waiting, log, people)
            until(
                lambda: len(people.pending(place.definition)) >= changes,
                patience=changes + 60,
                every=1.0,
                what="the next stages are asked about",
            )
            yield from _steady(log, pending=changes, seconds=60 if is_full else 10)
            yield from _burst(log, people, 1000 if is_full else 120, first=changes + 1)


class _Asked:
    """The requests of changes that were made here, by plan."""

    def __init__(self, people: People, definition: str) -> None:
        self._people = people
        self._definition = definition
        self.requests: dict[str, dict[str, Any]] = {}

    def look(self, plans: Mapping[str, float]) -> dict[str, dict[str, Any]] | None:
        """Every request, once each plan has one."""
        for code in self._people.pending(self._definition):
            if not any(each["instance_code"] == code for each in self.requests.values()):
                instance = {**self._people.instance(code), "instance_code": code}
                subject = digest_of(instance).split(" ", 1)[1].split("/", 1)[1]
                self.requests[subject.split("/rollout/", 1)[0]] = instance
        return self.requests if self.requests.keys() >= plans.keys() else None


def _waits(waiting: _Asked, changes: int) -> Figure:
    made: dict[str, float] = {}
    for number in range(changes):
        made[waiting._people.change(number)] = time.time()
        time.sleep(SPACING)
    found = until(lambda: waiting.look(made), patience=changes + 60, every=1.0, what="every stage is asked about")
    seconds = [int(found[plan]["start_time"]) / 1000 - at for plan, at in made.items()]
    p95 = quantile(seconds, 0.95)
    note = f"p50 {quantile(seconds, 0.5):.2f} s, {changes} stages"
    return Figure(
        "stage waits → request, p95", p95, "s", p95 / POLL_SECONDS, "poll interval", POLL_SECONDS + 1, note=note
    )


def _clicks(waiting: _Asked, log: RequestLog, people: People) -> Iterator[Figure]:
    bob = people.open_id("bob")
    took: list[float] = []
    trips: list[float] = []
    for plan, request in waiting.requests.items():
        time.sleep(CLICK_PAUSE)
        begun = time.perf_counter()
        people.bytebase("carol", "GET", plan)
        trips.append((time.perf_counter() - begun) * 1000)
        log.mark()
        people.approve(request, bob)

        def run(plan: str = plan) -> float | None:
            return click_to_run(log.read(), plan)

        took.append(until(run, patience=30, every=0.4, what="the stage runs"))
    trip = quantile(trips, 0.5)
    for share, limit in ((0.5, 50.0), (0.99, 250.0)):
        value = quantile(took, share)
        note = f"{len(took)} clicks; a GET takes {trip:.1f} ms"
        yield Figure(f"click → batchRun, p{share * 100:.0f}", value, "ms", value / trip, "a GET", limit, note=note)


def _steady(log: RequestLog, *, pending: int, seconds: int) -> Iterator[Figure]:
    time.sleep(2 * POLL_SECONDS)
    log.mark()
    time.sleep(seconds)
    calls = log.read()
    ours = calls_of(calls, "bytebase", SYNC)
    cycles = max(seconds / POLL_SECONDS, 1)
    per_cycle, lists = len(ours) / cycles, pages(ours) / cycles
    note = f"{lists:.1f} pages a cycle, {pending} requests pending, {seconds} s"
    yield Figure("idle Bytebase calls a cycle", per_cycle, "calls", limit=lists + 20, note=note)
    feishu = len(calls_of(calls, "feishu", APP))
    note = f"in {seconds} s; each pending request is read once in 15 min"
    yield Figure("idle Feishu calls", feishu, "calls", feishu / pending, "pending requests", pending, note=note)


def _burst(log: RequestLog, people: People, stages: int, *, first: int) -> Iterator[Figure]:
    log.mark()
    for number in range(first, first + stages):
        people.change(number)

    def all_created() -> bool:
        return sum(call["status"] == 200 for call in creates(log.read())) >= stages

    until(all_created, patience=stages + 60, every=2.0, what="every stage of the burst is asked about")
    calls = log.read()
    made = [arrival(call) for call in creates(calls)]
    first, rate = created_in_first_minute(calls), creates_per_minute(calls)
    note = f"{stages} stages in {made[-1] - made[0]:.0f} s, {rate:.0f} a minute over all"
    yield Figure(
        "burst: creates in a minute", first, "/min", first / 100, "Feishu's limit", 95, at_least=True, note=note
    )
    yield Figure("burst: calls refused for their rate", refused_for_rate(calls), "calls", limit=0)
