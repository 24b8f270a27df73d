"""A target for which nothing came out, and why: what a report says of it in place of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from reconciler.errors import ReconcilerError, Where


@dataclass(frozen=True, slots=True)
class FailedTarget:
    """One target's error. `kind` is the kind of error, `next` the step that helps; both may be of a document by others."""

    name: str
    kind: str
    message: str
    where: Where = None
    next: str = ""

    @classmethod
    def of(cls, name: str, error: ReconcilerError) -> Self:
        """The error of a target, in words that may be shown."""
        message = f"{error.what}: {error.why}" if error.why else error.what
        return cls(name, error.kind, message, error.where, error.next_step)
