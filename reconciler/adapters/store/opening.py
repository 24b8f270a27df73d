"""Opening a store at the right schema: who may create it, who may change it, and who only looks.

An SQLite file is brought up to date by whoever opens it for writing; a PostgreSQL database only by `reconciler migrate`.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import StaticPool

from reconciler.adapters.store.engine import Store, connect
from reconciler.adapters.store.schema import SCHEMA_VERSION, metadata
from reconciler.adapters.store_url import StoreUrl
from reconciler.errors import RefusedError, UnavailableError

_MIGRATION_LOCK = 7235001
"""Two processes that migrate one PostgreSQL database at once take turns by this advisory lock."""


async def open_store(address: str, *, inline: bool = False) -> Store:
    """Open for writing. Creates and migrates an SQLite file; refuses a PostgreSQL database of another schema."""
    url = StoreUrl.parse(address)
    if url.file is not None:
        _make_folder(url, url.file.absolute().parent)
    store = connect(url, inline=inline)
    try:
        if url.file is not None:
            await _bring_up_to_date(store)
        else:
            _require(url, await store.read(_read_version))
    except BaseException:
        await store.aclose()
        raise
    return store


async def open_for_reading(address: str) -> Store:
    """Open without ever creating or changing anything; where there is no store yet, an empty one in memory."""
    url = StoreUrl.parse(address)
    if url.is_missing:
        return _empty(url)
    store = connect(url, mode="rw" if url.file is not None and _may_write(url.file) else "ro")
    try:
        version = await store.read(_read_version)
        if version is None:
            await store.aclose()
            return _empty(url)
        _require(url, version)
    except BaseException:
        await store.aclose()
        raise
    return store


def _may_write(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK)


def _empty(url: StoreUrl) -> Store:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    return Store(url, engine, inline=True)


async def migrate(address: str) -> tuple[str | None, str]:
    """Bring a store's schema up to date, on any database; returns the versions before and after."""
    url = StoreUrl.parse(address)
    if url.file is not None:
        _make_folder(url, url.file.absolute().parent)
    store = connect(url)
    try:
        return await _bring_up_to_date(store), SCHEMA_VERSION
    finally:
        await store.aclose()


def _make_folder(url: StoreUrl, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            "the store's folder cannot be made",
            where=url.shown,
            why=error.strerror or "",
            next_step="name another with --store",
        ) from error


async def _bring_up_to_date(store: Store) -> str | None:
    before = await store.read(_read_version)
    if before == SCHEMA_VERSION:
        return before

    def act(connection: Connection) -> str | None:
        if not store.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        # Read again: another process may have done it while we waited for our turn.
        found = _read_version(connection)
        if found is not None and found > SCHEMA_VERSION:
            _require(store.url, found)
        if found != SCHEMA_VERSION:
            _upgrade(connection)
        return found

    return await store.write(act)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _read_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _require(url: StoreUrl, version: str | None) -> None:
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        raise RefusedError(
            "the store was written by a newer version of this program",
            where=url.shown,
            why=f"its schema is {version}, this program knows {SCHEMA_VERSION}",
            next_step="upgrade reconciler",
        )
    raise RefusedError(
        "the store's schema is not up to date",
        where=url.shown,
        why=f"it is {version or 'empty'}, this program needs {SCHEMA_VERSION}",
        next_step="run `reconciler migrate` with the same --store",
    )
