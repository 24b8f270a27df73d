"""What doctor says about one thing: it is in order, it is not, or nobody can tell from here; with cause, fix and link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ReconcilerError, UnavailableError
from reconciler.plan.change import Target
from reconciler.setup.facts import Unread


class Status(StrEnum):
    """OK, FAILED (it must be put right), or UNVERIFIABLE: it cannot be seen from here, or only after something else."""

    OK = "ok"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: `step` is the number in the set-up guide, None for what the guide forgot.

    Whatever is not OK has a cause, a fix and the address of the page where it is put right.
    """

    id: str
    title: str
    status: Status
    step: int | None = None
    cause: str = ""
    fix: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is checked, before anything is known about it."""

    id: str
    title: str
    step: int | None = None

    def ok(self, cause: str = "", *, link: str = "") -> Check:
        """It is in order; `cause` says what was seen, `link` leads to it."""
        return Check(self.id, self.title, Status.OK, self.step, cause, link=link)

    def failed(self, cause: str, *, fix: str, link: str) -> Check:
        """It is not in order."""
        return Check(self.id, self.title, Status.FAILED, self.step, cause, fix, link)

    def unverifiable(self, cause: str, *, fix: str, link: str) -> Check:
        """It cannot be told; `fix` says what would show it."""
        return Check(self.id, self.title, Status.UNVERIFIABLE, self.step, cause, fix, link)

    def unread(self, unread: Unread, *, link: str, fix: str = "") -> Check:
        """What shows it could not be read."""
        step = fix or unread.error.next_step or "run doctor again"
        return self.unverifiable(cause_of(unread.error), fix=step, link=link)

    def after(self, first: Check) -> Check:
        """It cannot be told before another check is put right."""
        name = f"step {first.step} ({first.title})" if first.step else first.title
        return self.unverifiable(f"known once this is in order: {name}", fix=first.fix, link=first.link)


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was checked of one target, in the order in which it is told."""

    target: Target
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing failed, else 1."""
        return 1 if self.count(Status.FAILED) else 0

    def count(self, status: Status) -> int:
        """How many checks ended like this."""
        return sum(check.status is status for check in self.checks)


def cause_of(error: ReconcilerError) -> str:
    """What went wrong and why. The line says what it is about, but not where an upstream was looked for."""
    said = f"{error.what}: {error.why}" if error.why else error.what
    return f"{error.where}: {said}" if isinstance(error, UnavailableError) and error.where else said


def listed(names: Sequence[str], *, most: int = 10) -> str:
    """`a, b and 3 more`: a line stays a line."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
