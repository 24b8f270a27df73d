"""An open store: transactions for reading and for writing, and database errors told in our own words.

Transactions are plain functions run whole in a thread. An asyncio driver hops between threads for every statement, which
cost four times the processor time of the statements themselves; and a cancelled caller could leave a transaction half way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.adapters.store_url import StoreUrl
from reconciler.errors import RefusedError, UnavailableError

T = TypeVar("T")
Transaction = Callable[[Connection], T]

_WRITING = "reconciler_writing"
_BUSY_SECONDS = 10
_READERS = 3


@dataclass(frozen=True, slots=True)
class _Fault:
    """How SQLite says that something is wrong, what that means, and whether waiting cannot help."""

    sign: str
    why: str
    next_step: str
    is_lasting: bool = True


_FAULTS = (
    _Fault(
        "disk is full", "the disk is full", "free space where the store is and start again; nothing recorded is lost"
    ),
    _Fault("readonly", "the store is read-only", "make the file and its folder writable for this user"),
    _Fault("unable to open", "the file cannot be opened", "check that the folder exists and this user may write there"),
    _Fault("disk i/o", "the disk reports an error", "check the disk and its free space, then start again"),
    _Fault(
        "locked", "another process writes for too long", "see which other reconciler uses this store", is_lasting=False
    ),
    _Fault("not a database", "the file is not an SQLite database", "name another file with --store"),
    _Fault("malformed", "the file is damaged", "restore a copy, or move it aside and start `reconciler sync --adopt`"),
)


class Store:
    """One open database. SQLite: WAL, every commit synced to disk, one writer at a time. PostgreSQL: a small pool.

    Every database error leaves as UnavailableError with the next step; a failed transaction leaves nothing behind. With
    `inline`, transactions run in the caller's own thread, so that the order of everything is reproducible.
    """

    def __init__(self, url: StoreUrl, engine: Engine, *, inline: bool = False) -> None:
        self.url = url
        self.broken: UnavailableError | None = None
        self._engine = engine
        self._readers = None if inline else ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._writer = None if inline else ThreadPoolExecutor(1, thread_name_prefix="store-write")

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is an SQLite file of this machine."""
        return self.url.file is not None

    async def read(self, ask: Transaction[T]) -> T:
        """The answer of a transaction that sees one moment of the store."""
        return await self._in(self._readers, ask, is_writing=False)

    async def write(self, act: Transaction[T]) -> T:
        """The answer of a transaction that is recorded whole or not at all.

        A caller that is cancelled does not learn which; the transaction itself is never cut short. A fault that waiting
        cannot mend is kept in `broken`: whoever runs on this store must stop.
        """
        try:
            return await self._in(self._writer, act, is_writing=True)
        except UnavailableError as error:
            if self.is_sqlite and any(fault.is_lasting and fault.why == error.why for fault in _FAULTS):
                self.broken = error
            raise

    async def aclose(self) -> None:
        """Wait for running transactions and close every connection."""
        for pool in (self._readers, self._writer):
            if pool is not None:
                await asyncio.to_thread(pool.shutdown)
        self._engine.dispose()

    async def _in(self, pool: ThreadPoolExecutor | None, work: Transaction[T], *, is_writing: bool) -> T:
        if pool is None:
            return self._transact(work, is_writing=is_writing)
        call = pool.submit(self._transact, work, is_writing=is_writing)
        return await asyncio.wrap_future(call)

    def _transact(self, work: Transaction[T], *, is_writing: bool) -> T:
        with told(self.url), self._engine.connect() as connection:
            connection.execution_options(**{_WRITING: is_writing})
            with connection.begin():
                return work(connection)


@contextmanager
def told(url: StoreUrl) -> Iterator[None]:
    """Turn database errors into ours; the original stays as the cause."""
    try:
        yield
    except DBAPIError as error:
        raise _unavailable(url, str(error.orig)) from error
    except SQLAlchemyError as error:
        raise _unavailable(url, type(error).__name__) from error


def _unavailable(url: StoreUrl, original: str) -> UnavailableError:
    what = "the store cannot be used"
    if url.file is None:
        return UnavailableError(
            what,
            where=url.shown,
            why="the server refused the statement or cannot be reached",
            next_step="check that PostgreSQL is up and that this user may use the database",
        )
    low = original.lower()
    for fault in _FAULTS:
        if fault.sign in low:
            return UnavailableError(what, where=url.shown, why=fault.why, next_step=fault.next_step)
    return UnavailableError(what, where=url.shown, why=original, next_step="check the file, then start again")


def connect(url: StoreUrl, *, mode: str = "rwc", inline: bool = False) -> Store:
    """Prepare a store without touching it yet. `mode` is SQLite's: rwc writes and creates; rw and ro only look, ro also where the file may not be written."""
    if url.server is not None:
        return Store(url, _postgres(url.server), inline=inline)
    assert url.file is not None  # noqa: S101 - it is one or the other
    # The transaction's own end is enough; the pool's extra rollback on return would be one more statement each.
    engine = create_engine(
        _sqlite_url(url.file, mode), pool_size=_READERS + 1, max_overflow=0, pool_reset_on_return=None
    )
    event.listen(engine, "connect", _prepare_writer if mode == "rwc" else _prepare_reader)
    event.listen(engine, "begin", _begin)
    return Store(url, engine, inline=inline)


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=_READERS + 1, max_overflow=1)
    except ModuleNotFoundError as error:
        raise RefusedError(
            "a PostgreSQL store needs a driver that is not installed",
            next_step="install the extra: pip install 'reconciler[postgres]'",
        ) from error


def _sqlite_url(file: Path, mode: str) -> URL:
    return URL.create("sqlite", database=file.absolute().as_uri(), query={"mode": mode, "uri": "true"})


def _prepare_writer(connection: DBAPIConnection, _record: object) -> None:
    _prepare(connection, "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")


def _prepare_reader(connection: DBAPIConnection, _record: object) -> None:
    _prepare(connection, "PRAGMA query_only = ON")


def _prepare(connection: DBAPIConnection, *pragmas: str) -> None:
    # The driver would begin deferred transactions by itself; ours are begun by the event below.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}", *pragmas):
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def upsert(connection: Connection, table: Table, values: Mapping[str, object], keys: tuple[str, ...]) -> None:
    """Insert a row, or bring the one with the same keys up to date."""
    connection.execute(_insert(connection.dialect.name, table, keys, tuple(values)), values)


def insert_new(connection: Connection, table: Table, values: Mapping[str, object], keys: tuple[str, ...]) -> bool:
    """Insert a row unless one with the same keys exists; tells whether it was inserted."""
    return connection.execute(_insert(connection.dialect.name, table, keys, None), values).rowcount == 1


@cache
def _insert(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...] | None) -> Insert:
    """An insert that meets its own kind: it updates the named columns, or with none leaves the row as it is."""
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if names is None:
        return statement.on_conflict_do_nothing(index_elements=keys).execution_options(preserve_rowcount=True)
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)
