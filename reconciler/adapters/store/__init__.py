"""The store: entries, outbox, wishes, history and records, on SQLite or PostgreSQL."""

from reconciler.adapters.store.agenda import AskedInstance, SqlAgenda, targets
from reconciler.adapters.store.applied import SqlAppliedReader, SqlAppliedRecords
from reconciler.adapters.store.engine import Store
from reconciler.adapters.store.event_memory import SqlEventMemory, last_event
from reconciler.adapters.store.identities import IdentityRecords
from reconciler.adapters.store.ledger import SqlLedger
from reconciler.adapters.store.locks import StoreLock
from reconciler.adapters.store.opening import migrate, open_for_reading, open_store
from reconciler.adapters.store.read_only import ReadOnlyLedger

__all__ = [
    "AskedInstance",
    "IdentityRecords",
    "ReadOnlyLedger",
    "SqlAgenda",
    "SqlAppliedReader",
    "SqlAppliedRecords",
    "SqlEventMemory",
    "SqlLedger",
    "Store",
    "StoreLock",
    "last_event",
    "migrate",
    "open_for_reading",
    "open_store",
    "targets",
]
