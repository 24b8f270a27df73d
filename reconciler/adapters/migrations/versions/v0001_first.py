"""The first schema: entries, outbox, wishes, history, applied, events, leases, identities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.String(32)
_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _create_gate_tables()
    _create_records()


def _create_gate_tables() -> None:
    op.create_table(
        "entries",
        sa.Column("target", sa.String(200), primary_key=True),
        sa.Column("subject", sa.String(500), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("is_present", sa.Boolean, nullable=False),
        sa.Column("plan", sa.String(500), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("uuid", sa.String(64), nullable=False),
        sa.Column("code", sa.String(200), nullable=False),
        sa.Column("issue", sa.String(500), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("next_attempt", _MOMENT),
        sa.Column("document", sa.Text, nullable=False),
    )
    present = sa.text("is_present")
    op.create_index(
        "entries_present", "entries", ["target", "subject"], unique=True, sqlite_where=present, postgresql_where=present
    )
    op.create_index("entries_plan", "entries", ["target", "plan"])
    op.create_index("entries_state", "entries", ["target", "state"])
    op.create_index("entries_code", "entries", ["target", "code"])
    op.create_index("entries_uuid", "entries", ["target", "uuid"])
    op.create_table(
        "outbox",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("receiver", sa.String(500), nullable=False),
        sa.Column("mark", sa.String(500), nullable=False),
        sa.Column("is_owed", sa.Boolean, nullable=False),
        sa.Column("next_attempt", _MOMENT),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("target", "kind", "receiver", "mark", name="outbox_message"),
    )
    op.create_index("outbox_owed", "outbox", ["target", "is_owed", "next_attempt"])
    op.create_table(
        "wishes",
        sa.Column("target", sa.String(200), primary_key=True),
        sa.Column("id", sa.String(500), primary_key=True),
        sa.Column("subject", sa.String(500), nullable=False),
        sa.Column("source", sa.String(500), nullable=False),
        sa.Column("by_whom", sa.String(500), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("answer", sa.Text),
    )
    op.create_index("wishes_subject", "wishes", ["target", "subject", "at"])
    op.create_table(
        "history",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(500), nullable=False),
        sa.Column("time", _MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("history_subject", "history", ["target", "subject", "id"])


def _create_records() -> None:
    op.create_table(
        "applied",
        sa.Column("target", sa.String(200), primary_key=True),
        sa.Column("kind", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_index("events_at", "events", ["at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("holder", sa.String(500), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("taken", sa.Float, nullable=False),
        sa.Column("ends", sa.Float, nullable=False),
    )
    op.create_table(
        "identities",
        sa.Column("identity", sa.String(500), primary_key=True),
        sa.Column("workspace", sa.String(500), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
    )
