"""An event loop whose clock jumps to the next timer instead of waiting for it: hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Never waits; what the loop wanted to wait is added to its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("nothing will ever happen: every task waits for another")
            self.passed += max(timeout, 0)
        return ready


class FastLoop(asyncio.SelectorEventLoop):
    """Do not use with threads or sockets: their answers take real time, which does not pass here."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


def run_fast(main: Coroutine[object, object, T]) -> T:
    """Run to the end on a loop of its own."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(main)
