"""What `--observe` runs instead of passes: it decides, says what it would do, and has nothing that writes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.subjects.change import Comment
from reconciler.subjects.entry import Reason

_log = logging.getLogger(__name__)

LOOK_AGAIN = 60.0


class Verdict(Protocol):
    """What a pass would decide now, and why."""

    @property
    def decision_name(self) -> str:
        """The decision in a word."""
        ...

    @property
    def row(self) -> int:
        """The row of the table."""
        ...

    @property
    def reason(self) -> Reason:
        """Why."""
        ...


@dataclass(frozen=True, slots=True)
class Observed:
    """The end of an observing pass."""

    decision: str
    row: int
    again_after: float | None = LOOK_AGAIN
    wake: tuple[str, ...] = ()
    why: str = ""


class ObservingPasses:
    """Explains each subject instead of acting on it, and says what changed since the last look."""

    def __init__(self, explain: Callable[[str], Awaitable[Verdict]], say: Callable[[str], None] = _log.warning) -> None:
        self._explain = explain
        self._say = say
        self._said: dict[str, str] = {}

    async def reconcile(self, subject: str) -> Observed:
        """Look at one subject."""
        verdict = await self._explain(subject)
        sentence = f"{subject}: would {verdict.decision_name} (row {verdict.row}): {verdict.reason.text}"
        if self._said.get(subject) != sentence:
            self._said[subject] = sentence
            self._say(sentence)
        return Observed(verdict.decision_name, verdict.row)


class UnsentMessages:
    """The outbox of somebody who only looks."""

    async def deliver(self) -> int:
        """Nothing is sent."""
        return 0


class UnheardCommands:
    """The bell of somebody who only looks."""

    async def listen(self, issue: str, subject: str, comments: Sequence[Comment]) -> bool:
        """Nothing is recorded."""
        del issue, subject, comments
        return False
