"""Which Bytebase workspace stands behind an identity: remembered at first sight, another one is refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from reconciler.adapters.store.engine import Store, insert_new, upsert
from reconciler.adapters.store.schema import identities
from reconciler.errors import RefusedError


class IdentityRecords:
    """Remembers the workspace met under each identity label, so that slots never cross from one server to another."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def workspace_of(self, identity: str) -> str | None:
        """The workspace first met under this identity, or the one accepted since."""
        query = select(identities.c.workspace).where(identities.c.identity == identity)
        return await self._store.read(lambda connection: connection.execute(query).scalar())

    async def confirm(self, identity: str, workspace: str, *, now: datetime, accept: bool = False) -> None:
        """Remember the workspace, or refuse when another one was met under this identity and `accept` is not given."""
        values = {"identity": identity, "workspace": workspace, "since": now}
        query = select(identities.c.workspace).where(identities.c.identity == identity)

        def act(connection: Connection) -> None:
            if insert_new(connection, identities, values, ("identity",)):
                return
            known = connection.execute(query).scalar_one()
            if known == workspace:
                return
            if not accept:
                raise RefusedError(
                    "this is another Bytebase than before",
                    where=f"spec.bytebase.identity {identity}",
                    why=f"the store knows workspace {known} under this identity, the server is {workspace}",
                    next_step="correct spec.bytebase.url or give a new identity; if it was moved on purpose: --accept-identity",
                )
            upsert(connection, identities, values, ("identity",))

        await self._store.write(act)
