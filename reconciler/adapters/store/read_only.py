"""A ledger that can only be read: for commands that look, and for observing."""

from __future__ import annotations

from reconciler.adapters.store.ledger import SqlLedger
from reconciler.errors import BugError
from reconciler.subjects.entry import LedgerChange, OutboxItem, Wish


class ReadOnlyLedger(SqlLedger):
    """The ledger port without writes; a write is our own mistake."""

    async def commit(self, change: LedgerChange) -> None:
        """Nothing may be recorded here."""
        raise _mistake("a decision", change.entry.subject if change.entry else "")

    async def add_wish(self, wish: Wish) -> bool:
        """Nothing may be recorded here."""
        raise _mistake("a wish", wish.subject)

    async def update_outbox(self, item: OutboxItem) -> None:
        """Nothing may be recorded here."""
        raise _mistake("a delivery", item.subject)


def _mistake(what: str, subject: str) -> BugError:
    return BugError(
        f"{what} was to be recorded while only looking", where=subject or None, next_step="please report it"
    )
