"""A copy of the history as JSON lines in a file, for whoever collects logs; the store stays the record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from reconciler.errors import UnavailableError
from reconciler.subjects.entry import HistoryRow

_log = logging.getLogger(__name__)


class HistoryLog:
    """Appends one line per history row. `render` turns a row into one line of text without its end."""

    def __init__(self, path: Path, render: Callable[[HistoryRow], str]) -> None:
        self._path = path
        self._render = render
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise UnavailableError(
                "the history log cannot be written",
                where=str(path),
                why=error.strerror or "",
                next_step="name a writable file with --history-log",
            ) from error

    def append(self, rows: Sequence[HistoryRow]) -> None:
        """Append the rows; the file may be rotated away between two calls. A failure is logged and stops nothing."""
        text = "".join(f"{self._render(row)}\n" for row in rows)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            _log.error("the history log %s could not be written: %s", self._path, error.strerror)
