"""A sign of life on a terminal while something takes long; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from reconciler.cli.options import CommonOptions


class _Status(Protocol):
    """What is drawn: a line that moves until it is stopped."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def update(self, status: str) -> None: ...


class Sign:
    """The line that says what is being done; without a terminal it says nothing."""

    def __init__(self, status: _Status | None = None) -> None:
        self._status = status

    def say(self, what: str) -> None:
        """From now on this is being done."""
        if self._status is not None:
            self._status.update(_line(what))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the line away while a person reads and answers."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()


@contextmanager
def working(what: str, options: CommonOptions | None = None) -> Iterator[Sign]:
    """Show `what` on standard error while the block runs, if that is a terminal.

    With -v the calls themselves are shown there, and are sign enough.
    """
    options = options or CommonOptions()
    if not sys.stderr.isatty() or options.verbose:
        yield Sign()
        return
    from rich.console import Console

    console = Console(stderr=True, no_color=not options.color or None)
    with console.status(_line(what)) as status:
        yield Sign(status)


def _line(what: str) -> str:
    from rich.markup import escape

    return f"{escape(what)} …"
