"""The store's tables, the same on SQLite and PostgreSQL. Changed only together with a migration."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = "0001"
"""The newest migration; a store that says the same needs none, and Alembic is then not even imported."""

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """A moment in UTC as fixed-width text: sorts by time, reads well in any SQL client, loses no microsecond."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write an aware datetime."""
        del dialect
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """Read it back as UTC."""
        del dialect
        return None if value is None else datetime.fromisoformat(str(value))


_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")

entries = Table(
    "entries",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("subject", String(500), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("is_present", Boolean, nullable=False),
    Column("plan", String(500), nullable=False),
    Column("state", String(20), nullable=False),
    Column("uuid", String(64), nullable=False),
    Column("code", String(200), nullable=False),
    Column("issue", String(500), nullable=False),
    Column("since", Instant, nullable=False),
    Column("next_attempt", Instant),
    Column("document", Text, nullable=False),
)
Index("entries_present", entries.c.target, entries.c.subject, unique=True,
      sqlite_where=text("is_present"), postgresql_where=text("is_present"))  # fmt: skip
Index("entries_plan", entries.c.target, entries.c.plan)
Index("entries_state", entries.c.target, entries.c.state)
Index("entries_code", entries.c.target, entries.c.code)
Index("entries_uuid", entries.c.target, entries.c.uuid)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("target", String(200), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("receiver", String(500), nullable=False),
    Column("mark", String(500), nullable=False),
    Column("is_owed", Boolean, nullable=False),
    Column("next_attempt", Instant),
    Column("document", Text, nullable=False),
    UniqueConstraint("target", "kind", "receiver", "mark", name="outbox_message"),
)
Index("outbox_owed", outbox.c.target, outbox.c.is_owed, outbox.c.next_attempt)

wishes = Table(
    "wishes",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("id", String(500), primary_key=True),
    Column("subject", String(500), nullable=False),
    Column("source", String(500), nullable=False),
    Column("by_whom", String(500), nullable=False),
    Column("at", Instant, nullable=False),
    Column("answer", Text),
)
Index("wishes_subject", wishes.c.target, wishes.c.subject, wishes.c.at)

history = Table(
    "history",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("target", String(200), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("time", Instant, nullable=False),
    Column("document", Text, nullable=False),
)
Index("history_subject", history.c.target, history.c.subject, history.c.id)

applied = Table(
    "applied",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("document", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("at", Instant, nullable=False),
)
Index("events_at", events.c.at)

leases = Table(
    "leases",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("holder", String(500), nullable=False),
    Column("token", String(64), nullable=False),
    Column("taken", Float, nullable=False),
    Column("ends", Float, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("identity", String(500), primary_key=True),
    Column("workspace", String(500), nullable=False),
    Column("since", Instant, nullable=False),
)
