"""The exit codes of the program, and which one stands for several targets."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the program says to the shell; click's own 2 for bad usage would read as changes, so that is 64."""

    DONE = 0
    """Done, or nothing to do."""
    ERROR = 1
    """It went wrong, or something is wrong."""
    CHANGES = 2
    """A plan with changes, or drift."""
    REFUSED = 3
    """We would not: unsafe, stale or locked."""
    PARTLY = 4
    """Some changes were applied and some failed."""
    USAGE = 64
    """The command line cannot be meant."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""


_WORST_FIRST = (ExitCode.ERROR, ExitCode.PARTLY, ExitCode.REFUSED, ExitCode.CHANGES, ExitCode.DONE)


def worst(codes: Iterable[int]) -> ExitCode:
    """The code of a run over several targets: the first of 1, 4, 3, 2, 0 that occurs; 0 of none."""
    occurring = set(codes)
    return next((code for code in _WORST_FIRST if code in occurring), ExitCode.DONE)
