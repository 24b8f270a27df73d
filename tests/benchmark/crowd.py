"""Thousands of waiting stages: what `sync` holds in memory and what it costs while nothing happens.

The stages are copies of one that was really held, put into the ledger and into the stand-in's world directly: asking about
each in its turn would take longer than the measurement.
"""

from __future__ import annotations

import asyncio
import copy
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml
from benchmark.figures import Figure, calls_of
from benchmark.lab import POLL_SECONDS, SYNC, RequestLog, apply, demo_world, poll_as_by_default, syncing, until
from benchmark.processes_seen import cpu_seconds, resident_megabytes
from processes.world import People, Place

from reconciler.adapters.store import SqlLedger, open_store
from reconciler.sandbox.bytebase.world import World
from reconciler.sandbox.seed import load_seed
from reconciler.sandbox.server import Sandbox
from reconciler.subjects.entry import Entry, LedgerChange

QUIET_CALLS = 40
"""Bytebase calls a cycle below which `sync` is idle: pages of lists, and at most twenty reads of comments."""


def measure(*, is_full: bool) -> Iterator[Figure]:
    """Memory and processor share when idle, and how long it took to get there after the start."""
    stages = 10_000 if is_full else 200
    with tempfile.TemporaryDirectory() as name, _served() as served:
        urls = {"bytebase": served.bytebase_url, "feishu": served.feishu_url}
        place = Place(Path(name), urls)
        poll_as_by_default(place)
        _hold_everything(place)
        apply(place)
        people = People(urls["bytebase"], urls["feishu"])
        plan = people.change(0)
        log = RequestLog(served.page_url)
        with syncing(place):
            until(lambda: asyncio.run(_entries(place)), patience=30, what="the first stage is held")
        first = asyncio.run(_entries(place))[0]
        _copy_change(served.bytebase.world, plan, stages)
        asyncio.run(_fill(place, first, plan, stages))
        begun = time.perf_counter()
        with syncing(place, patience=60) as process:
            until(lambda: _is_quiet(log), patience=60 + stages, every=0.1, what="sync is idle")
            settled = time.perf_counter() - begun
            spent, at = cpu_seconds(process), time.perf_counter()
            time.sleep(60 if is_full else 10)
            share = (cpu_seconds(process) - spent) / (time.perf_counter() - at) * 100
            memory = resident_megabytes(process)
    note = f"{stages} held stages"
    yield Figure("crowd: memory", memory, "MB", limit=300, note=note)
    yield Figure("crowd: processor when idle", share, "% of a core", limit=30, note=note)
    yield Figure("crowd: start until idle", settled, "s", limit=60, note=f"{note}; the stand-in shares the machine")


@contextmanager
def _served() -> Iterator[Sandbox]:
    """The sandbox in a thread of this process, where its world can be reached."""
    ready, stop = threading.Event(), threading.Event()
    served = Sandbox(load_seed(yaml.safe_dump(demo_world(), allow_unicode=True), "crowd"), time_scale=20)

    async def serve() -> None:
        async with served:
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(30)
    try:
        yield served
    finally:
        stop.set()
        thread.join()


def _hold_everything(place: Place) -> None:
    """A gate that only asks when somebody wants it to, and a budget that a start with thousands can use."""
    text = place.spec.read_text(encoding="utf-8").rstrip("\n") + "\n      send: onRequest\n"
    text = text.replace("callsPerMinute: 6000}", "callsPerMinute: 60000}")
    place.spec.write_text(text, encoding="utf-8")


async def _entries(place: Place) -> list[Entry]:
    store = await open_store(f"sqlite:///{place.store}")
    try:
        return list(await SqlLedger(store, "demo").entries())
    finally:
        await store.aclose()


def _copy_change(world: World, name: str, copies: int) -> None:
    """The same change again and again, under other numbers."""
    number = int(name.rsplit("/", 1)[1])
    plan = world.plans["demo", number]
    issue = world.issue_of(plan)
    assert issue is not None
    for each in range(number + 1, number + copies):
        world.plans["demo", each] = replace(copy.deepcopy(plan), number=each, issue=each)
        world.issues["demo", each] = replace(copy.deepcopy(issue), number=each, plan=each, comments=[])


async def _fill(place: Place, entry: Entry, plan: str, copies: int) -> None:
    """The entries that `sync` would have written for the copies."""
    number = int(plan.rsplit("/", 1)[1])
    store = await open_store(f"sqlite:///{place.store}")
    try:
        ledger = SqlLedger(store, "demo")
        for each in range(number + 1, number + copies):
            subject = entry.subject.replace(plan, f"projects/demo/plans/{each}")
            stages = tuple(stage.replace(plan, f"projects/demo/plans/{each}") for stage in entry.stages)
            same = replace(entry, subject=subject, issue=f"projects/demo/issues/{each}", stages=stages)
            await ledger.commit(LedgerChange(entry=same))
    finally:
        await store.aclose()


def _is_quiet(log: RequestLog) -> bool:
    log.mark()
    time.sleep(2 * POLL_SECONDS)
    return len(calls_of(log.read(), "bytebase", SYNC)) <= 2 * QUIET_CALLS
