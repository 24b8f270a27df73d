"""What doctor found, for a terminal: one line each, with cause, fix and link below whatever is not in order."""

from __future__ import annotations

from reconciler.report.page import Page
from reconciler.report.values import plain
from reconciler.setup.check import Check, Examination, Status

WORDS = {Status.OK: "ok", Status.FAILED: "failed", Status.UNVERIFIABLE: "cannot be verified"}
"""What a check's end is called wherever people read it."""
_STYLES = {Status.OK: "green", Status.FAILED: "red", Status.UNVERIFIABLE: "yellow"}
_INDENT = " " * 24
_LONG = 2_000


def doctor_text(examination: Examination, *, color: bool) -> str:
    """The checks of one target, then how many ended how."""
    page = Page(color=color)
    page.target(examination.target)
    width = max((len(check.title) for check in examination.checks), default=0)
    fixes = _Fixes(examination)
    for check in examination.checks:
        cause = plain(check.cause, _LONG)
        head = f"  {WORDS[check.status]:<18}  {check.step or ' '}  {plain(check.title):<{width}}  {cause}"
        page.line(head.rstrip(), _STYLES[check.status])
        for line in fixes.of(check):
            page.line(f"{_INDENT}{line}")
    page.line(f"Doctor: {summary(examination)}.", "bold")
    return page.text()


def summary(examination: Examination) -> str:
    """`12 ok, 1 failed, 3 cannot be verified`."""
    return ", ".join(f"{examination.count(status)} {word}" for status, word in WORDS.items())


class _Fixes:
    """Says each fix once: what waits for a failed line names that line already."""

    def __init__(self, examination: Examination) -> None:
        self._told = {fix_of(check): check for check in reversed(examination.checks) if check.status is Status.FAILED}

    def of(self, check: Check) -> list[str]:
        """The lines below a check."""
        if check.status is Status.OK:
            return [f"link: {plain(check.link, _LONG)}"] if check.link else []
        first = self._told.setdefault(fix_of(check), check)
        if first is check:
            return [f"fix:  {plain(check.fix, _LONG)}", f"link: {plain(check.link, _LONG)}"]
        return [] if first.status is Status.FAILED else [f"fix:  as for {plain(first.title)}"]


def fix_of(check: Check) -> tuple[str, str]:
    """What is to be done, and where."""
    return check.fix, check.link
