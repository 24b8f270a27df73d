"""A ledger in memory with the contract of the real one; it can be copied, lost and restored."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.ids import root_of
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Wish


@dataclass
class _Tables:
    entries: dict[str, Entry] = field(default_factory=dict)
    slots: dict[tuple[str, int], Entry] = field(default_factory=dict)
    outbox: dict[tuple[str, str, str], OutboxItem] = field(default_factory=dict)
    wishes: dict[str, Wish] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    history: list[HistoryRow] = field(default_factory=list)


class MemoryLedger:
    """Everything in dictionaries; `hook(name)` runs before and after each call, so that tests can break it there."""

    def __init__(self, hook: Callable[[str], None] = lambda _: None) -> None:
        self.tables = _Tables()
        self.hook = hook

    def copy(self) -> _Tables:
        return copy.deepcopy(self.tables)

    def restore(self, tables: _Tables) -> None:
        self.tables = copy.deepcopy(tables)

    def lose(self) -> None:
        self.tables = _Tables()

    async def entry(self, subject: str) -> Entry | None:
        self.hook("ledger.entry")
        return self.tables.entries.get(subject)

    async def entries(self, *, open_only: bool = True) -> Sequence[Entry]:
        found = sorted(self.tables.entries.values(), key=lambda entry: entry.subject)
        return [entry for entry in found if not (open_only and entry.state is EntryState.CLOSED)]

    async def entries_of_plan(self, plan: str) -> Sequence[Entry]:
        return [entry for entry in await self.entries(open_only=False) if root_of(entry.subject) == plan]

    async def commit(self, change: LedgerChange) -> None:
        self.hook("ledger.commit.before")
        await self._record(change)
        self.hook("ledger.commit.after")

    async def _record(self, change: LedgerChange) -> None:
        tables = self.tables
        if change.entry is not None:
            tables.entries[change.entry.subject] = change.entry
            tables.slots[change.entry.subject, change.entry.generation] = change.entry
        tables.history.extend(change.history)
        for item in change.outbox:
            known = tables.outbox.get(_key(item))
            # A message is owed once and no more; only the status comment's new text is owed again.
            if known is None or (item.kind is OutboxKind.STATUS_COMMENT and known.texts != item.texts):
                tables.outbox[_key(item)] = item
        for wish_id, answer in change.wishes_done:
            tables.answers.setdefault(wish_id, answer)

    async def add_wish(self, wish: Wish) -> bool:
        if wish.id in self.tables.wishes:
            return False
        self.tables.wishes[wish.id] = wish
        return True

    async def wishes(self, subject: str) -> Sequence[Wish]:
        return [w for w in self.tables.wishes.values() if w.subject == subject and w.id not in self.tables.answers]

    async def wish_times(self, subject: str, since: datetime) -> Sequence[datetime]:
        return [w.at for w in self.tables.wishes.values() if w.subject == subject and w.at >= since]

    async def wish_answer(self, wish_id: str) -> str | None:
        return self.tables.answers.get(wish_id)

    async def outbox(self, *, due: datetime, limit: int = 100) -> Sequence[OutboxItem]:
        owed = [
            item
            for item in self.tables.outbox.values()
            if item.delivered_at is None and not item.failed and (item.next_attempt is None or item.next_attempt <= due)
        ]
        return owed[:limit]

    async def update_outbox(self, item: OutboxItem) -> None:
        self.hook("ledger.outbox.before")
        await self._record_outbox(item)
        self.hook("ledger.outbox.after")

    async def _record_outbox(self, item: OutboxItem) -> None:
        known = self.tables.outbox.get(_key(item))
        if known is not None and known.texts == item.texts:
            self.tables.outbox[_key(item)] = replace(item)

    async def history(self, subject: str | None = None, *, limit: int = 1000) -> Sequence[HistoryRow]:
        return [row for row in self.tables.history if subject in (None, row.subject)][-limit:]


def _key(item: OutboxItem) -> tuple[str, str, str]:
    return item.kind.value, item.to, item.mark
