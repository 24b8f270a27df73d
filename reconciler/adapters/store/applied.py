"""What was applied last, per resource, and which workspace stands behind an identity: the declarative half's records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import and_, delete, select

from reconciler.adapters.store.codec import decode, encode
from reconciler.adapters.store.engine import Store, insert_new, upsert
from reconciler.adapters.store.identities import IdentityRecords
from reconciler.adapters.store.schema import applied, identities
from reconciler.resources.base import Key
from reconciler.resources.record import AppliedRecord

_KEYS = ("target", "kind", "name")


class SqlAppliedReader:
    """Reads the records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def records(self, integration: str) -> Mapping[Key, AppliedRecord]:
        """The last writes by kind and name; empty where nothing was applied yet."""
        query = (
            select(applied.c.document).where(applied.c.target == integration).order_by(applied.c.kind, applied.c.name)
        )
        texts = await self._store.read(lambda connection: connection.execute(query).scalars().all())
        found = [decode(AppliedRecord, text) for text in texts]
        return {record.key: record for record in found}

    async def workspace(self, identity: str) -> str | None:
        """The workspace first met under an identity."""
        return await IdentityRecords(self._store).workspace_of(identity)


class SqlAppliedRecords(SqlAppliedReader):
    """The same, for apply to write. Each call is durable when it returns."""

    async def put(self, record: AppliedRecord) -> None:
        """Remember a write, or the intent of a creation, in place of what was remembered of that resource."""
        await self._store.write(lambda connection: upsert(connection, applied, _values(record), _KEYS))

    async def put_new(self, record: AppliedRecord) -> bool:
        """Remember an intent unless the resource has a record already; False then. Of two callers at once one gets True."""
        return await self._store.write(lambda connection: insert_new(connection, applied, _values(record), _KEYS))

    async def forget(self, integration: str, key: Key) -> None:
        """Remember nothing of a resource any more."""
        this = and_(applied.c.target == integration, applied.c.kind == key.kind, applied.c.name == key.name)
        await self._store.write(lambda connection: connection.execute(delete(applied).where(this)).rowcount)

    async def remember_workspace(self, identity: str, workspace: str) -> None:
        """From now on this workspace stands behind the identity."""
        values = {"identity": identity, "workspace": workspace, "since": datetime.now(UTC)}
        await self._store.write(lambda connection: upsert(connection, identities, values, ("identity",)))


def _values(record: AppliedRecord) -> dict[str, object]:
    return {
        "target": record.integration,
        "kind": record.kind,
        "name": record.name,
        "at": record.at,
        "document": encode(record),
    }
