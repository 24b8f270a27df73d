"""The ledger of one target on the SQL store: one transaction per write, present entries apart from past ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, false, or_, select, true, update

from reconciler.adapters.store.codec import decode, encode
from reconciler.adapters.store.engine import Store, insert_new, upsert
from reconciler.adapters.store.schema import entries, history, outbox, wishes
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Wish

HistorySink = Callable[[Sequence[HistoryRow]], None]
"""Told the history rows of a transaction once it is recorded."""


class SqlLedger:
    """What we asked, what is owed and what was decided, of one target. Implements the ledger port on a `Store`."""

    def __init__(self, store: Store, target: str, *, on_history: HistorySink | None = None) -> None:
        self._store = store
        self._target = target
        self._on_history = on_history

    async def entry(self, subject: str) -> Entry | None:
        """The present entry of a subject."""
        found = await self._entries(entries.c.subject == subject)
        return found[0] if found else None

    async def entries(self, *, open_only: bool = True) -> Sequence[Entry]:
        """Present entries of all subjects, sorted by subject; `open_only` leaves out CLOSED ones."""
        return await self._entries(entries.c.state != EntryState.CLOSED if open_only else true())

    async def entries_of_plan(self, plan: str) -> Sequence[Entry]:
        """Present entries of every stage of one plan."""
        return await self._entries(entries.c.plan == plan)

    async def commit(self, change: LedgerChange) -> None:
        """Record all parts of a change or none.

        A message already known is owed once and no more; only the status comment's new text is owed again.
        """

        def act(connection: Connection) -> None:
            if change.entry is not None:
                self._put_entry(connection, change.entry)
            for item in change.outbox:
                self._owe(connection, item)
            for wish_id, answer in change.wishes_done:
                self._answer(connection, wish_id, answer)
            if change.history:
                connection.execute(history.insert(), [self._history_values(row) for row in change.history])

        await self._store.write(act)
        if self._on_history is not None and change.history:
            self._on_history(change.history)

    async def add_wish(self, wish: Wish) -> bool:
        """Record a wish; False when its id is already known (also when it was answered long ago)."""
        values = {
            "target": self._target, "id": wish.id, "subject": wish.subject,
            "source": wish.source, "by_whom": wish.by, "at": wish.at,
        }  # fmt: skip
        return await self._store.write(lambda connection: insert_new(connection, wishes, values, ("target", "id")))

    async def wishes(self, subject: str) -> Sequence[Wish]:
        """Wishes for the subject that are not answered yet, oldest first."""
        query = (
            select(wishes)
            .where(wishes.c.target == self._target, wishes.c.subject == subject, wishes.c.answer.is_(None))
            .order_by(wishes.c.at, wishes.c.id)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [Wish(id=row.id, subject=row.subject, source=row.source, by=row.by_whom, at=row.at) for row in rows]

    async def wish_times(self, subject: str, since: datetime) -> Sequence[datetime]:
        """When wishes for the subject were accepted since then, oldest first."""
        query = (
            select(wishes.c.at)
            .where(wishes.c.target == self._target, wishes.c.subject == subject, wishes.c.at >= since)
            .order_by(wishes.c.at)
        )
        return await self._store.read(lambda connection: connection.execute(query).scalars().all())

    async def wish_answer(self, wish_id: str) -> str | None:
        """The answer given to a wish, None while there is none."""
        query = select(wishes.c.answer).where(wishes.c.target == self._target, wishes.c.id == wish_id)
        return await self._store.read(lambda connection: connection.execute(query).scalar())

    async def outbox(self, *, due: datetime, limit: int = 100) -> Sequence[OutboxItem]:
        """Messages that are owed and due, oldest first."""
        query = (
            select(outbox.c.document)
            .where(outbox.c.target == self._target, outbox.c.is_owed == true())
            .where(or_(outbox.c.next_attempt.is_(None), outbox.c.next_attempt <= due))
            .order_by(outbox.c.id)
            .limit(limit)
        )
        return [decode(OutboxItem, text) for text in await self._texts(query)]

    async def update_outbox(self, item: OutboxItem) -> None:
        """Record an attempt, a delivery or a final failure; of a text replaced meanwhile it says nothing."""

        def act(connection: Connection) -> None:
            known = self._message(connection, item)
            if known is not None and known.texts == item.texts:
                self._put_message(connection, item)

        await self._store.write(act)

    async def history(self, subject: str | None = None, *, limit: int = 1000) -> Sequence[HistoryRow]:
        """The newest `limit` history rows, oldest first; of one subject or of all."""
        query = select(history.c.document).where(history.c.target == self._target)
        if subject is not None:
            query = query.where(history.c.subject == subject)
        newest = await self._texts(query.order_by(history.c.id.desc()).limit(limit))
        return [decode(HistoryRow, text) for text in reversed(newest)]

    async def _entries(self, *where: ColumnElement[bool]) -> list[Entry]:
        query = (
            select(entries.c.document)
            .where(entries.c.target == self._target, entries.c.is_present == true(), *where)
            .order_by(entries.c.subject)
        )
        return [decode(Entry, text) for text in await self._texts(query)]

    async def _texts(self, query: Select[str]) -> Sequence[str]:
        return await self._store.read(lambda connection: connection.execute(query).scalars().all())

    def _put_entry(self, connection: Connection, entry: Entry) -> None:
        this = and_(entries.c.target == self._target, entries.c.subject == entry.subject)
        others = and_(this, entries.c.is_present == true(), entries.c.generation != entry.generation)
        connection.execute(update(entries).where(others).values(is_present=false()))
        values = {
            "target": self._target,
            "subject": entry.subject,
            "generation": entry.generation,
            "is_present": True,
            "plan": _plan(entry.subject),
            "state": str(entry.state),
            "uuid": entry.request.uuid if entry.request else "",
            "code": entry.instance or "",
            "issue": entry.issue,
            "since": entry.since,
            "next_attempt": entry.next_attempt,
            "document": encode(entry),
        }
        upsert(connection, entries, values, ("target", "subject", "generation"))

    def _owe(self, connection: Connection, item: OutboxItem) -> None:
        values = {**self._message_key(item), **_message_values(item)}
        if insert_new(connection, outbox, values, tuple(self._message_key(item))):
            return
        if item.kind is not OutboxKind.STATUS_COMMENT:
            return
        known = self._message(connection, item)
        if known is not None and known.texts != item.texts:
            self._put_message(connection, replace(item, attempts=0, failed="", delivered_at=None, next_attempt=None))

    def _message(self, connection: Connection, item: OutboxItem) -> OutboxItem | None:
        text = connection.execute(select(outbox.c.document).where(self._this_message(item))).scalar()
        return None if text is None else decode(OutboxItem, text)

    def _put_message(self, connection: Connection, item: OutboxItem) -> None:
        connection.execute(update(outbox).where(self._this_message(item)).values(**_message_values(item)))

    def _this_message(self, item: OutboxItem) -> ColumnElement[bool]:
        return and_(*(outbox.c[name] == value for name, value in self._message_key(item).items()))

    def _message_key(self, item: OutboxItem) -> dict[str, str]:
        return {"target": self._target, "kind": str(item.kind), "receiver": item.to, "mark": item.mark}

    def _answer(self, connection: Connection, wish_id: str, answer: str) -> None:
        this = and_(wishes.c.target == self._target, wishes.c.id == wish_id, wishes.c.answer.is_(None))
        connection.execute(update(wishes).where(this).values(answer=answer))

    def _history_values(self, row: HistoryRow) -> dict[str, object]:
        return {"target": self._target, "subject": row.subject, "time": row.time, "document": encode(row)}


def _message_values(item: OutboxItem) -> dict[str, object]:
    return {
        "is_owed": item.delivered_at is None and not item.failed,
        "next_attempt": item.next_attempt,
        "document": encode(item),
    }


def _plan(subject: str) -> str:
    """The plan of a stage's name; for any other subject the name up to its step."""
    parts = subject.split("/")
    return "/".join(parts[:4]) if len(parts) > 4 else subject.partition("#")[0]
