"""A store that cannot write says so, and what it recorded before stays whole."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from reconciler.adapters.store import SqlLedger, Store, open_store
from reconciler.adapters.store.engine import connect
from reconciler.errors import UnavailableError
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Reason

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SUBJECT = "projects/p/plans/1/rollout/stages/prod"


def change(number: int, size: int = 10) -> LedgerChange:
    why = Reason(str(number), "x" * size)
    message = OutboxItem(f"m{number}", OutboxKind.CARD, "ou_1", (("en-US", str(number)),))
    entry = Entry(SUBJECT, number, EntryState.HELD, "g", why, NOW)
    return LedgerChange(entry=entry, history=(HistoryRow(NOW, SUBJECT, number, "d", why),), outbox=(message,))


@pytest.fixture
async def file_store(tmp_path: Path):
    store = await open_store(f"sqlite:///{tmp_path}/store.db")
    yield store
    await store.aclose()


async def test_a_full_disk_is_said_and_leaves_what_was_recorded(file_store: Store) -> None:
    ledger = SqlLedger(file_store, "acme")
    await ledger.commit(change(1))
    await file_store.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 1")).all())
    with pytest.raises(UnavailableError, match="the disk is full") as caught:
        await ledger.commit(change(2, size=100_000))
    assert "free space" in caught.value.next_step
    assert file_store.broken is caught.value
    assert [row.generation for row in await ledger.history()] == [1]
    present = await ledger.entry(SUBJECT)
    assert present is not None
    assert present.generation == 1


async def test_a_store_that_became_read_only_is_said(file_store: Store) -> None:
    ledger = SqlLedger(file_store, "acme")
    await file_store.write(lambda connection: connection.execute(text("PRAGMA query_only = ON")) and None)
    with pytest.raises(UnavailableError, match="read-only") as caught:
        await ledger.commit(change(1))
    assert "writable" in caught.value.next_step


async def test_a_reader_cannot_write(file_store: Store) -> None:
    reader = connect(file_store.url, mode="ro")
    with pytest.raises(UnavailableError, match="read-only"):
        await SqlLedger(reader, "acme").commit(change(1))
    await reader.aclose()


async def test_a_change_that_breaks_half_way_records_nothing_of_it(file_store: Store) -> None:
    ledger = SqlLedger(file_store, "acme")
    broken = HistoryRow(NOW, None, 1, "d", Reason("c", "t"))  # type: ignore[arg-type]
    good = change(1)
    with pytest.raises(UnavailableError):
        await ledger.commit(LedgerChange(entry=good.entry, outbox=good.outbox, history=(broken,)))
    assert await ledger.entry(SUBJECT) is None
    assert await ledger.outbox(due=NOW) == []


async def test_a_cancelled_caller_leaves_the_whole_change_or_nothing(file_store: Store) -> None:
    ledger = SqlLedger(file_store, "acme")
    for number in range(20):
        task = asyncio.create_task(ledger.commit(change(number)))
        for _ in range(number % 4):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await ledger.commit(change(99))
    rows, owed = await ledger.history(), await ledger.outbox(due=NOW)
    assert [f"m{row.generation}" for row in rows] == [item.mark for item in owed]


async def test_every_commit_is_synced_to_disk_in_a_write_ahead_log(file_store: Store) -> None:
    def pragmas(connection):
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]

    assert await file_store.write(pragmas) == ["wal", 2]


PROGRAM = """
import asyncio, sys
from datetime import UTC, datetime
from reconciler.adapters.store import SqlLedger, open_store
from reconciler.subjects.entry import *

async def main():
    ledger = SqlLedger(await open_store(sys.argv[1]), "acme")
    start = len(await ledger.history(limit=10**6))
    for n in range(start, start + 10**6):
        now, why = datetime.now(UTC), Reason(str(n), "t")
        entry = Entry("s/s/s/s/s", n, EntryState.HELD, "g", why, now)
        item = OutboxItem(f"m{n}", OutboxKind.CARD, "ou", ())
        await ledger.commit(LedgerChange(entry, (HistoryRow(now, "s", n, "d", why),), (item,)))
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_changes_and_none_that_it_reported_is_lost(tmp_path: Path) -> None:
    for kill in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path}/store.db"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(3 + kill * 7):
            reported = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        reported = int((process.stdout.read().split() or [reported])[-1])
        process.wait()
        process.stdout.close()
        raw = sqlite3.connect(tmp_path / "store.db")
        counts = [
            raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("history", "outbox", "entries")
        ]
        present = raw.execute("SELECT generation FROM entries WHERE is_present").fetchall()
        raw.close()
        assert len(set(counts)) == 1
        assert present == [(counts[0] - 1,)]
        assert counts[0] in (reported + 1, reported + 2)
