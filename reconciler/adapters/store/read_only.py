"""A ledger that can only be read, also where there is no store yet: for commands that look and for observing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.adapters.store.engine import Store
from reconciler.adapters.store.ledger import SqlLedger
from reconciler.errors import BugError
from reconciler.subjects.entry import Entry, HistoryRow, LedgerChange, OutboxItem, Wish


class ReadOnlyLedger:
    """The ledger port without writes: empty without a store; every write is our own mistake."""

    def __init__(self, store: Store | None, target: str) -> None:
        self._ledger = SqlLedger(store, target) if store is not None else None

    async def entry(self, subject: str) -> Entry | None:
        """The present entry of a subject."""
        return await self._ledger.entry(subject) if self._ledger else None

    async def entries(self, *, open_only: bool = True) -> Sequence[Entry]:
        """Present entries of all subjects."""
        return await self._ledger.entries(open_only=open_only) if self._ledger else ()

    async def entries_of_plan(self, plan: str) -> Sequence[Entry]:
        """Present entries of every stage of one plan."""
        return await self._ledger.entries_of_plan(plan) if self._ledger else ()

    async def commit(self, change: LedgerChange) -> None:
        """Nothing may be recorded here."""
        raise _mistake("a decision", change.entry.subject if change.entry else "")

    async def add_wish(self, wish: Wish) -> bool:
        """Nothing may be recorded here."""
        raise _mistake("a wish", wish.subject)

    async def wishes(self, subject: str) -> Sequence[Wish]:
        """Wishes for the subject that are not answered yet."""
        return await self._ledger.wishes(subject) if self._ledger else ()

    async def wish_times(self, subject: str, since: datetime) -> Sequence[datetime]:
        """When wishes for the subject were accepted since then."""
        return await self._ledger.wish_times(subject, since) if self._ledger else ()

    async def wish_answer(self, wish_id: str) -> str | None:
        """The answer given to a wish."""
        return await self._ledger.wish_answer(wish_id) if self._ledger else None

    async def outbox(self, *, due: datetime, limit: int = 100) -> Sequence[OutboxItem]:
        """Messages that are owed and due."""
        return await self._ledger.outbox(due=due, limit=limit) if self._ledger else ()

    async def update_outbox(self, item: OutboxItem) -> None:
        """Nothing may be recorded here."""
        raise _mistake("a delivery", item.subject)

    async def history(self, subject: str | None = None, *, limit: int = 1000) -> Sequence[HistoryRow]:
        """History rows, oldest first."""
        return await self._ledger.history(subject, limit=limit) if self._ledger else ()


def _mistake(what: str, subject: str) -> BugError:
    return BugError(
        f"{what} was to be recorded while only looking", where=subject or None, next_step="please report it"
    )
