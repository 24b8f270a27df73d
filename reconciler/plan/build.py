"""Desired and observed resources -> a plan. Pure: the same facts give the same plan, whatever order they came in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.desired.declared import Declared
from reconciler.diff import Difference, FieldChange, diff, rewritten
from reconciler.ids import canonical_json
from reconciler.plan.change import Action, Change, Plan, SpecFile, Target
from reconciler.plan.order import in_order
from reconciler.plan.select import Selection
from reconciler.resources.base import Key, OnDifference, Origin, Resource
from reconciler.resources.finding import Finding, order


@dataclass(frozen=True, slots=True)
class Live:
    """What was observed: declared resources that exist, and live ones of managed kinds that nobody declares."""

    resources: Mapping[Key, Resource] = field(default_factory=dict)
    others: Sequence[Resource] = ()
    findings: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    refusals: Sequence[Finding] = ()

    def get(self, key: Key) -> Resource | None:
        """The live resource of that key."""
        return self.resources.get(key)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller asked for beyond the spec: a part of it, write-only values sent again, kinds that are pruned."""

    selection: Selection = field(default_factory=Selection)
    rewrite: Selection | None = None
    prune: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a plan comes from."""

    specs: tuple[SpecFile, ...] = ()
    tool_version: str = ""
    commit: str | None = None


def build_plan(
    *,
    target: Target,
    declared: Sequence[Declared],
    live: Live,
    wishes: Wishes | None = None,
    provenance: Provenance | None = None,
) -> Plan:
    """The plan without the judgement of safety, which `reconciler.plan.safety` adds."""
    wishes = wishes or Wishes()
    provenance = provenance or Provenance()
    changes = []
    places = {one.key: one.origin for one in declared}
    warnings = [_placed(each, places) for each in live.warnings]
    refusals = [_placed(each, places) for each in live.refusals]
    for one in declared:
        if not wishes.selection.has(one.key):
            continue
        change = _change(one, live.get(one.key), wishes)
        if change.is_pending and one.resource.on_difference is not OnDifference.WRITE:
            finding = _does_not_fit(change)
            (warnings if one.resource.on_difference is OnDifference.WARN else refusals).append(finding)
            change = replace(change, action=Action.KEEP)
        changes.append(change)
        unknown = _without_record(one, live.get(one.key), change)
        if unknown:
            warnings.append(_no_record(change, unknown))
    warnings += _meaning_nothing(places.keys(), wishes)
    findings = [*live.findings, *(_needs_permission(change) for change in changes if change.irreversible)]
    if not wishes.selection.is_partial:
        changes += [_deletion(other) for other in live.others if other.kind in wishes.prune]
    return Plan(
        target=target,
        changes=in_order(changes),
        findings=_chosen(findings, wishes.selection),
        warnings=_chosen(warnings, wishes.selection),
        refusals=_chosen(refusals, wishes.selection),
        specs=tuple(sorted(provenance.specs, key=lambda spec: spec.file)),
        tool_version=provenance.tool_version,
        commit=provenance.commit,
        partial=wishes.selection.is_partial,
    )


def _meaning_nothing(declared: Collection[Key], wishes: Wishes) -> list[Finding]:
    """A slip of the pen in a name would pass for "nothing to do"."""
    options = [("--only", wishes.selection), ("--rewrite", wishes.rewrite or Selection())]
    return [
        Finding(
            "matchesNothing",
            key.kind,
            key.name,
            f"{option} {key} means nothing that the spec declares",
            "correct the name: `reconciler plan -v` lists every declared resource",
        )
        for option, selection in options
        for key in selection.named()
        if key not in declared
    ]


def _placed(finding: Finding, places: Mapping[Key, Origin]) -> Finding:
    """A reader does not know the spec: the place that declares what it speaks of is added here."""
    return finding if finding.origin is not None else replace(finding, origin=places.get(finding.key))


def _chosen(findings: Sequence[Finding], selection: Selection) -> tuple[Finding, ...]:
    return tuple(sorted({f for f in findings if selection.has(f.key)}, key=order))


def _change(declared: Declared, observed: Resource | None, wishes: Wishes) -> Change:
    desired = declared.resource
    difference = diff(observed, desired)
    if wishes.rewrite is not None and wishes.rewrite.has(declared.key):
        difference = _with_rewrite(difference, observed, desired)
    otherwise = Action.UPDATE if difference.fields else Action.KEEP
    return Change(
        kind=desired.kind,
        name=desired.name,
        action=Action.CREATE if observed is None else otherwise,
        fields=difference.fields,
        origin=declared.origin,
        irreversible=observed is None and desired.creation_is_irreversible,
        erases=desired.erases(observed) if observed is not None else (),
        observed=observed.fingerprint() if observed is not None else None,
        unverifiable=difference.unverifiable,
    )


def _without_record(declared: Declared, observed: Resource | None, change: Change) -> tuple[str, ...]:
    """The write-only fields that the spec declares, that nothing is recorded of, and that the plan does not send."""
    if observed is None:
        return ()
    wanted, known = declared.resource.tokens(), observed.tokens()
    return tuple(path for path in change.unverifiable if path in wanted and path not in known)


def _no_record(change: Change, paths: Sequence[str]) -> Finding:
    return Finding(
        "noRecord",
        change.kind,
        change.name,
        f"nothing is recorded about what was last sent as {', '.join(paths)}, and it cannot be read back",
        f"apply --rewrite {change.id} sends it again",
        change.origin,
    )


def _with_rewrite(difference: Difference, observed: Resource | None, desired: Resource) -> Difference:
    again = rewritten(observed, desired)
    sent = {row.path for row in again}
    rows = [row for row in difference.fields if row.path not in sent]
    return Difference(
        fields=tuple(sorted((*rows, *again), key=lambda row: row.path)),
        unverifiable=tuple(path for path in difference.unverifiable if path not in sent),
    )


def _deletion(other: Resource) -> Change:
    return Change(
        kind=other.kind,
        name=other.name,
        action=Action.DELETE,
        fields=diff(other, None).fields,
        observed=other.fingerprint(),
    )


def _needs_permission(change: Change) -> Finding:
    return Finding(
        "needsPermission",
        change.kind,
        change.name,
        "creating it can never be undone, and it may exist already: nobody can look for it",
        f"write its approval code as `code:` if it exists, else apply with --create-definition {change.name}",
        change.origin,
    )


def _does_not_fit(change: Change) -> Finding:
    rows = "; ".join(_lack(row) for row in change.fields)
    return Finding(
        "doesNotFit",
        change.kind,
        change.name,
        f"what is live does not fit what is needed: {rows or 'it does not exist'}",
        "change it in the console, or declare what is there",
        change.origin,
    )


def _lack(row: FieldChange) -> str:
    """What is missing from an unordered field, or what another one is and should be."""
    if isinstance(row.before, list) and isinstance(row.after, list):
        missing = sorted(str(each) for each in row.after if each not in row.before)
        return f"{row.path} lacks {', '.join(missing)}"
    return f"{row.path} is {canonical_json(row.before)} and not {canonical_json(row.after)}"
