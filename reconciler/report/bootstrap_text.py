"""A walk through the set-up, for a terminal: each step with what was done or is left to do, then doctor's lines."""

from __future__ import annotations

from reconciler.report.doctor_text import doctor_text
from reconciler.report.page import Page
from reconciler.report.values import plain
from reconciler.setup.walkthrough import Step, StepState, Walkthrough

WORDS = {
    StepState.DONE: "done",
    StepState.BY_HAND: "to do by hand",
    StepState.WAITING: "waiting",
    StepState.REFUSED: "not permitted",
    StepState.FAILED: "failed",
    StepState.NOT_REACHED: "not reached",
}
"""What the end of a step is called wherever people read it."""
_STYLES = {StepState.DONE: "green", StepState.FAILED: "red", StepState.REFUSED: "red"}
_INDENT = " " * 26
_LONG = 2_000


def steps_text(steps: tuple[Step, ...], *, color: bool) -> str:
    """Steps as they end, with what is left to a person."""
    page = Page(color=color)
    for step in steps:
        head = f"  {WORDS[step.state]:<13}  {step.steps:<7}  {plain(step.title)}: {plain(step.said, _LONG)}"
        page.line(head, _STYLES.get(step.state, "yellow"))
        if step.fix:
            page.line(f"{_INDENT}next: {plain(step.fix, _LONG)}")
        if step.link:
            page.line(f"{_INDENT}link: {plain(step.link, _LONG)}")
    return page.text()


def bootstrap_text(walk: Walkthrough, *, color: bool, with_steps: bool = True) -> str:
    """The whole walk; without the steps where they were told as they ended."""
    steps = steps_text(walk.steps, color=color) if with_steps else ""
    return (
        f"{steps}\n{doctor_text(walk.examination, color=color)}"
        if steps
        else doctor_text(walk.examination, color=color)
    )
