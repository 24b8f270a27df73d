"""Reads everything a plan needs of one target. Only readers come in, so nothing here can write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.desired.declared import Declared
from reconciler.desired.target import Desired, desired_of
from reconciler.errors import FilePosition, ForbiddenError, NotFoundError
from reconciler.gather import all_of
from reconciler.plan.build import Live
from reconciler.plan.capability import KIND as CAPABILITY
from reconciler.plan.capability import MOST_UNNAMED, capability_warnings
from reconciler.plan.left_behind import LeftBehind, left_behind, left_records, sought
from reconciler.plan.people import (
    asked_people,
    everybody_warning,
    gated_environments,
    gated_projects,
    nobody_warning,
    people_findings,
)
from reconciler.plan.rights import rights_after
from reconciler.plan.select import Selection
from reconciler.plan.target import identity_of
from reconciler.ports.declarative import Observation, Readers
from reconciler.resources.access import Access
from reconciler.resources.base import Key, Resource
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.subscription import Subscription
from reconciler.spec.target import Target

_POLICY = "bytebase/rolloutPolicy"
_DEFINITION = "feishu/definition"
_RULES = "bytebase/approvalRules"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: the chosen resources, and the kinds whose undeclared live resources are listed too (None: all)."""

    selection: Selection = field(default_factory=Selection)
    inventory: frozenset[str] | None = frozenset()

    def lists(self, kind: str) -> bool:
        """Whether undeclared resources of the kind are listed."""
        return self.inventory is None or kind in self.inventory

    @property
    def is_whole(self) -> bool:
        """Whether everything there is is looked at."""
        return self.inventory is None and not self.selection.is_partial


@dataclass(frozen=True, slots=True)
class Observed:
    """One target as it is now: facts, what is declared, what is live, what is remembered, who may do what.

    `left_behind` is what was applied once, is declared no more and still stands; only a whole inventory looks for it.
    """

    facts: UpstreamFacts
    desired: Desired
    live: Live
    records: Mapping[Key, AppliedRecord]
    access: Access | None
    remembered_workspace: str
    left_behind: tuple[LeftBehind, ...] = ()


async def observe(target: Target, readers: Readers, scope: Scope) -> Observed:
    """Read one target. Any failed read raises: half a picture would be a wrong plan.

    NotFoundError, with the place in the spec, for a definition whose code Feishu does not know.
    """
    readers.forget()
    records = await readers.applied.records(target.name)
    desired = desired_of(target, records)
    chosen = [one for one in desired.declared if scope.selection.has(one.key)]
    facts = await readers.facts.facts()
    try:
        observations = await _observe_kinds(chosen, readers, scope)
    except NotFoundError as error:
        raise _placed(error, target, chosen) from error
    live = _live(chosen, observations, records)
    access, people, rights = await _observe_people(target, readers, live, desired, scope)
    live = Live(
        live.resources,
        live.others,
        people,
        (*live.warnings, *desired.warnings, *rights),
        (*live.refusals, *desired.refusals),
    )
    remembered = await _remembered(target, readers, facts)
    left = await _left_behind(desired, live, records, readers) if scope.is_whole else ()
    return Observed(facts, desired, live, records, access, remembered, left)


async def _remembered(target: Target, readers: Readers, facts: UpstreamFacts) -> str:
    return await readers.applied.workspace(identity_of(target, facts.workspace)) or ""


def _placed(error: NotFoundError, target: Target, chosen: Sequence[Declared]) -> NotFoundError:
    """A reader does not know the spec: where it names a declared resource, the place that declares it is put there."""
    origin = next((one.origin for one in chosen if str(one.key) == error.where), None)
    if origin is None:
        return error
    definitions = target.spec.feishu.definitions if target.spec.feishu is not None else ()
    codes = (
        target.origin("spec", "feishu", "definitions", index, "code")
        for index, definition in enumerate(definitions)
        if f"{_DEFINITION}/{definition.name}" == error.where
    )
    at = next(codes, FilePosition(origin.file, origin.line, 1))
    return NotFoundError(f"{error.where}: {error.what}", where=at, why=error.why, next_step=error.next_step)


async def _left_behind(
    desired: Desired, live: Live, records: Mapping[Key, AppliedRecord], readers: Readers
) -> tuple[LeftBehind, ...]:
    left = left_records(records, desired.declared, live.others)
    stands = await all_of([_stands(record, readers) for record in left])
    return tuple(left_behind(record) for record, does in zip(left, stands, strict=True) if does)


async def _stands(record: AppliedRecord, readers: Readers) -> bool:
    """Whether it is still there and in use; what cannot be looked up or may not be seen is taken for standing."""
    wanted, reader = sought(record), readers.resources.get(record.kind)
    if wanted is None or reader is None:
        return True
    try:
        found = await reader.observe([wanted], inventory=False)
    except NotFoundError:
        return False
    except ForbiddenError:
        return True
    # A definition that was deactivated or deleted is found, with a word about it.
    return bool(found.live) and not (found.warnings or found.refusals)


async def _observe_kinds(chosen: Sequence[Declared], readers: Readers, scope: Scope) -> Mapping[str, Observation]:
    by_kind: dict[str, list[Resource]] = defaultdict(list)
    for one in chosen:
        by_kind[one.resource.kind].append(one.resource)
    kinds = [kind for kind in sorted(readers.resources) if by_kind[kind] or scope.lists(kind)]
    answers = await all_of(
        [readers.resources[kind].observe(by_kind[kind], inventory=scope.lists(kind)) for kind in kinds]
    )
    return dict(zip(kinds, answers, strict=True))


def _live(
    chosen: Sequence[Declared],
    observations: Mapping[str, Observation],
    records: Mapping[Key, AppliedRecord],
) -> Live:
    resources: dict[Key, Resource] = {}
    others: list[Resource] = []
    warnings: list[Finding] = []
    refusals: list[Finding] = []
    for observation in observations.values():
        for resource in observation.live:
            record = records.get(resource.key)
            resources[resource.key] = resource.with_tokens(record.tokens if record is not None else {})
        others += observation.others
        warnings += observation.warnings
        refusals += observation.refusals
    for one in chosen:
        if isinstance(one.resource, Subscription):
            subscription = _subscription(one.resource, records)
            if subscription is not None:
                resources[one.key] = subscription
    return Live(resources, others, (), warnings, refusals)


def _subscription(desired: Subscription, records: Mapping[Key, AppliedRecord]) -> Subscription | None:
    """What is known of a subscription: it cannot be read, so the store speaks for it.

    A store that holds the definition and no subscription says that there is none: the apply that was to subscribe did not
    get that far. Where the store does not hold the definition either, nothing is known.
    """
    record = records.get(desired.key)
    if record is not None and record.state is RecordState.APPLIED:
        return Subscription(desired.definition, record.tokens.get("subscribed"))
    is_ours = Key(_DEFINITION, desired.definition) in records
    return None if desired.subscribed is None or is_ours else Subscription(desired.definition)


async def _observe_people(
    target: Target, readers: Readers, live: Live, desired: Desired, scope: Scope
) -> tuple[Access | None, tuple[Finding, ...], tuple[Finding, ...]]:
    """Rights and people, where gates or roles are declared and this is not a plan of a part without them.

    The rights are as they are; what is said of them is said of what they will be.
    """
    is_chosen = any(scope.selection.has(Key(kind, "")) for kind in ("users", "capability", "bytebase/role"))
    if not is_chosen or not (target.spec.gates or target.spec.bytebase.roles):
        return None, (), ()
    most = None if CAPABILITY in scope.selection.only else MOST_UNNAMED
    access = await readers.access.access(gated_projects(target), most=most)
    environments = await readers.catalog.environments()
    resources = await _relevant(target, readers, live, desired, environments)
    after = rights_after(access, [one.resource for one in desired.declared if scope.selection.has(one.key)])
    rights = (
        *capability_warnings(target, after, resources, environments),
        *everybody_warning(target, after),
        *nobody_warning(target, after, resources),
    )
    asked = asked_people(target, after, resources)
    overrides = [override.bytebase.lower() for override in target.spec.users.overrides]
    if readers.people is None or not (asked or overrides):
        return access, (), rights
    resolution = await readers.people.resolve(sorted({*asked, *overrides}))
    return access, tuple(people_findings(target, asked, resolution)), rights


async def _relevant(
    target: Target, readers: Readers, live: Live, desired: Desired, environments: Sequence[str]
) -> Sequence[Resource]:
    """Policies and rules as they will be after the plan; policies of gated environments that the spec does not declare."""
    gated = gated_environments(target, environments) & frozenset(environments)
    missing = [RolloutPolicy(name) for name in sorted(gated) if live.get(Key(_POLICY, name)) is None]
    read = await readers.resources[_POLICY].observe(missing, inventory=False) if missing else Observation()
    known = {**live.resources, **{each.key: each for each in read.live}}
    declared = {one.key: one.resource for one in desired.declared}
    after = [each.over(known[key]) if key in known else each for key, each in declared.items()]
    after += [each for each in read.live if each.key not in declared]
    has_rules = any(each.kind == _RULES for each in after)
    if not has_rules and _RULES in readers.resources and any(gate.at == "review" for gate in target.spec.gates):
        after += (await readers.resources[_RULES].observe([], inventory=True)).others
    return after
