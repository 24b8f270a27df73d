"""Leases in a PostgreSQL store: one holder at a time, free again within fifteen seconds of its death.

Times are the database server's, so clocks of machines do not matter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from sqlalchemy import Connection, and_, delete, func, select, update

from reconciler.adapters.store.engine import Store, insert_new
from reconciler.adapters.store.schema import leases
from reconciler.errors import RefusedError, UnavailableError

LEASE_SECONDS = 15.0
"""How long a lease outlives its last renewal."""

_RENEW_SECONDS = 4.0


class Lease:
    """A held lease. `lost` is set when it could not be renewed in time: its holder must stop writing."""

    def __init__(self, store: Store, name: str, token: str) -> None:
        self.lost = asyncio.Event()
        self._store = store
        self._name = name
        self._token = token

    async def keep(self) -> None:
        """Renew until cancelled, or until the lease is lost."""
        loop = asyncio.get_running_loop()
        good_until = loop.time() + LEASE_SECONDS
        while loop.time() < good_until:
            await asyncio.sleep(_RENEW_SECONDS)
            asked = loop.time()
            with contextlib.suppress(UnavailableError, TimeoutError):
                async with asyncio.timeout(_RENEW_SECONDS):
                    if not await self._renew():
                        break
                good_until = asked + LEASE_SECONDS
        self.lost.set()

    async def _renew(self) -> bool:
        mine = and_(leases.c.name == self._name, leases.c.token == self._token)

        def act(connection: Connection) -> bool:
            ends = _server_time(connection) + LEASE_SECONDS
            return connection.execute(update(leases).where(mine).values(ends=ends)).rowcount == 1

        return await self._store.write(act)


@asynccontextmanager
async def hold_lease(store: Store, name: str, *, holder: str, what: str) -> AsyncIterator[Lease]:
    """Hold the lease while the block runs. Refused with holder and age while somebody else has it."""
    token = uuid4().hex
    await _take(store, name, holder=holder, token=token, what=what)
    lease = Lease(store, name, token)
    keeper = asyncio.create_task(lease.keep())
    try:
        yield lease
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, UnavailableError):
            await keeper
        with contextlib.suppress(UnavailableError):
            mine = and_(leases.c.name == name, leases.c.token == token)
            await store.write(lambda connection: connection.execute(delete(leases).where(mine)).rowcount)


async def _take(store: Store, name: str, *, holder: str, token: str, what: str) -> None:
    def act(connection: Connection) -> None:
        now = _server_time(connection)
        connection.execute(delete(leases).where(leases.c.name == name, leases.c.ends < now))
        values = {"name": name, "holder": holder, "token": token, "taken": now, "ends": now + LEASE_SECONDS}
        if insert_new(connection, leases, values, ("name",)):
            return
        other = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
        who = f"{other.holder}, for {now - other.taken:.0f} s" if other else "another process"
        raise RefusedError(
            f"{what} is already running on this store",
            where=store.url.shown,
            why=f"held by {who}",
            next_step="stop that process, or use another --store; a killed one is free again within 15 s",
        )

    await store.write(act)


def _server_time(connection: Connection) -> float:
    return float(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
