"""Who may create a store, who may change its schema, and who only looks."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from fixtures.postgres import PostgresServer

from reconciler.adapters.store import (
    IdentityRecords,
    SqlLedger,
    migrate,
    open_for_reading,
    open_store,
    targets,
)
from reconciler.adapters.store.schema import SCHEMA_VERSION, metadata
from reconciler.adapters.store_url import StoreUrl
from reconciler.errors import RefusedError, SpecError, UnavailableError
from reconciler.subjects.entry import Entry, EntryState, LedgerChange, Reason

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ENTRY = Entry("projects/p/plans/1/rollout/stages/prod", 0, EntryState.HELD, "g", Reason("c", "t"), NOW)


async def test_migrations_lead_to_the_schema_the_code_uses(store) -> None:
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert await store.read(differences) == []


def test_the_schema_version_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "reconciler:adapters/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


async def test_migrating_again_changes_nothing(address: str) -> None:
    assert await migrate(address) == (None, SCHEMA_VERSION)
    assert await migrate(address) == (SCHEMA_VERSION, SCHEMA_VERSION)


async def test_a_store_that_does_not_exist_reads_as_empty_and_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "store.db"
    store = await open_for_reading(f"sqlite:///{file}")
    assert await SqlLedger(store, "acme").entries() == []
    assert await targets(store) == []
    await store.aclose()
    assert not file.parent.exists()


async def test_an_empty_file_reads_as_an_empty_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    store = await open_for_reading(f"sqlite:///{tmp_path}/store.db")
    assert await SqlLedger(store, "acme").history() == []
    await store.aclose()
    assert (tmp_path / "store.db").read_bytes() == b""


async def test_a_reader_sees_what_a_running_writer_records(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    writer = await open_store(address)
    reader = await open_for_reading(address)
    await SqlLedger(writer, "acme").commit(LedgerChange(entry=ENTRY))
    assert await SqlLedger(reader, "acme").entry(ENTRY.subject) == ENTRY
    assert await targets(reader) == ["acme"]
    await reader.aclose()
    await writer.aclose()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
async def test_a_file_that_may_not_be_written_can_still_be_read(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    await (await open_store(address)).aclose()
    (tmp_path / "store.db").chmod(stat.S_IRUSR)
    reader = await open_for_reading(address)
    await reader.aclose()


async def test_two_targets_in_one_store_never_mix(store) -> None:
    await SqlLedger(store, "acme").commit(LedgerChange(entry=ENTRY))
    assert await SqlLedger(store, "other").entry(ENTRY.subject) is None
    assert await SqlLedger(store, "other").entries() == []


async def test_a_store_of_a_newer_version_is_refused_by_everybody(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    await (await open_store(address)).aclose()
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for opening in (open_store, open_for_reading, migrate):
        with pytest.raises(RefusedError, match="newer version"):
            await opening(address)


async def test_a_reader_of_an_older_sqlite_schema_is_told_what_to_run(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    await (await open_store(address)).aclose()
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0000'")
    raw.close()
    with pytest.raises(RefusedError) as caught:
        await open_for_reading(address)
    assert "reconciler migrate" in caught.value.next_step


@pytest.mark.postgres
@pytest.mark.slow
async def test_only_migrate_changes_a_postgresql_schema(postgres_server: PostgresServer) -> None:
    address = postgres_server.fresh_database()
    with pytest.raises(RefusedError, match="not up to date"):
        await open_store(address)
    reader = await open_for_reading(address)
    assert await targets(reader) == []
    await reader.aclose()
    await migrate(address)
    await (await open_store(address)).aclose()


async def test_a_file_that_is_no_database_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("name: not a database\n" * 100)
    with pytest.raises(UnavailableError, match="not an SQLite database") as caught:
        await open_store(f"sqlite:///{tmp_path}/store.db")
    assert caught.value.next_step


async def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="folder"):
        await open_store(f"sqlite:///{tmp_path}/file/store.db")


async def test_a_server_that_is_not_there_is_an_error_of_ours_without_the_password() -> None:
    with pytest.raises(UnavailableError) as caught:
        await open_store("postgresql://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in f"{caught.value} {caught.value.next_step}"


@pytest.mark.parametrize(
    "text",
    ["", "store.db", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "sqlite://host/file", "postgresql+x", "://"],
)
def test_an_address_that_is_not_understood_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        StoreUrl.parse(text)
    assert "sqlite:///" in caught.value.next_step


def test_a_shown_address_has_no_password() -> None:
    assert StoreUrl.parse("postgresql://me:hunter2@db.example:5433/x").shown == "postgresql://me:***@db.example:5433/x"


async def test_the_workspace_first_met_is_remembered_and_another_is_refused(store) -> None:
    records = IdentityRecords(store)
    assert await records.workspace_of("prod") is None
    await records.confirm("prod", "ws-1", now=NOW)
    await records.confirm("prod", "ws-1", now=NOW)
    with pytest.raises(RefusedError, match="another Bytebase") as caught:
        await records.confirm("prod", "ws-2", now=NOW)
    assert "--accept-identity" in caught.value.next_step
    assert await records.workspace_of("prod") == "ws-1"
    await records.confirm("prod", "ws-2", now=NOW, accept=True)
    assert await records.workspace_of("prod") == "ws-2"
