"""The set-up walked through: what was done by program at each step of the guide, and what is left to a person. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.plan.outcome import Outcome
from reconciler.setup.check import Check, Examination


class StepState(StrEnum):
    """How a step ended.

    DONE now or before · BY_HAND: only a person can, in the console · WAITING for an administrator · REFUSED: nobody
    permitted it · FAILED · NOT_REACHED: something before it is missing.
    """

    DONE = "done"
    BY_HAND = "byHand"
    WAITING = "waiting"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_REACHED = "notReached"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `steps` are its numbers in the guide, '' beyond it. What is not done has a fix, and a link where a page helps."""

    id: str
    steps: str
    title: str
    state: StepState
    said: str = ""
    fix: str = ""
    link: str = ""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state is StepState.DONE


@dataclass(frozen=True, slots=True)
class Walkthrough:
    """Every step of one target, and what doctor says at the end."""

    steps: tuple[Step, ...]
    examination: Examination

    @property
    def exit_code(self) -> int:
        """3 when something was not permitted, 4 when some changes failed and others did not, else doctor's."""
        states = {step.state for step in self.steps}
        if StepState.REFUSED in states:
            return 3
        if StepState.FAILED in states:
            return 4 if any(step.is_done and step.outcomes for step in self.steps) else 1
        return self.examination.exit_code


def by_hand(id_: str, steps: str, title: str, checks: list[Check]) -> Step:
    """A step that the API does not take: what doctor says is to be done, and where."""
    return Step(
        id_,
        steps,
        title,
        StepState.BY_HAND,
        said="; ".join(dict.fromkeys(check.cause for check in checks)),
        fix="; ".join(dict.fromkeys(check.fix for check in checks)),
        link=checks[0].link,
    )
