"""`bytebase/approvalRules`: the ordered list of rules that decide which review an issue needs.

A write replaces the whole list. Order matters: rules of the issue's source are tried first, then those without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, Resource, declared, listed

WORKSPACE = "workspace"
CATCH_ALL = "true"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """One rule; an empty source makes it a fallback, an empty condition never matches. None: not declared."""

    source: str = ""
    condition: str | None = None
    title: str | None = None
    description: str | None = None
    roles: tuple[str, ...] | None = None

    @property
    def is_catch_all(self) -> bool:
        """A fallback that matches every issue."""
        return not self.source and (self.condition or "").strip() == CATCH_ALL

    def plain(self) -> Mapping[str, Json]:
        """The rule as plain data."""
        return declared(
            source=self.source,
            condition=self.condition,
            title=self.title,
            description=self.description,
            roles=listed(self.roles),
        )


@dataclass(frozen=True, slots=True)
class ApprovalRules(Resource):
    """The whole list, in order."""

    kind: ClassVar[str] = "bytebase/approvalRules"
    marks: ClassVar[Mapping[str, Mark]] = {"rules": Mark.PLAIN}

    rules: tuple[ApprovalRule, ...]

    @property
    def name(self) -> str:
        """There is one list in a workspace."""
        return WORKSPACE

    @property
    def has_catch_all(self) -> bool:
        """Whether every issue matches some rule; issues that match none pass by themselves."""
        return any(rule.is_catch_all for rule in self.rules)

    def fields(self) -> Mapping[str, Json]:
        """The rules."""
        return {"rules": [rule.plain() for rule in self.rules]}

    def erases(self, observed: Self) -> tuple[str, ...]:
        """Titles of live rules whose source and title are not declared."""
        kept = {(rule.source, rule.title) for rule in self.rules}
        return tuple(rule.title or "(untitled)" for rule in observed.rules if (rule.source, rule.title) not in kept)

    def over(self, observed: Self) -> Self:
        """What a rule does not declare comes from the live rule of its source and title (the n-th of the n-th), else the default."""
        live: dict[tuple[str, str], list[ApprovalRule]] = {}
        for rule in observed.rules:
            live.setdefault((rule.source, rule.title or ""), []).append(rule)
        filled = []
        for rule in self.rules:
            namesakes = live.get((rule.source, rule.title or ""), [])
            base = namesakes.pop(0) if namesakes else ApprovalRule()
            filled.append(
                replace(
                    rule,
                    condition=_first(rule.condition, base.condition),
                    title=_first(rule.title, base.title),
                    description=_first(rule.description, base.description),
                    roles=rule.roles if rule.roles is not None else base.roles or (),
                )
            )
        return replace(self, rules=tuple(filled))


def _first(declared_value: str | None, live_value: str | None) -> str:
    return declared_value if declared_value is not None else live_value or ""
