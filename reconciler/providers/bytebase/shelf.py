"""Values read a moment ago, by key: many passes share one read, and nothing is believed longer than said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """Keeps each value for `age` seconds by `clock`. Callers who want the same key at once wait for one read."""

    def __init__(self, age: float, clock: Callable[[], float]) -> None:
        self._age, self._clock = age, clock
        self._values: dict[str, tuple[float, Value]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, key: str, read: Callable[[], Awaitable[Value]]) -> Value:
        """The kept value if it is young enough, else a new one. A failed read is raised and changes nothing."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._values.get(key)
            if kept is not None and self._clock() - kept[0] < self._age:
                return kept[1]
            return await self.renew(key, read)

    async def renew(self, key: str, read: Callable[[], Awaitable[Value]]) -> Value:
        """Read anew, whatever is kept. Its age counts from before the read."""
        asked = self._clock()
        value = await read()
        self._values[key] = (asked, value)
        return value

    def distrust(self) -> None:
        """Believe nothing that was read before now; `last` still knows it."""
        self._values = {key: (float("-inf"), value) for key, (_, value) in self._values.items()}

    def last(self, key: str) -> Value | None:
        """What was read last, however old; None before the first read."""
        kept = self._values.get(key)
        return kept[1] if kept is not None else None
