"""What became of each change of an applied plan. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.plan.change import Target
from reconciler.resources.base import Key


class Result(StrEnum):
    """How one change ended."""

    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_REACHED = "notReached"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One change and its end. `code` is the approval code of a definition that was created."""

    kind: str
    name: str
    result: Result
    reason: str = ""
    code: str | None = None

    @property
    def id(self) -> str:
        """`<kind>/<name>`."""
        return str(Key(self.kind, self.name))


@dataclass(frozen=True, slots=True)
class Applied:
    """All outcomes of one target, in order of application; `messages` are things the reader must do by hand."""

    target: Target
    outcomes: tuple[Outcome, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 everything applied, 1 nothing was, 4 some were."""
        results = {outcome.result for outcome in self.outcomes}
        if results <= {Result.APPLIED}:
            return 0
        return 4 if Result.APPLIED in results else 1
