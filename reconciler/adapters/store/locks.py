"""One sync, one apply at a time per store: a file lock beside an SQLite file, a lease in PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from reconciler.adapters.lock_file import hold_file
from reconciler.adapters.store.engine import Store
from reconciler.adapters.store.leases import hold_lease


class StoreLock:
    """A named lock of a store. `name` is 'sync' or 'apply'."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[asyncio.Event]:
        """Hold it while the block runs. RefusedError, with holder and age, while somebody else does.

        The event is set if the lock was lost: its holder must then write no more.
        """
        what = f"{'an' if self._name[0] in 'aeio' else 'a'} {self._name}"
        file = self._store.url.file
        if file is None:
            holder = f"process {os.getpid()} on {socket.gethostname()}"
            async with hold_lease(self._store, self._name, holder=holder, what=what) as lease:
                yield lease.lost
        else:
            path = file.with_name(f"{file.name}.{self._name}.lock")
            with hold_file(path, what=what, now=datetime.now(UTC)):
                yield asyncio.Event()
