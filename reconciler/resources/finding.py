"""A finding: one thing worth saying about a resource, with what to do next. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.resources.base import Key, Origin


@dataclass(frozen=True, slots=True)
class Finding:
    """A code for programs, a sentence for people, and the next step; `origin` where the spec speaks of it."""

    code: str
    kind: str
    name: str
    message: str
    next: str = ""
    origin: Origin | None = None

    @property
    def key(self) -> Key:
        """What it is about."""
        return Key(self.kind, self.name)


def order(finding: Finding) -> tuple[str, str, str, str]:
    """Sort key: the order of findings never depends on the order in which they were found."""
    return (finding.kind, finding.name, finding.code, finding.message)
