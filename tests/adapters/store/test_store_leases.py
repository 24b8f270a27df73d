"""One holder of a lease at a time, and a dead holder's lease ends by itself."""

from __future__ import annotations

import asyncio

import pytest
from fixtures.postgres import PostgresServer
from sqlalchemy import text

from reconciler.adapters.store import Store, migrate, open_store
from reconciler.adapters.store import leases as module
from reconciler.adapters.store.leases import LEASE_SECONDS, hold_lease
from reconciler.errors import RefusedError

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
async def server_store(postgres_server: PostgresServer):
    address = postgres_server.fresh_database()
    await migrate(address)
    store = await open_store(address)
    yield store
    await store.aclose()


async def test_a_second_holder_is_refused_with_holder_and_age(server_store: Store) -> None:
    async with hold_lease(server_store, "sync", holder="one", what="a sync"):
        with pytest.raises(RefusedError, match=r"a sync is already running.*held by one, for 0 s"):
            async with hold_lease(server_store, "sync", holder="two", what="a sync"):
                pass
        async with hold_lease(server_store, "apply", holder="two", what="an apply"):
            pass


async def test_a_lease_that_was_given_back_is_free_at_once(server_store: Store) -> None:
    for holder in ("one", "two"):
        async with hold_lease(server_store, "sync", holder=holder, what="a sync"):
            pass


async def test_a_dead_holders_lease_is_free_after_its_time(server_store: Store) -> None:
    async with hold_lease(server_store, "sync", holder="dead", what="a sync"):
        past = text(f"UPDATE leases SET ends = ends - {LEASE_SECONDS + 1}")
        await server_store.write(lambda connection: connection.execute(past).rowcount)
        async with hold_lease(server_store, "sync", holder="next", what="a sync") as lease:
            assert not lease.lost.is_set()


async def test_a_holder_learns_that_its_lease_was_taken_over(
    server_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RENEW_SECONDS", 0.05)
    async with hold_lease(server_store, "sync", holder="one", what="a sync") as lease:
        await asyncio.sleep(0.2)
        assert not lease.lost.is_set()
        theft = text("UPDATE leases SET token = 'other'")
        await server_store.write(lambda connection: connection.execute(theft).rowcount)
        await asyncio.wait_for(lease.lost.wait(), 5)
