"""Whatever a spec declares and whatever is live, no plan replaces: fixed values are part of a resource's name."""

from __future__ import annotations

from fakes import declarative_resources as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import Action, BytebaseTarget, Target
from reconciler.plan.document import encode
from reconciler.resources.base import Resource

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))


@settings(max_examples=40)
@given(
    generated.worlds,
    st.lists(generated.resources, max_size=6, unique_by=lambda one: one.key),
    st.lists(generated.webhooks, max_size=3, unique_by=lambda one: one.key),
)
def test_no_plan_replaces(declared: list[Declared], live: list[Resource], others: list[Resource]) -> None:
    wishes = Wishes(prune=frozenset({"bytebase/webhook"}))
    plan = build_plan(
        target=TARGET, declared=declared, live=Live({each.key: each for each in live}, others), wishes=wishes
    )
    assert Action.REPLACE not in {change.action for change in plan.changes}
    summary = encode(plan)["summary"]
    assert isinstance(summary, dict)
    assert summary["replace"] == 0
