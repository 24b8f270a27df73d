"""Remembers delivered events in the store, for every process and across restarts (Feishu repeats them for seven hours)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from reconciler.adapters.store.engine import Store, insert_new
from reconciler.adapters.store.schema import events

REMEMBER = timedelta(hours=8)
"""Longer than Feishu's last retry."""


class SqlEventMemory:
    """Tells the first delivery of an event from the later ones."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_new(self, event_id: str, now: datetime) -> bool:
        """Record a delivery; False when the same id was recorded in the last eight hours. No id is always new."""
        if not event_id:
            return True

        def act(connection: Connection) -> bool:
            connection.execute(delete(events).where(events.c.at < now - REMEMBER))
            return insert_new(connection, events, {"id": event_id[:200], "at": now}, ("id",))

        return await self._store.write(act)


async def last_event(store: Store) -> datetime | None:
    """When the newest remembered event was delivered by callback; None where there is none."""
    query = select(func.max(events.c.at))
    return await store.read(lambda connection: connection.execute(query).scalar())
