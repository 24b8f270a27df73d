"""Whatever is recorded, declared and live: every resource has one class or none, and each class means what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from fakes import declarative_resources as generated
from fakes.declarative_upstream import NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.declared import Declared
from reconciler.drift import Drift, DriftClass, Memory, assess_drift
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import Action, BytebaseTarget, Plan, Target
from reconciler.plan.left_behind import LeftBehind, left_behind, left_records
from reconciler.plan.select import Selection
from reconciler.resources.base import Key, Resource
from reconciler.resources.definition import Definition
from reconciler.resources.record import AppliedRecord, Author, RecordState

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
MOVING = {DriftClass.PENDING, DriftClass.DRIFTED}


@dataclass(frozen=True)
class Scene:
    """What is declared, live, undeclared, and remembered; the plan and the drift that come of it."""

    declared: list[Declared]
    live: Live
    memory: Memory
    plan: Plan
    drift: Drift

    def classes(self) -> dict[Key, DriftClass]:
        return {item.key: item.drift_class for item in self.drift.items}


@st.composite
def live_side(draw: st.DrawFn, one: Declared) -> Resource | None:
    """Nothing, what is declared, or another resource of the kind under the same key."""
    choice = draw(st.sampled_from(["nothing", "same", "other"]))
    if choice == "nothing":
        return None
    if choice == "same":
        return one.resource.over(one.resource)
    kinds = [each for name, each in generated.KINDS.items() if name.startswith(one.key.kind)]
    other = draw(st.one_of(*kinds))
    if type(other) is not type(one.resource):
        return one.resource
    names = {name: getattr(one.resource, name) for name in _IDENTITY if hasattr(one.resource, name)}
    return replace(other, **names)  # type: ignore[type-var]


_IDENTITY = (
    "environment", "project", "title", "type", "id", "role", "member", "spec_name", "definition", "app_id", "integration", "code",
)  # fmt: skip


@st.composite
def records_of(draw: st.DrawFn, key: Key, desired: Resource | None, live: Resource | None) -> AppliedRecord | None:
    """No record, an intent, or a record that fits each side or not."""
    state = draw(st.sampled_from([None, RecordState.INTENDED, RecordState.APPLIED, RecordState.APPLIED]))
    if state is None:
        return None
    was = desired.fingerprint() if desired is not None and draw(st.booleans()) else "d" * 64
    saw = live.fingerprint() if live is not None and draw(st.booleans()) else draw(st.sampled_from(["", "0" * 64]))
    return AppliedRecord("acme", key.kind, key.name, state, NOW, was, saw, code=draw(st.sampled_from(["", "C-1"])))


@st.composite
def scenes(draw: st.DrawFn, *, partial: bool = False) -> Scene:
    declared = draw(generated.worlds)
    keys = {one.key for one in declared}
    live = {one.key: found for one in declared if (found := draw(live_side(one))) is not None}
    others = draw(st.lists(generated.resources, max_size=4, unique_by=lambda each: each.key))
    others = [each for each in others if each.key not in keys]
    removed = draw(st.lists(generated.resources, max_size=4, unique_by=lambda each: each.key))
    wanted = {one.key: one.resource for one in declared}
    records = {}
    for key in sorted({*keys, *(each.key for each in removed), *(each.key for each in others)}):
        record = draw(records_of(key, wanted.get(key), live.get(key)))
        if record is not None:
            records[key] = record
    seen = Live(live, others)
    left: list[LeftBehind] = [left_behind(each) for each in left_records(records, declared, others)]
    memory = Memory(records, {key: Author("mallory@x", NOW) for key in keys}, () if partial else left)
    selection = Selection(exclude=("bytebase/role",)) if partial else Selection()
    wishes = Wishes(selection, prune=frozenset({"bytebase/webhook"}))
    plan = build_plan(target=TARGET, declared=declared, live=seen, wishes=wishes)
    return Scene(declared, seen, memory, plan, assess_drift(plan=plan, declared=declared, live=seen, memory=memory))


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_every_resource_has_one_class_or_none_and_what_has_none_is_as_declared(scene: Scene) -> None:
    assert max(Counter(item.key for item in scene.drift.items).values(), default=1) == 1
    assert sum(scene.drift.summary().values()) == len(scene.drift.items)
    known = {change.key for change in scene.plan.changes} | {each.key for each in scene.live.others}
    assert set(scene.classes()) <= known | {each.key for each in scene.memory.left_behind}
    classes = scene.classes()
    for change in scene.plan.changes:
        found = classes.get(change.key)
        if change.is_pending:
            assert found in MOVING
        elif change.fields:
            assert found is DriftClass.DRIFTED
        else:
            assert found is (DriftClass.UNVERIFIABLE if change.unverifiable else None)
    for key in {each.key for each in scene.live.others} - {change.key for change in scene.plan.changes}:
        assert classes[key] is DriftClass.UNMANAGED
    for left in scene.memory.left_behind:
        assert classes[left.key] is DriftClass.UNMANAGED
    differs = any(change.is_pending or change.fields for change in scene.plan.changes)
    assert scene.drift.exit_code == (2 if differs else 0)
    for item in scene.drift.items:
        assert (item.who is not None) == (item.drift_class is DriftClass.DRIFTED)


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_the_side_is_told_by_the_record_and_for_definitions_by_the_stamp(scene: Scene) -> None:
    wanted = {one.key: one.resource for one in scene.declared}
    for change in scene.plan.pending:
        desired, observed = wanted.get(change.key), scene.live.get(change.key)
        if change.action is Action.DELETE or isinstance(desired, Definition):
            continue
        record = scene.memory.records.get(change.key)
        has_record = record is not None and record.state is RecordState.APPLIED
        seen = record.observed if has_record and record is not None else ""
        live_moved = seen not in {"", change.observed or ""}
        found = scene.classes()[change.key]
        assert found is (DriftClass.DRIFTED if live_moved else DriftClass.PENDING)
        (item,) = [each for each in scene.drift.items if each.key == change.key]
        if observed is not None and not has_record:
            assert "cannot be told which side moved" in item.note


@settings(max_examples=20, deadline=None)
@given(scenes(partial=True))
def test_a_look_at_a_part_speaks_of_that_part(scene: Scene) -> None:
    assert set(scene.classes()) <= {change.key for change in scene.plan.changes}
    assert DriftClass.UNMANAGED not in scene.classes().values()
