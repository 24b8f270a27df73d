"""Alembic's entry: migrates over the connection and inside the transaction it is handed."""

from __future__ import annotations

from alembic import context

from reconciler.adapters.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
