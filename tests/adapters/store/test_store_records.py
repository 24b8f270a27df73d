"""The declarative half's records, and the locks of a store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.adapters.store import (
    ReadOnlyLedger,
    SqlAppliedReader,
    SqlAppliedRecords,
    Store,
    StoreLock,
    open_for_reading,
    open_store,
)
from reconciler.errors import BugError, RefusedError
from reconciler.resources.base import Key
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.subjects.entry import LedgerChange, OutboxItem, OutboxKind, Wish

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IM = AppliedRecord("acme", "bytebase/im", "workspace", RecordState.APPLIED, NOW, "d", "o", {"b": "2", "a": "1"}, "")
DEFINITION = AppliedRecord("acme", "feishu/definition", "stage-gate", RecordState.INTENDED, NOW)


async def test_the_last_write_of_each_resource_is_remembered(store: Store) -> None:
    records = SqlAppliedRecords(store)
    await records.put(DEFINITION)
    await records.put(IM)
    done = AppliedRecord("acme", DEFINITION.kind, DEFINITION.name, RecordState.APPLIED, NOW, code="CODE")
    await records.put(done)
    assert dict(await records.records("acme")) == {IM.key: IM, done.key: done}
    assert await records.records("other") == {}
    await records.forget("acme", IM.key)
    assert list(await records.records("acme")) == [Key("feishu/definition", "stage-gate")]


async def test_of_two_intents_at_once_one_is_first(store: Store) -> None:
    records = SqlAppliedRecords(store)
    won = await asyncio.gather(*(records.put_new(DEFINITION) for _ in range(5)))
    assert sorted(won) == [False, False, False, False, True]


async def test_the_workspace_behind_an_identity_can_be_replaced(store: Store) -> None:
    records = SqlAppliedRecords(store)
    assert await records.workspace("prod") is None
    for workspace in ("ws-1", "ws-2"):
        await records.remember_workspace("prod", workspace)
        assert await records.workspace("prod") == workspace


async def test_without_a_store_nothing_is_remembered(tmp_path: Path) -> None:
    store = await open_for_reading(f"sqlite:///{tmp_path}/none.db")
    assert await SqlAppliedReader(store).records("acme") == {}
    assert await SqlAppliedReader(store).workspace("prod") is None
    await store.aclose()


async def test_one_holder_per_lock_and_store(store: Store) -> None:
    async with StoreLock(store, "sync").hold() as lost, StoreLock(store, "apply").hold():
        assert not lost.is_set()
        with pytest.raises(RefusedError, match="an apply is already running"):
            async with StoreLock(store, "apply").hold():
                pass
    async with StoreLock(store, "apply").hold():
        pass


@pytest.mark.parametrize("exists", [True, False])
async def test_a_ledger_that_only_looks_reads_and_writes_nothing(tmp_path: Path, exists: bool) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    if exists:
        await (await open_store(address)).aclose()
    store = await open_for_reading(address)
    ledger = ReadOnlyLedger(store, "acme")
    assert await ledger.entry("s") is None
    assert list(await ledger.entries()) == list(await ledger.history()) == []
    for write in (
        ledger.commit(LedgerChange()),
        ledger.add_wish(Wish("w", "s", "cli", "a@x", NOW)),
        ledger.update_outbox(OutboxItem("m", OutboxKind.CARD, "to", ())),
    ):
        with pytest.raises(BugError, match="only looking"):
            await write
    await store.aclose()
    assert (tmp_path / "store.db").exists() is exists
