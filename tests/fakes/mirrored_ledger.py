"""The real SQL ledger beside the one in memory: every answer must be the same, through crashes, losses and old copies."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from fakes.memory_ledger import MemoryLedger, _Tables
from sqlalchemy import event

from reconciler.adapters.store.engine import Store
from reconciler.adapters.store.ledger import SqlLedger
from reconciler.adapters.store.opening import open_store
from reconciler.subjects.entry import Entry, HistoryRow, LedgerChange, OutboxItem, Wish

T = TypeVar("T")


@dataclass(frozen=True)
class Copy:
    """An old copy: what was in memory, and a copy of the file made as an operator would."""

    tables: _Tables
    file: Path


class MirroredLedger(MemoryLedger):
    """Answers from SQLite; the memory beside it says what the answer has to be, and lets invariants look without waiting."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._copies = 0
        self.losses = self.restores = 0
        self._open()

    def _open(self) -> None:
        self._store: Store = asyncio.run(open_store(f"sqlite:///{self._folder}/store.db", inline=True))
        # A process is killed here, never the machine: there is no need to wait for the disk at every commit.
        self._store._engine.dispose()
        event.listen(self._store._engine, "connect", lambda made, _: made.execute("PRAGMA synchronous = OFF"))
        self._sql = SqlLedger(self._store, "acme")

    def close(self) -> None:
        asyncio.run(self._store.aclose())

    def copy(self) -> Copy:  # type: ignore[override]
        self._copies += 1
        file = self._folder / f"copy-{self._copies}.db"
        with sqlite3.connect(self._folder / "store.db") as source, sqlite3.connect(file) as target:
            source.backup(target)
        return Copy(super().copy(), file)

    def restore(self, copy: Copy) -> None:  # type: ignore[override]
        self.restores += 1
        self._remove()
        shutil.copy(copy.file, self._folder / "store.db")
        self._open()
        super().restore(copy.tables)

    def lose(self) -> None:
        self.losses += 1
        self._remove()
        self._open()
        super().lose()

    def _remove(self) -> None:
        self.close()
        for file in self._folder.glob("store.db*"):
            file.unlink()

    async def entry(self, subject: str) -> Entry | None:
        return same(await self._sql.entry(subject), await super().entry(subject))

    async def entries(self, *, open_only: bool = True) -> Sequence[Entry]:
        return same(await self._sql.entries(open_only=open_only), await super().entries(open_only=open_only))

    async def entries_of_plan(self, plan: str) -> Sequence[Entry]:
        return same(await self._sql.entries_of_plan(plan), await super().entries_of_plan(plan))

    async def _record(self, change: LedgerChange) -> None:
        await self._sql.commit(change)
        await super()._record(change)

    async def _record_outbox(self, item: OutboxItem) -> None:
        await self._sql.update_outbox(item)
        await super()._record_outbox(item)

    async def add_wish(self, wish: Wish) -> bool:
        return same(await self._sql.add_wish(wish), await super().add_wish(wish))

    async def wishes(self, subject: str) -> Sequence[Wish]:
        return same(await self._sql.wishes(subject), await super().wishes(subject), key=lambda wish: (wish.at, wish.id))

    async def wish_times(self, subject: str, since: datetime) -> Sequence[datetime]:
        return same(
            await self._sql.wish_times(subject, since), await super().wish_times(subject, since), key=lambda at: at
        )

    async def wish_answer(self, wish_id: str) -> str | None:
        return same(await self._sql.wish_answer(wish_id), await super().wish_answer(wish_id))

    async def outbox(self, *, due: datetime, limit: int = 100) -> Sequence[OutboxItem]:
        return same(await self._sql.outbox(due=due, limit=limit), await super().outbox(due=due, limit=limit))

    async def history(self, subject: str | None = None, *, limit: int = 1000) -> Sequence[HistoryRow]:
        return same(await self._sql.history(subject, limit=limit), await super().history(subject, limit=limit))


def same(answer: T, expected: T, *, key: Callable[[object], object] | None = None) -> T:
    """The answer, once it is known to be the expected one."""
    if isinstance(answer, Sequence) and not isinstance(answer, str) and isinstance(expected, Sequence):
        wanted = sorted(expected, key=key) if key is not None else expected  # type: ignore[type-var]
        assert list(answer) == list(wanted), f"the store answers {answer}, not {wanted}"
    else:
        assert answer == expected, f"the store answers {answer}, not {expected}"
    return answer
