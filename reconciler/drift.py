"""A plan and what was recorded -> which side moved: pending, drifted, unmanaged or unverifiable. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live
from reconciler.plan.change import Action, Change, Plan, Target
from reconciler.plan.left_behind import LeftBehind, note_of
from reconciler.resources.base import Key, Resource
from reconciler.resources.definition import Definition, is_stamp, stamp_prefix
from reconciler.resources.record import AppliedRecord, Author, RecordState

_VERIFIED = "it is verified here and never written: change it in the console, or declare what is there"
"""A kept resource that differs: nothing is pending, for apply will not touch it."""


class DriftClass(StrEnum):
    """PENDING: the spec changed and was not applied. DRIFTED: the live side moved. The other two change nothing."""

    PENDING = "pending"
    DRIFTED = "drifted"
    UNMANAGED = "unmanaged"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One resource that is not simply in sync. `fields` are paths; `note` says what could not be told, or what to do.

    `code` is the approval code of a definition that is declared no more: nobody could find it again without.
    """

    kind: str
    name: str
    drift_class: DriftClass
    fields: tuple[str, ...] = ()
    who: str | None = None
    when: datetime | None = None
    note: str = ""
    code: str = ""

    @property
    def key(self) -> Key:
        """Kind and name."""
        return Key(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of one target; text and exit code both come from this value."""

    target: Target
    items: tuple[DriftItem, ...] = ()

    def summary(self) -> dict[str, int]:
        """How many items of each class."""
        counts = Counter(item.drift_class for item in self.items)
        return {each.value: counts[each] for each in DriftClass}

    @property
    def exit_code(self) -> int:
        """2 if anything is pending or drifted."""
        moving = {DriftClass.PENDING, DriftClass.DRIFTED}
        return 2 if any(item.drift_class in moving for item in self.items) else 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known about the past: records of the store, authors by the audit log, and what nobody declares any more."""

    records: Mapping[Key, AppliedRecord]
    authors: Mapping[Key, Author]
    left_behind: Sequence[LeftBehind] = ()


def assess_drift(*, plan: Plan, declared: Sequence[Declared], live: Live, memory: Memory) -> Drift:
    """Every declared resource that differs or cannot be verified, and every undeclared live one, sorted."""
    wanted = {one.key: one.resource for one in declared}
    items = []
    for change in plan.changes:
        if change.action is Action.DELETE:
            items.append(_item(change, DriftClass.PENDING, memory, "it is not declared, and its kind is pruned"))
        elif change.is_pending:
            drift_class, note = _side(change, wanted[change.key], live.get(change.key), memory.records.get(change.key))
            items.append(_item(change, drift_class, memory, note))
        elif change.fields:
            items.append(_item(change, DriftClass.DRIFTED, memory, _VERIFIED))
        elif change.unverifiable:
            items.append(DriftItem(change.kind, change.name, DriftClass.UNVERIFIABLE, change.unverifiable))
    deleted = {change.key for change in plan.changes if change.action is Action.DELETE}
    if not plan.partial:
        listed = {other.key for other in live.others}
        items += [_unmanaged(key, memory.records.get(key)) for key in listed - deleted]
        items += [
            DriftItem(left.key.kind, left.key.name, DriftClass.UNMANAGED, note=left.note, code=left.code)
            for left in memory.left_behind
            if left.key not in listed | wanted.keys()
        ]
    return Drift(plan.target, tuple(sorted(items, key=lambda item: (item.kind, item.name, item.drift_class))))


def _unmanaged(key: Key, record: AppliedRecord | None) -> DriftItem:
    return DriftItem(key.kind, key.name, DriftClass.UNMANAGED, note=note_of(record) if record is not None else "")


def _item(change: Change, drift_class: DriftClass, memory: Memory, note: str) -> DriftItem:
    author = memory.authors.get(change.key) if drift_class is DriftClass.DRIFTED else None
    return DriftItem(
        change.kind,
        change.name,
        drift_class,
        tuple(row.path for row in change.fields),
        author.who if author else None,
        author.when if author else None,
        note,
    )


def _side(
    change: Change, desired: Resource, observed: Resource | None, record: AppliedRecord | None
) -> tuple[DriftClass, str]:
    if isinstance(desired, Definition) and isinstance(observed, Definition):
        return _side_by_stamp(desired, observed)
    if record is None or record.state is not RecordState.APPLIED:
        if observed is None:
            return DriftClass.PENDING, ""
        return DriftClass.PENDING, "nothing is recorded about it: it cannot be told which side moved"
    spec_moved = record.desired != desired.fingerprint() or _tokens_moved(change, desired, record)
    if not record.observed:
        # A subscription cannot be read at all, and an app waits for its administrator.
        return DriftClass.PENDING, "" if spec_moved else "it was not read back: it cannot be told which side moved"
    if record.observed != (change.observed or ""):
        return DriftClass.DRIFTED, "the spec changed too" if spec_moved else ""
    return DriftClass.PENDING, ""


def _tokens_moved(change: Change, desired: Resource, record: AppliedRecord) -> bool:
    fields = desired.fields()
    return any(
        record.tokens.get(path, fields[path]) != fields[path] for path in record.tokens if path in fields
    ) or any(
        row.path in fields and row.path not in record.tokens and row.mark.value == "writeOnly" for row in change.fields
    )


def _side_by_stamp(desired: Definition, observed: Definition) -> tuple[DriftClass, str]:
    """The stamp tells which spec was applied last, without any record."""
    if observed.stamp == desired.stamp:
        return DriftClass.DRIFTED, ""
    if observed.stamp.startswith(stamp_prefix(desired.integration)):
        return DriftClass.PENDING, ""
    if is_stamp(observed.stamp):
        return DriftClass.DRIFTED, f"it carries the stamp of another integration ({observed.stamp})"
    return DriftClass.DRIFTED, "its approval node does not carry our stamp"
