"""A definition that is not known to be ours is not overwritten without a word, and one of another integration not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.declarative_specs import FULL, target_of
from fakes.declarative_upstream import NOW, World

from reconciler.desired.declared import Declared
from reconciler.operations.drift import find_drift
from reconciler.operations.plan import PlanRequest
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import BytebaseTarget, Plan, Target
from reconciler.plan.safety import SafetyFacts, SafetyPolicy, judged
from reconciler.plan.select import Selection
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.base import Key, Origin
from reconciler.resources.definition import SAFETY_TOKEN, Definition, is_stamp
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.record import AppliedRecord, RecordState

TITLE = (("en-US", "A"), ("zh-CN", "B"))
OURS = Definition("gate", "acme", TITLE, "any", "C-1")
THEIRS = Definition("gate", "other", TITLE, "any", "C-1", safety_settings=None)
BY_HAND = replace(OURS, stamp="7f3c", safety_settings=None)
PERMITTED = Selection(("feishu/definition/gate",))


def judge(
    live: Definition,
    *,
    records: tuple[AppliedRecord, ...] = (),
    rewrite: Selection | None = None,
    desired: Definition | AdoptedDefinition = OURS,
) -> Plan:
    declared = [Declared(desired, Origin("specs/a.yaml", 7))]
    seen = Live({desired.key: live})
    target = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
    plan = build_plan(target=target, declared=declared, live=seen, wishes=Wishes(rewrite=rewrite))
    upstream = UpstreamFacts("3.22.0", "ENTERPRISE", "workspaces/w", "serviceAccount:gitops@x", "https://b.example")
    facts = SafetyFacts(upstream, declared, seen, None, {each.key: each for each in records})
    return judged(plan, facts, SafetyPolicy(rewrite=rewrite))


def said(plan: Plan) -> tuple[list[str], list[str]]:
    return [each.code for each in plan.refusals], [each.code for each in plan.warnings]


def record(name: str, code: str, state: RecordState = RecordState.APPLIED) -> AppliedRecord:
    return AppliedRecord("acme", "feishu/definition", name, state, NOW, code=code)


def test_a_stamp_is_told_from_other_ids() -> None:
    assert is_stamp(OURS.stamp)
    assert is_stamp(THEIRS.stamp)
    assert not any(map(is_stamp, ["", "none", "gate", "gate-12-34", OURS.stamp + "x", OURS.stamp.upper(), "gate-\n"]))


def test_a_definition_of_another_integration_is_refused_and_both_ways_out_are_named() -> None:
    plan = judge(THEIRS)
    assert said(plan) == (["otherIntegration"], [])
    (refusal,) = plan.refusals
    assert THEIRS.stamp in refusal.message
    assert "code of its own" in refusal.next
    assert "--rewrite feishu/definition/gate" in refusal.next
    assert refusal.origin == Origin("specs/a.yaml", 7)
    assert plan.exit_code == 3


def test_a_record_of_ours_does_not_make_anothers_stamp_ours() -> None:
    assert said(judge(THEIRS, records=(record("gate", "C-1"),))) == (["otherIntegration"], [])


def test_rewriting_it_by_name_permits_to_take_it_over_and_says_so() -> None:
    plan = judge(THEIRS, rewrite=PERMITTED)
    assert said(plan) == ([], ["otherIntegration"])
    assert {row.path for row in plan.pending[0].fields} >= {"stamp"}
    assert said(judge(THEIRS, rewrite=Selection(("bytebase/im",)))) == (["otherIntegration"], [])
    assert said(judge(THEIRS, rewrite=Selection(("feishu/definition/another",))))[0] == ["otherIntegration"]


def test_a_definition_made_by_hand_is_warned_of() -> None:
    plan = judge(BY_HAND)
    assert said(plan) == ([], ["notOurs"])
    assert "everything in it is overwritten" in plan.warnings[0].message
    assert "mode: adopted" in plan.warnings[0].next
    assert plan.exit_code == 2


@pytest.mark.parametrize("name", ["gate", "its-old-name"])
def test_one_that_we_are_known_to_have_written_is_simply_healed(name: str) -> None:
    assert said(judge(BY_HAND, records=(record(name, "c-1"),))) == ([], [])


@pytest.mark.parametrize("other", [record("elsewhere", "C-2"), record("gate", "C-1", RecordState.INTENDED)])
def test_a_record_of_another_or_unfinished_creation_says_nothing(other: AppliedRecord) -> None:
    assert said(judge(BY_HAND, records=(other,))) == ([], ["notOurs"])


def test_our_own_definition_of_an_earlier_spec_needs_no_word() -> None:
    earlier = Definition(
        "gate", "acme", (("en-US", "old"), ("zh-CN", "旧")), "any", "C-1", safety_settings=SAFETY_TOKEN
    )
    plan = judge(earlier)
    assert plan.pending
    assert said(plan) == ([], [])


def test_another_code_than_the_recorded_one_leaves_a_definition_behind() -> None:
    plan = judge(OURS, records=(record("gate", "C-0"),))
    assert said(plan) == ([], ["otherCode"])
    assert "C-0" in plan.warnings[0].message
    assert plan.exit_code == 0
    assert said(judge(OURS, records=(record("gate", "c-1"),))) == ([], [])
    adopted = AdoptedDefinition("gate", "C-9", "n", (("digest", "w"),), "any")
    assert "otherCode" in said(judge(OURS, records=(record("gate", "C-0"),), desired=adopted))[1]


def test_codes_that_two_definitions_have_exchanged_leave_nothing_behind() -> None:
    other = replace(OURS, spec_name="second", code="C-2")
    declared = [Declared(each, Origin("specs/a.yaml", 7)) for each in (OURS, other)]
    seen = Live({OURS.key: OURS, other.key: other})
    target = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
    records = {each.key: each for each in (record("gate", "C-2"), record("second", "C-1"))}
    upstream = UpstreamFacts("3.22.0", "ENTERPRISE", "workspaces/w", "serviceAccount:gitops@x", "https://b.example")
    plan = build_plan(target=target, declared=declared, live=seen)
    assert said(judged(plan, SafetyFacts(upstream, declared, seen, None, records), SafetyPolicy())) == ([], [])


async def test_drift_tells_a_stamp_of_another_integration_from_none() -> None:
    world = World()
    text = FULL.replace("code: null", "code: CODE-1")
    for live, note in ((THEIRS, "another integration"), (BY_HAND, "does not carry our stamp")):
        world.upstream.put(replace(live, code="CODE-1", spec_name="stage-gate"))
        drift = (await find_drift(PlanRequest(target_of(text)), world.readers()))[0]
        assert next(note in item.note for item in drift.items if item.key == Key("feishu/definition", "stage-gate"))
