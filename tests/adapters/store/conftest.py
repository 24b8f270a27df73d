"""Stores of both kinds, each fresh."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fixtures.postgres import postgres_server

from reconciler.adapters.store import Store, migrate, open_store

__all__ = ["postgres_server"]

BOTH = ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]


@pytest.fixture(params=BOTH)
def address(request, tmp_path) -> str:
    """The address of a store that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/made/by it/store.db"
    return request.getfixturevalue("postgres_server").fresh_database()


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """An open store with its schema."""
    await migrate(address)
    store = await open_store(address)
    yield store
    await store.aclose()
