"""What the page says after an act: kept here and named by number, so that no link can put words into the page."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence about the act just done; `refused` where the upstream said no."""

    text: str
    refused: bool


class Notices:
    """The last hundred notices."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._kept: OrderedDict[str, Notice] = OrderedDict()

    def keep(self, notice: Notice) -> str:
        """The number under which `get` finds it."""
        number = str(next(self._numbers))
        self._kept[number] = notice
        if len(self._kept) > 100:
            self._kept.popitem(last=False)
        return number

    def get(self, number: str | None) -> Notice | None:
        """The notice of that number, while it is kept."""
        return self._kept.get(number or "")
