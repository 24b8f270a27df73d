"""The approval rules (facts §7.2): one ordered list, replaced whole, written only with an ENTERPRISE licence."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError, NotFoundError
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire_changes import WireFlow, WireTemplate
from reconciler.providers.bytebase.wire_people import WireExpr
from reconciler.providers.bytebase.wire_workspace import WireRule
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Resource

NEVER = "false"
"""What a rule without a condition means: it never matches (facts §7.2)."""


class ApprovalRulesReader:
    """Reads the list."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """The list; undeclared when the spec has none."""
        try:
            rules = await self._client.settings.approval_rules()
        except NotFoundError:
            rules = ()
        found = ApprovalRules(tuple(_rule(rule) for rule in rules))
        return Observation(live=(found,)) if wanted else Observation(others=(found,) if inventory and rules else ())


def _rule(rule: WireRule) -> ApprovalRule:
    return ApprovalRule(
        source="" if rule.source == "SOURCE_UNSPECIFIED" else rule.source,
        condition=rule.condition.expression or NEVER,
        title=rule.template.title,
        description=rule.template.description,
        roles=rule.template.flow.roles,
    )


class ApprovalRulesWriter:
    """Replaces the list."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Write every rule, with what is not declared as it was."""
        desired = write.desired
        if not isinstance(desired, ApprovalRules):
            raise BugError("the approval rules are never deleted", where=ApprovalRules.kind)
        live = write.observed if isinstance(write.observed, ApprovalRules) else ApprovalRules(())
        await self._client.settings.write_approval_rules([_wire(rule) for rule in desired.over(live).rules])
        return Written()


def _wire(rule: ApprovalRule) -> WireRule:
    return WireRule(
        source=rule.source,
        condition=WireExpr(expression=rule.condition or ""),
        template=WireTemplate(
            title=rule.title or "", description=rule.description or "", flow=WireFlow(roles=rule.roles or ())
        ),
    )
