"""What was applied once and is declared no more is shown while it stands, once, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from fakes.declarative_specs import FULL, target_of
from fakes.declarative_upstream import NOW, World

from reconciler.drift import Drift, DriftClass
from reconciler.errors import ForbiddenError, NotFoundError
from reconciler.operations.apply import ApplyRequest, apply
from reconciler.operations.drift import find_drift
from reconciler.operations.plan import PlanRequest
from reconciler.plan.left_behind import sought
from reconciler.plan.select import Selection
from reconciler.ports.declarative import Observation
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Key, Resource
from reconciler.resources.binding import Binding
from reconciler.resources.definition import Definition
from reconciler.resources.finding import Finding
from reconciler.resources.im import Im
from reconciler.resources.project import Project
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook

DEFINITIONS = """\
    definitions:
      - name: stage-gate
        code: null
  gates:
    - {name: prod, at: stage, match: {environments: [prod]}, decide: {definition: stage-gate}, approvers: {users: [alice@acme.example]}}
"""
KEPT = FULL.replace("code: null", "code: CODE-1")
WITHOUT_DEFINITION = FULL.replace(DEFINITIONS, "")
BINDING = '    bindings: [{role: roles/oa, member: "serviceAccount:oa@service.bytebase.com", project: demo}]\n'
WEBHOOKS = (
    "        webhooks:\n"
    "          - {title: changes, type: FEISHU, url: {env: HOOK}, version: 1, events: [ISSUE_APPROVAL_REQUESTED]}\n"
)


@pytest.fixture
async def world() -> World:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), Im(()), ApprovalRules(()))
    world.upstream.put(Project("demo", require_issue_approval=False, allow_self_approval=False))
    world.upstream.put(App("cli_a1b2", bot=True, published=True))
    request = ApplyRequest(PlanRequest(target_of(FULL)), create_definitions=frozenset({"stage-gate"}))
    assert (await apply(request, world.ports())).exit_code == 0
    return world


async def drift_of(world: World, text: str, selection: Selection | None = None) -> Drift:
    return (await find_drift(PlanRequest(target_of(text), selection or Selection()), world.readers()))[0]


def unmanaged(drift: Drift) -> list[tuple[str, str]]:
    found = [item for item in drift.items if item.drift_class is DriftClass.UNMANAGED]
    return [(f"{item.kind}/{item.name}", item.code) for item in found]


def add_definition(world: World, code: str) -> None:
    """One more definition in Feishu, like the first but for its code."""
    first = world.upstream.live[Key("feishu/definition", "CODE-1")]
    assert isinstance(first, Definition)
    world.upstream.live[Key("feishu/definition", code)] = replace(first, code=code)


async def test_a_definition_that_is_declared_no_more_is_shown_with_its_code_and_what_to_do(world: World) -> None:
    drift = await drift_of(world, WITHOUT_DEFINITION)
    (item,) = [each for each in drift.items if each.drift_class is DriftClass.UNMANAGED]
    assert (item.kind, item.name, item.code) == ("feishu/definition", "stage-gate", "CODE-1")
    assert "deactivate it" in item.note
    assert "declare it again with this code" in item.note
    assert drift.exit_code == 0


async def test_a_definition_that_was_renamed_without_its_code_is_left_behind(world: World) -> None:
    text = FULL.replace("stage-gate", "new-name").replace("code: null", "code: CODE-2")
    add_definition(world, "CODE-2")
    assert unmanaged(await drift_of(world, text)) == [("feishu/definition/stage-gate", "CODE-1")]


@pytest.mark.parametrize("code", ["CODE-1", "code-1"])
async def test_a_definition_that_was_renamed_with_its_code_is_not(world: World, code: str) -> None:
    add_definition(world, code)
    text = FULL.replace("stage-gate", "new-name").replace("code: null", f"code: {code}")
    assert unmanaged(await drift_of(world, text)) == []


async def test_a_definition_that_is_gone_in_feishu_is_not_shown(world: World) -> None:
    del world.upstream.live[Key("feishu/definition", "CODE-1")]
    assert unmanaged(await drift_of(world, WITHOUT_DEFINITION)) == []


@dataclass
class Answer:
    """Reads definitions with one answer, for those that are asked for by name."""

    answer: Exception | Observation

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        if not wanted:
            return Observation()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (NotFoundError("Feishu knows no such code"), []),
        (Observation((Role("any"),), warnings=(Finding("definitionInactive", "k", "n", "m"),)), []),
        (Observation((Role("any"),), refusals=(Finding("definitionDeleted", "k", "n", "m"),)), []),
        (ForbiddenError("the scope is missing"), [("feishu/definition/stage-gate", "CODE-1")]),
        (Observation((Role("any"),)), [("feishu/definition/stage-gate", "CODE-1")]),
    ],
)
async def test_what_feishu_says_of_it_decides_whether_it_is_shown(
    world: World, answer: Exception | Observation, shown: list[tuple[str, str]]
) -> None:
    readers = world.readers()
    kinds = {**readers.resources, "feishu/definition": Answer(answer)}
    request = PlanRequest(target_of(WITHOUT_DEFINITION))
    assert unmanaged((await find_drift(request, replace(readers, resources=kinds)))[0]) == shown


async def test_a_lost_creation_that_is_declared_no_more_may_exist(world: World) -> None:
    key = Key("feishu/definition", "lost")
    world.records.kept["acme", key] = AppliedRecord("acme", key.kind, key.name, RecordState.INTENDED, NOW)
    (item,) = [each for each in (await drift_of(world, KEPT)).items if each.drift_class is DriftClass.UNMANAGED]
    assert item.key == key
    assert "may exist" in item.note


async def test_a_binding_and_a_webhook_that_are_declared_no_more_are_shown_while_they_stand(world: World) -> None:
    text = KEPT.replace(BINDING, "").replace(WEBHOOKS, "")
    names = [
        "bytebase/binding/roles/oa:serviceAccount:oa@service.bytebase.com:demo",
        "bytebase/webhook/demo/changes/FEISHU",
    ]
    assert [name for name, _ in unmanaged(await drift_of(world, text))] == names
    world.upstream.live = {key: each for key, each in world.upstream.live.items() if key.kind != "bytebase/binding"}
    assert [name for name, _ in unmanaged(await drift_of(world, text))] == names[1:]


async def test_what_the_inventory_lists_is_shown_once(world: World) -> None:
    text = KEPT.replace("    roles: [{id: oa, title: OA, permissions: []}]\n", "")
    drift = await drift_of(world, text)
    assert unmanaged(drift) == [("bytebase/role/oa", "")]
    assert "declared once" in next(item.note for item in drift.items if item.kind == "bytebase/role")


async def test_flags_of_a_project_that_is_declared_no_more_are_shown_while_the_project_exists(world: World) -> None:
    text = KEPT.replace("        requireIssueApproval: true\n", "")
    assert unmanaged(await drift_of(world, text)) == [("bytebase/project/demo", "")]


async def test_a_subscription_whose_events_are_declared_no_more_is_shown_with_the_code(world: World) -> None:
    text = KEPT.replace("    definitions:", "    events: {transport: none}\n    definitions:")
    assert unmanaged(await drift_of(world, text)) == [("feishu/subscription/stage-gate", "CODE-1")]


async def test_a_look_at_a_part_does_not_speak_of_the_rest(world: World) -> None:
    drift = await drift_of(world, WITHOUT_DEFINITION, Selection(only=("bytebase/project",)))
    assert unmanaged(drift) == []


async def test_an_integration_without_feishu_remembers_its_definition(world: World) -> None:
    readers = world.readers()
    kinds = {kind: reader for kind, reader in readers.resources.items() if not kind.startswith("feishu/")}
    text = WITHOUT_DEFINITION.replace(
        "  feishu:\n    app: {id: cli_a1b2, secret: {env: FEISHU_APP_SECRET}, version: 1}\n", ""
    )
    text = text.replace("        - {type: FEISHU, from: feishu}\n", "")
    drift = (await find_drift(PlanRequest(target_of(text)), replace(readers, resources=kinds)))[0]
    assert ("feishu/definition/stage-gate", "CODE-1") in unmanaged(drift)


@pytest.mark.parametrize(
    "resource",
    [
        Binding("roles/oa", "serviceAccount:oa@service.bytebase.com", "demo"),
        Binding("roles/oa", "user:a@x.example", None),
        Binding("roles/a:b", "allUsers", "demo"),
        Webhook("demo", "a title/with a slash", "FEISHU"),
        Project("demo"),
        Role("oa"),
    ],
)
def test_a_record_names_the_resource_to_look_for(resource: Binding | Webhook | Project | Role) -> None:
    record = AppliedRecord("acme", resource.kind, resource.name, RecordState.APPLIED, NOW)
    assert sought(record) == resource
