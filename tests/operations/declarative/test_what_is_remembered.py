"""An apply remembers what it found in sync, with a definition's code, and nothing that it only looked at and that differs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.declarative_specs import FULL, target_of
from fakes.declarative_upstream import World

from reconciler.operations.apply import ApplyRequest, apply
from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Key
from reconciler.resources.definition import Definition
from reconciler.resources.im import Im
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy

DEFINITION = Key("feishu/definition", "stage-gate")
APP = Key("feishu/app", "cli_a1b2")


async def run(world: World, text: str) -> None:
    request = ApplyRequest(PlanRequest(target_of(text)), create_definitions=frozenset({"stage-gate"}))
    assert (await apply(request, world.ports())).exit_code == 0


@pytest.fixture
async def world() -> World:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), Im(()), ApprovalRules(()))
    world.upstream.put(Project("demo", require_issue_approval=False, allow_self_approval=False))
    world.upstream.put(App("cli_a1b2", bot=False, published=True))
    await run(world, FULL)
    return world


async def test_a_new_store_learns_the_code_of_a_definition_that_is_in_sync(world: World) -> None:
    world.records.kept.clear()
    await run(world, FULL.replace("code: null", "code: CODE-1"))
    assert world.records.kept["acme", DEFINITION].code == "CODE-1"
    assert Key("bytebase/im", "workspace") not in {key for _, key in world.records.kept}


async def test_another_code_is_warned_of_until_it_was_applied(world: World) -> None:
    live = world.upstream.live[Key("feishu/definition", "CODE-1")]
    assert isinstance(live, Definition)
    world.upstream.live[Key("feishu/definition", "CODE-2")] = replace(live, code="CODE-2")
    text = FULL.replace("code: null", "code: CODE-2")

    async def warnings() -> list[str]:
        plan = (await make_plan(PlanRequest(target_of(text)), world.readers())).plan
        return [each.code for each in plan.warnings if each.kind == "feishu/definition"]

    assert await warnings() == ["otherCode"]
    await run(world, text)
    assert world.records.kept["acme", DEFINITION].code == "CODE-2"
    assert await warnings() == []


async def test_what_is_only_verified_and_differs_is_not_remembered_as_in_sync(world: World) -> None:
    assert ("acme", APP) not in world.records.kept
