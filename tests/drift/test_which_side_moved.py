"""Drift says which side moved, and says so when it cannot tell."""

from __future__ import annotations

from dataclasses import replace

from fakes.declarative_specs import FULL, SMALL, target_of
from fakes.declarative_upstream import NOW, World

from reconciler.drift import Drift, DriftClass, DriftItem
from reconciler.operations.apply import ApplyRequest, apply
from reconciler.operations.drift import find_drift
from reconciler.operations.plan import PlanRequest
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Key
from reconciler.resources.definition import Definition
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook

CHANGED = SMALL.replace("roles: [roles/projectReleaser]", "roles: [roles/workspaceDBA]")


def new_world() -> World:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), RolloutPolicy("test", False, ()))
    world.upstream.put(Project("demo", require_issue_approval=False, allow_self_approval=False))
    world.upstream.put(Im(()), ApprovalRules(()))
    world.upstream.put(App("cli_a1b2", bot=True, published=True))
    return world


async def applied(text: str = SMALL) -> World:
    world = new_world()
    request = ApplyRequest(PlanRequest(target_of(text)), create_definitions=frozenset({"stage-gate"}))
    assert (await apply(request, world.ports())).exit_code == 0
    return world


async def drift_of(world: World, text: str = SMALL) -> Drift:
    return (await find_drift(PlanRequest(target_of(text)), world.readers()))[0]


def moving(drift: Drift) -> list[DriftItem]:
    return [item for item in drift.items if item.drift_class in {DriftClass.PENDING, DriftClass.DRIFTED}]


async def test_a_world_as_applied_has_no_drift() -> None:
    drift = await drift_of(await applied())
    assert moving(drift) == []
    assert drift.exit_code == 0


async def test_a_changed_spec_is_pending() -> None:
    drift = await drift_of(await applied(), CHANGED)
    assert [(item.name, item.drift_class, item.fields) for item in moving(drift)] == [
        ("prod", DriftClass.PENDING, ("roles",))
    ]
    assert drift.exit_code == 2


async def test_a_live_edit_has_drifted_with_its_author_and_time() -> None:
    world = await applied()
    world.upstream.put(RolloutPolicy("prod", True, ("roles/projectReleaser",)))
    (item,) = moving(await drift_of(world))
    assert (item.drift_class, item.who, item.when) == (DriftClass.DRIFTED, "mallory@x", NOW)


async def test_when_both_sides_moved_it_drifted_and_says_so() -> None:
    world = await applied()
    world.upstream.put(RolloutPolicy("prod", True, ()))
    (item,) = moving(await drift_of(world, CHANGED))
    assert item.drift_class is DriftClass.DRIFTED
    assert item.note == "the spec changed too"


async def test_without_a_record_it_cannot_tell_which_side_moved() -> None:
    world = await applied()
    world.records.kept.clear()
    world.upstream.put(RolloutPolicy("prod", True, ()))
    (item,) = moving(await drift_of(world))
    assert item.drift_class is DriftClass.PENDING
    assert "cannot be told which side moved" in item.note


async def test_a_definition_tells_by_its_stamp_even_without_a_record() -> None:
    world = await applied(FULL)
    world.records.kept.clear()
    text = FULL.replace("code: null", "code: CODE-1")
    key = Key("feishu/definition", "CODE-1")
    live = world.upstream.live[key]
    assert isinstance(live, Definition)

    def definition_item(drift: Drift) -> tuple[DriftClass, tuple[str, ...]]:
        (item,) = [each for each in drift.items if each.kind == "feishu/definition"]
        return item.drift_class, item.fields

    assert definition_item(await drift_of(world, text))[0] is DriftClass.UNVERIFIABLE
    retitled = text.replace("code: CODE-1", "code: CODE-1\n        title: {en-US: Other, zh-CN: 其他}")
    assert definition_item(await drift_of(world, retitled)) == (
        DriftClass.PENDING,
        ("stamp", "title.en-US", "title.zh-CN"),
    )
    world.upstream.live[key] = replace(live, title=(("en-US", "Edited"), ("zh-CN", "改")))
    assert definition_item(await drift_of(world, text)) == (DriftClass.DRIFTED, ("title.en-US", "title.zh-CN"))
    world.upstream.live[key] = replace(live, stamp="somebody-elses", safety_settings=None)
    assert definition_item(await drift_of(world, text)) == (DriftClass.DRIFTED, ("safetySettings", "stamp"))


async def test_undeclared_live_resources_are_shown_and_change_nothing() -> None:
    world = await applied()
    world.upstream.put(Webhook("demo", "x", "SLACK"), Im((ImSetting("TEAMS"),)), ApprovalRules(()))
    drift = await drift_of(world)
    assert {item.drift_class for item in drift.items} == {DriftClass.UNMANAGED}
    assert "bytebase/webhook" in {item.kind for item in drift.items}
    assert drift.exit_code == 0


async def test_what_cannot_be_verified_is_shown_and_changes_nothing() -> None:
    drift = await drift_of(await applied(FULL), FULL.replace("code: null", "code: CODE-1"))
    unverifiable = {f"{item.kind}/{item.name}" for item in drift.items if item.drift_class is DriftClass.UNVERIFIABLE}
    assert "bytebase/im/workspace" in unverifiable
    assert drift.exit_code == 0
    assert drift.summary()["unverifiable"] == len(unverifiable)


async def test_a_record_with_an_older_name_of_a_write_only_field_causes_no_difference() -> None:
    world = await applied(FULL)
    text = FULL.replace("code: null", "code: CODE-1")
    key = ("acme", Key("feishu/definition", "stage-gate"))
    assert world.records.kept[key].tokens == {"safetySettings": "enforced"}
    world.records.kept[key] = replace(world.records.kept[key], tokens={"fixed": "fixed"})
    assert moving(await drift_of(world, text)) == []
    before = list(world.upstream.written)
    await apply(ApplyRequest(PlanRequest(target_of(text))), world.ports())
    assert world.upstream.written == before
    retitled = text.replace("code: CODE-1", "code: CODE-1\n        title: {en-US: Other, zh-CN: 其他}")
    assert (await apply(ApplyRequest(PlanRequest(target_of(retitled))), world.ports())).exit_code == 0
    assert world.records.kept[key].tokens == {"safetySettings": "enforced"}
    assert moving(await drift_of(world, retitled)) == []


async def test_a_subscription_to_be_made_is_pending_for_nobody_can_read_whether_it_moved() -> None:
    world = await applied(FULL)
    live = world.upstream.live[Key("feishu/definition", "CODE-1")]
    assert isinstance(live, Definition)
    world.upstream.live[Key("feishu/definition", "CODE-2")] = replace(live, code="CODE-2")
    drift = await drift_of(world, FULL.replace("code: null", "code: CODE-2"))
    assert [(item.kind, item.drift_class, item.note) for item in moving(drift)] == [
        ("feishu/subscription", DriftClass.PENDING, "")
    ]


async def test_an_adopted_definition_that_does_not_fit_any_more_has_drifted() -> None:
    world = await applied(FULL)
    text = FULL.replace(
        "code: null", "code: CODE-1\n        mode: adopted\n        node: n\n        form: {digest: digest}"
    )
    assert moving(await drift_of(world, text)) == []
    live = world.upstream.live[Key("feishu/definition", "CODE-1")]
    assert isinstance(live, Definition)
    world.upstream.live[Key("feishu/definition", "CODE-1")] = replace(live, decision="all")
    drift = await drift_of(world, text)
    (item,) = moving(drift)
    assert (item.kind, item.drift_class, item.fields) == ("feishu/definition", DriftClass.DRIFTED, ("decision",))
    assert "never written" in item.note
    assert drift.exit_code == 2
