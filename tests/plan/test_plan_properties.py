"""What must hold for every plan, whatever is declared and whatever is live."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from fakes import declarative_resources as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Provenance, Wishes, build_plan
from reconciler.plan.change import Action, BytebaseTarget, Change, FeishuTarget, Plan, SpecFile, Target
from reconciler.plan.compare import moved
from reconciler.plan.document import decode, digest, encode
from reconciler.plan.select import Selection
from reconciler.resources.base import Origin, Resource
from reconciler.resources.finding import Finding

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"), FeishuTarget("feishu", "cli"))
ORIGIN = Origin("specs/a.yaml", 7)


def plan_of(declared: list[Declared], live: list[Resource], others: list[Resource] | None = None) -> Plan:
    return build_plan(
        target=TARGET,
        declared=declared,
        live=Live({each.key: each for each in live}, others or []),
        wishes=Wishes(prune=frozenset({"bytebase/webhook"})),
        provenance=Provenance((SpecFile("specs/a.yaml", "0" * 64),), "0.1.0", "abc"),
    )


def encoded(plan: Plan) -> str:
    return json.dumps(encode(plan), ensure_ascii=False)


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_as_declared_is_kept(kind: str, data: st.DataObject) -> None:
    resource = data.draw(generated.KINDS[kind])
    plan = plan_of([Declared(resource, ORIGIN)], [resource.over(resource)])
    assert [change.action for change in plan.changes] == [Action.KEEP]
    assert plan.changes[0].fields == ()
    assert plan.exit_code == 0


@pytest.mark.parametrize("kind", sorted(generated.KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_what_a_write_stores_is_not_changed_again(kind: str, data: st.DataObject) -> None:
    desired = data.draw(generated.KINDS[kind])
    observed = data.draw(generated.KINDS[kind])
    if isinstance(observed, type(desired)):
        stored = desired.over(observed)
        assert plan_of([Declared(desired, ORIGIN)], [stored if stored.key == desired.key else desired]).pending == ()


@settings(max_examples=40)
@given(generated.worlds, st.lists(generated.resources, max_size=6), st.lists(generated.webhooks, max_size=3))
def test_a_document_loads_back_to_an_equal_plan(
    declared: list[Declared], live: list[Resource], others: list[Resource]
) -> None:
    plan = plan_of(declared, live, others)
    plan = replace(plan, findings=(Finding("x", "users", "a@x", "text", "next", ORIGIN),), partial=bool(others))
    (loaded,) = decode(encoded(plan), file="plan.json")
    assert loaded == plan
    assert encoded(loaded) == encoded(plan)
    assert moved(shown=loaded, now=plan) == ()


@settings(max_examples=40)
@given(
    generated.worlds,
    st.lists(generated.resources, max_size=6, unique_by=lambda r: r.key),
    st.lists(generated.webhooks, max_size=3, unique_by=lambda r: r.key),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_input_changes_nothing(
    declared: list[Declared], live: list[Resource], others: list[Resource], chance: random.Random
) -> None:
    first = encoded(plan_of(declared, live, others))
    for items in (declared, live, others):
        chance.shuffle(items)  # type: ignore[arg-type]
    assert encoded(plan_of(declared, live, others)) == first


@settings(max_examples=40)
@given(generated.worlds, generated.worlds)
def test_another_plan_has_another_digest_and_says_what_moved(first: list[Declared], second: list[Declared]) -> None:
    one, two = plan_of(first, []), plan_of(second, [])
    are_equal = unplaced(one) == unplaced(two)
    assert (digest(one) == digest(two)) == are_equal
    assert (moved(shown=one, now=two) == ()) == are_equal


@settings(max_examples=40)
@given(generated.worlds, st.lists(generated.origins, min_size=8, max_size=8))
def test_the_place_in_the_spec_is_shown_and_not_part_of_what_is_agreed_to(
    declared: list[Declared], places: list[Origin]
) -> None:
    one = plan_of(declared, [])
    two = plan_of([replace(each, origin=place) for each, place in zip(declared, places, strict=False)], [])
    assert digest(one) == digest(two)
    assert moved(shown=one, now=two) == ()
    shown = {change.key: change.origin for change in two.changes}
    assert shown == {each.key: place for each, place in zip(declared, places, strict=False)}


def unplaced(plan: Plan) -> list[Change]:
    return [replace(change, origin=None) for change in plan.changes]


@settings(max_examples=40)
@given(generated.worlds, st.lists(generated.webhooks, max_size=3))
def test_a_partial_plan_never_deletes(declared: list[Declared], others: list[Resource]) -> None:
    plan = build_plan(
        target=TARGET,
        declared=declared,
        live=Live(others=others),
        wishes=Wishes(selection=Selection(exclude=("bytebase/role",)), prune=frozenset({"bytebase/webhook"})),
    )
    assert plan.partial
    assert all(change.action is not Action.DELETE and change.kind != "bytebase/role" for change in plan.changes)
