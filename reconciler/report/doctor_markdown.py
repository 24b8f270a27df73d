"""What doctor found, as Markdown: a table of the lines, then each fix with its link."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.plan.failed import FailedTarget
from reconciler.report.doctor_text import WORDS, fix_of, summary
from reconciler.report.escape import code, prose
from reconciler.report.markdown import failures_markdown
from reconciler.setup.check import Check, Examination, Status

_FAILURES = 20_000
"""Room for targets that could not be examined, in characters."""
_PLAIN_LINK = re.compile(r"https?://[A-Za-z0-9.:/?&=,%~+_\[\]-]{1,2000}")
_MARKS = {Status.OK: "✅", Status.FAILED: "❌", Status.UNVERIFIABLE: "❔"}


def doctor_markdown(examinations: Sequence[Examination], failed: Sequence[FailedTarget] = ()) -> str:
    """The targets that could not be examined, then one section for each of the others."""
    head = f"<!-- reconciler:doctor -->\n{failures_markdown(failed, _FAILURES)}"
    return head + "\n".join(examination_markdown(each) for each in examinations)


def examination_markdown(examination: Examination) -> str:
    """The lines of one target as a table, and each fix once below it."""
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
    return f"- {_MARKS[check.status]} {step}{prose(check.title)}: {prose(check.fix)} ({link_markdown(check.link)})"


def link_markdown(link: str) -> str:
    """A link that can be followed; one with anything odd in it is only shown."""
    return f"<{link}>" if _PLAIN_LINK.fullmatch(link) else code(link, 1_000)
