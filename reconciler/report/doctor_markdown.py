"""What doctor found, as Markdown: a table of the lines, then each fix with its link."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.report.doctor_text import WORDS, fix_of, summary
from reconciler.report.escape import code, prose
from reconciler.setup.check import Check, Examination, Status

_MARKS = {Status.OK: "✅", Status.FAILED: "❌", Status.UNVERIFIABLE: "❔"}


def doctor_markdown(examinations: Sequence[Examination]) -> str:
    """One section for each target."""
    return "\n".join(["<!-- reconciler:doctor -->", *(_section(each) for each in examinations)])


def _section(examination: Examination) -> str:
    lines = [
        f"### {code(examination.target.name)}: {summary(examination)}",
        "",
        "| | Step | Check | Seen |",
        "|---|---|---|---|",
        *(_row(check) for check in examination.checks),
        "",
        *_fixes(examination),
    ]
    return "\n".join(lines) + "\n"


def _row(check: Check) -> str:
    mark = f"{_MARKS[check.status]} {WORDS[check.status]}"
    return f"| {mark} | {check.step or ''} | {prose(check.title)} | {prose(check.cause)} |"


def _fixes(examination: Examination) -> list[str]:
    """What is to be done, each once, what failed first."""
    open_checks = [check for check in examination.checks if check.status is not Status.OK]
    open_checks.sort(key=lambda check: check.status is not Status.FAILED)
    first: dict[tuple[str, str], Check] = {}
    for check in open_checks:
        first.setdefault(fix_of(check), check)
    return [_fix(check) for check in first.values()]


def _fix(check: Check) -> str:
    step = f"step {check.step}, " if check.step else ""
    return f"- {_MARKS[check.status]} {step}{prose(check.title)}: {prose(check.fix)} ({code(check.link, 1_000)})"
