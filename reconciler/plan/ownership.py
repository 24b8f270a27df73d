"""Whose a definition is that a plan would overwrite: told by the stamp of its approval node, and by what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live
from reconciler.plan.change import Change, Plan
from reconciler.plan.select import Selection
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.base import Key
from reconciler.resources.definition import Definition, is_stamp, stamp_prefix
from reconciler.resources.finding import Finding
from reconciler.resources.record import AppliedRecord, RecordState


@dataclass(frozen=True, slots=True)
class OwnershipFacts:
    """What is declared, live and recorded, and which definitions may be taken from another integration (`rewrite`)."""

    declared: Sequence[Declared] = ()
    live: Live = field(default_factory=Live)
    records: Mapping[Key, AppliedRecord] = field(default_factory=dict)
    rewrite: Selection | None = None


def foreign_definitions(plan: Plan, facts: OwnershipFacts) -> tuple[list[Finding], list[Finding]]:
    """Refusals and warnings: definitions of another integration, and those that nobody knows to be ours."""
    refusals: list[Finding] = []
    warnings: list[Finding] = []
    for change, live in _foreign(plan, facts):
        if is_stamp(live.stamp):
            permitted = facts.rewrite is not None and facts.rewrite.has(change.key)
            (warnings if permitted else refusals).append(_other_integration(change, live, permitted=permitted))
        elif not _is_recorded(live, facts.records):
            warnings.append(_not_ours(change, live))
    return refusals, warnings


def other_codes(plan: Plan, facts: OwnershipFacts) -> list[Finding]:
    """A warning for each definition whose declared code is not the recorded one: the recorded one stays behind."""
    definitions = {
        one.key: (one.resource.code or "").lower()
        for one in facts.declared
        if isinstance(one.resource, Definition | AdoptedDefinition)
    }
    found = []
    for change in plan.changes:
        record = facts.records.get(change.key)
        if change.key not in definitions or record is None or not record.code:
            continue
        if record.code.lower() not in definitions.values():
            found.append(_other_code(change, record))
    return found


def _foreign(plan: Plan, facts: OwnershipFacts) -> Iterator[tuple[Change, Definition]]:
    """The definitions that would be written and do not carry our stamp, with what is live of them."""
    wanted = {one.key: one.resource for one in facts.declared}
    for change in plan.pending:
        desired, live = wanted.get(change.key), facts.live.get(change.key)
        if (
            isinstance(desired, Definition)
            and isinstance(live, Definition)
            and not live.stamp.startswith(stamp_prefix(desired.integration))
        ):
            yield change, live


def _is_recorded(live: Definition, records: Mapping[Key, AppliedRecord]) -> bool:
    code = (live.code or "").lower()
    return any(
        key.kind == Definition.kind and record.state is RecordState.APPLIED and record.code.lower() == code
        for key, record in records.items()
    )


def _other_integration(change: Change, live: Definition, *, permitted: bool) -> Finding:
    if permitted:
        return Finding(
            "otherIntegration",
            change.kind,
            change.name,
            f"the definition {live.code} carries the stamp of another integration ({live.stamp}) and is taken from it",
            "see that no other spec declares this code any more",
            change.origin,
        )
    return Finding(
        "otherIntegration",
        change.kind,
        change.name,
        f"the definition {live.code} belongs to another integration: its approval node carries that one's stamp "
        f"({live.stamp})",
        "give this definition a code of its own, or null to create one; where only the integration was renamed, "
        f"--rewrite {change.id} permits it",
        change.origin,
    )


def _not_ours(change: Change, live: Definition) -> Finding:
    return Finding(
        "notOurs",
        change.kind,
        change.name,
        f"the definition {live.code} carries no stamp of ours and nothing is recorded of it: it was made or changed by "
        "hand, and everything in it is overwritten",
        "write `mode: adopted` to leave it as it is, or a code of its own for this definition",
        change.origin,
    )


def _other_code(change: Change, record: AppliedRecord) -> Finding:
    return Finding(
        "otherCode",
        change.kind,
        change.name,
        f"the spec names another code than the one that was applied last ({record.code}): that definition stays in Feishu, "
        "and requests that wait there are withdrawn",
        "write the former code again, or deactivate that definition in Feishu's admin console",
        change.origin,
    )
