"""One holder per file, by the operating system's lock: a process that is killed holds nothing any more."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from reconciler.errors import RefusedError, UnavailableError


@contextmanager
def hold_file(path: Path, *, what: str, now: datetime) -> Iterator[None]:
    """Hold the lock file while the block runs. Refused with holder and age while another process has it.

    `what` is the beginning of the sentence ("a sync", "an apply").
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnavailableError(
            "the lock file cannot be opened",
            where=str(path),
            why=error.strerror or "",
            next_step="make its folder writable",
        ) from error
    try:
        _take(handle, path, what=what, now=now)
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: Path, *, what: str, now: datetime) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RefusedError(
            f"{what} is already running on this store",
            where=str(path),
            why=f"held by {_holder(path, now)}",
            next_step="stop that process, or use another --store",
        ) from error
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}
    # Only a hint for people: a full disk must not keep us from holding a lock that is already ours.
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(note).encode(), 0)


def _holder(path: Path, now: datetime) -> str:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        age = now - datetime.fromisoformat(note["since"])
        return f"process {note['pid']} on {note['host']}, for {age.total_seconds():.0f} s"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
