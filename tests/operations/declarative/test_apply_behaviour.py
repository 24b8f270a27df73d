"""Apply does what was shown, finishes what was begun, and never creates a definition by accident."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.declarative_specs import FULL, SMALL, target_of
from fakes.declarative_upstream import World

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.operations.apply import Agreement, ApplyRequest, apply
from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.plan.change import Plan
from reconciler.plan.document import digest
from reconciler.plan.outcome import Applied, Result
from reconciler.plan.select import Selection
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Key
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy

CREATE = frozenset({"stage-gate"})


@pytest.fixture
def world() -> World:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), RolloutPolicy("test", False, ()))
    world.upstream.put(Project("demo", require_issue_approval=False, allow_self_approval=False))
    world.upstream.put(Im(()), ApprovalRules(()))
    from reconciler.resources.app import App

    scopes = ("approval:approval", "approval:approval:readonly", "contact:user.id:readonly")
    events = ("approval_instance", "approval_task")
    world.upstream.put(App("cli_a1b2", bot=True, published=True, scopes=scopes, events=events))
    world.upstream.people = {"alice@acme.example": "ou_1"}
    return world


async def run(world: World, text: str = FULL, **options: object) -> Applied:
    options.setdefault("create_definitions", CREATE)
    return await apply(ApplyRequest(PlanRequest(target_of(text)), **options), world.ports())  # type: ignore[arg-type]


async def plan(world: World, text: str = FULL) -> Plan:
    return (await make_plan(PlanRequest(target_of(text)), world.readers())).plan


async def test_after_an_apply_there_is_nothing_to_do(world: World) -> None:
    applied = await run(world)
    assert [each for each in applied.outcomes if each.result is not Result.APPLIED] == []
    assert applied.exit_code == 0
    again = await plan(world)
    assert again.pending == ()
    assert again.exit_code == 0
    before = list(world.upstream.written)
    assert (await run(world)).outcomes == ()
    assert world.upstream.written == before


async def test_the_code_of_a_created_definition_is_written_into_the_spec(world: World) -> None:
    applied = await run(world)
    assert world.spec_file.codes == {"stage-gate": "CODE-1"}
    (outcome,) = [each for each in applied.outcomes if each.kind == "feishu/definition"]
    assert outcome.code == "CODE-1"
    assert world.upstream.subscribed == {"CODE-1"}
    assert [each.code for each in (await plan(world)).warnings if each.kind == "feishu/definition"] == [
        "codeNotWritten"
    ]


async def test_a_spec_that_cannot_be_written_names_the_line_and_the_code(world: World) -> None:
    world.spec_file.is_read_only = True
    applied = await run(world)
    assert applied.exit_code == 0
    assert "CODE-1" in applied.messages[0]
    assert "specs/a.yaml:12" in applied.messages[0]
    world.spec_file.is_read_only = False
    await run(world)
    assert world.spec_file.codes == {"stage-gate": "CODE-1"}


async def test_nothing_is_written_when_an_irreversible_creation_was_not_named(world: World) -> None:
    with pytest.raises(RefusedError, match="never be undone") as refused:
        await run(world, create_definitions=frozenset())
    assert "--create-definition stage-gate" in refused.value.next_step
    assert world.upstream.written == []


async def test_a_lost_creation_stops_and_is_never_repeated_by_itself(world: World) -> None:
    world.upstream.lost_answers.add("write feishu/definition")
    applied = await run(world)
    results = {each.id: each.result for each in applied.outcomes}
    assert results["feishu/definition/stage-gate"] is Result.FAILED
    assert results["feishu/subscription/stage-gate"] is Result.NOT_REACHED
    assert applied.exit_code == 4
    world.upstream.lost_answers.clear()
    for _ in range(2):
        assert (await plan(world)).exit_code == 3
        with pytest.raises(RefusedError, match="may exist already"):
            await run(world)
    assert world.upstream.created == 1
    with_code = FULL.replace("code: null", "code: CODE-1")
    assert (await run(world, with_code)).exit_code == 0
    assert world.upstream.created == 1


async def test_a_lost_creation_that_did_not_happen_is_forgotten_on_request(world: World) -> None:
    world.upstream.lost_answers.add("write feishu/definition")
    await run(world)
    world.upstream.live = {key: each for key, each in world.upstream.live.items() if key.kind != "feishu/definition"}
    world.upstream.lost_answers.clear()
    assert (await run(world, forget_creations=CREATE)).exit_code == 0
    assert world.upstream.created == 2
    with pytest.raises(RefusedError, match="no lost creation"):
        await run(world, forget_creations=CREATE)


async def test_a_definition_that_is_gone_can_be_forgotten_and_one_that_is_there_cannot(world: World) -> None:
    await run(world)
    with pytest.raises(RefusedError, match="no lost creation"):
        await run(world, forget_creations=CREATE)
    world.upstream.live = {key: each for key, each in world.upstream.live.items() if key.kind != "feishu/definition"}
    world.upstream.faults["read feishu/definition"] = NotFoundError("Feishu has no definition of this code")
    with pytest.raises(NotFoundError):
        await run(world)
    with pytest.raises(NotFoundError):  # forgotten, and the fake still says that nothing can be read
        await run(world, forget_creations=CREATE)
    world.upstream.faults.clear()
    assert (await run(world)).exit_code == 0
    assert world.upstream.created == 2


async def test_a_creation_that_was_refused_upstream_can_be_tried_again(world: World) -> None:
    world.upstream.faults["write feishu/definition"] = ForbiddenError("the scope approval:approval is missing")
    assert (await run(world)).exit_code == 4
    world.upstream.faults.clear()
    assert (await run(world)).exit_code == 0
    assert world.upstream.created == 1


async def test_two_runs_that_share_a_store_create_one_definition(world: World) -> None:
    ports = world.ports()
    world.lock.held = True
    with pytest.raises(RefusedError, match="already running") as refused:
        await run(world)
    assert "process 7" in refused.value.why
    world.lock.held = False
    await apply(ApplyRequest(PlanRequest(target_of(FULL)), create_definitions=CREATE), ports)
    assert world.upstream.created == 1


async def test_a_plan_that_was_shown_is_performed_only_while_it_holds(world: World) -> None:
    shown = await plan(world)
    world.upstream.put(RolloutPolicy("prod", True, ("roles/projectOwner",)))
    with pytest.raises(RefusedError, match="not the plan that was shown") as refused:
        await run(world, shown=shown)
    assert "bytebase/rolloutPolicy/prod: the live resource moved" in refused.value.why
    assert world.upstream.written == []
    assert (await run(world, shown=await plan(world))).exit_code == 0


async def test_a_forged_plan_adds_no_write(world: World) -> None:
    honest = await plan(world, SMALL)
    forged = replace(honest, changes=(*honest.changes, replace(honest.changes[0], name="staging")))
    with pytest.raises(RefusedError, match="not the plan"):
        await run(world, SMALL, shown=forged)
    assert world.upstream.written == []


async def test_an_expected_digest_must_be_that_of_the_plan(world: World) -> None:
    with pytest.raises(RefusedError, match="not one that was expected"):
        await run(world, SMALL, expect=frozenset({"0" * 64}))
    assert (await run(world, SMALL, expect=frozenset({digest(await plan(world, SMALL))}))).exit_code == 0


async def test_another_workspace_under_the_same_identity_is_refused(world: World) -> None:
    await run(world, SMALL)
    world.upstream.facts_value = replace(world.upstream.facts_value, workspace="workspaces/other")
    refused = await plan(world, SMALL)
    assert refused.exit_code == 3
    with pytest.raises(RefusedError, match="workspaces/w until now"):
        await run(world, SMALL)
    request = PlanRequest(target_of(SMALL), accept_identity=True)
    assert (await apply(ApplyRequest(request), world.ports())).exit_code == 0


async def test_a_refusal_names_every_reason_with_its_line_and_its_next_step(world: World) -> None:
    world.upstream.put(Im((ImSetting("TEAMS"),)))
    world.upstream.facts_value = replace(world.upstream.facts_value, licence="FREE")
    with pytest.raises(RefusedError) as refused:
        await run(world)
    said = f"{refused.value} {refused.value.next_step}"
    for about in ("bytebase/approvalRules/workspace", "bytebase/im/workspace", "bytebase/role/oa"):
        assert about in said
    assert "specs/acme.yaml:9" in said
    assert "spec.bytebase.im.undeclared: erase" in said
    assert "--except bytebase/role" in said
    assert world.upstream.written == []


async def test_live_types_that_the_spec_does_not_name_are_not_erased(world: World) -> None:
    world.upstream.put(Im((ImSetting("TEAMS"),)))
    with pytest.raises(RefusedError, match="erase TEAMS") as refused:
        await run(world)
    assert "undeclared: erase" in refused.value.next_step
    erasing = FULL.replace("    im:\n", "    im:\n      undeclared: erase\n")
    assert (await run(world, erasing)).exit_code == 0


async def test_secrets_that_are_only_written_are_resolved_before_the_first_write_and_not_by_plan(world: World) -> None:
    await plan(world)
    assert world.secrets.asked == []
    world.secrets.faults["HOOK"] = CredentialsError("environment variable HOOK is not set")
    with pytest.raises(CredentialsError):
        await run(world)
    assert world.upstream.written == []
    world.secrets.faults.clear()
    await run(world)
    assert world.upstream.secrets_seen["bytebase/webhook/demo/changes/FEISHU:url"] == "canary-HOOK"
    assert world.upstream.secrets_seen["bytebase/im/workspace:FEISHU.appSecret"] == "canary-FEISHU_APP_SECRET"


async def test_a_raised_version_sends_the_secret_again(world: World) -> None:
    await run(world)
    world.upstream.written.clear()
    raised = FULL.replace("version: 2", "version: 3")
    changes = (await plan(world, raised)).pending
    assert [(row.path, row.before, row.after) for row in changes[0].fields] == [
        ("credentials.SLACK", "version 2", "version 3")
    ]
    assert (await run(world, raised)).exit_code == 0
    assert world.upstream.written == ["write bytebase/im/workspace"]
    assert (await plan(world, raised)).pending == ()


async def test_a_new_store_says_that_it_does_not_know_and_sends_only_on_request(world: World) -> None:
    await run(world)
    world.records.kept.clear()
    with_code = FULL.replace("code: null", "code: CODE-1")
    now = await plan(world, with_code)
    assert now.pending == ()
    assert {each.key for each in now.warnings if each.code == "noRecord"} == {
        Key("bytebase/im", "workspace"),
        Key("bytebase/webhook", "demo/changes/FEISHU"),
        Key("feishu/subscription", "stage-gate"),
    }
    request = PlanRequest(target_of(with_code), rewrite=Selection(("bytebase/im",)))
    applied = await apply(ApplyRequest(request), world.ports())
    assert [each.id for each in applied.outcomes] == ["bytebase/im/workspace"]
    # The store knows something of the integration now, and still nothing of a subscription that was made long ago.
    assert (await plan(world, with_code)).pending == ()


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (ForbiddenError("no permission bb.policies.update"), False),
        (ConflictError("somebody else changed it"), False),
        (NotFoundError("gone"), False),
        (ThrottledError("slow down"), True),
        (UnavailableError("no answer"), True),
        (UnavailableError("no answer", ambiguous=True), True),
        (CredentialsError("wrong key"), True),
    ],
)
async def test_a_failed_change_is_told_and_the_next_run_finishes(
    world: World, error: ReconcilerError, stops: bool
) -> None:
    world.upstream.faults["write bytebase/rolloutPolicy"] = error
    applied = await run(world)
    results = {each.id: each for each in applied.outcomes}
    failed = results["bytebase/rolloutPolicy/prod"]
    assert failed.result is Result.FAILED
    assert error.what in failed.reason
    expected = Result.NOT_REACHED if stops else Result.APPLIED
    assert results["feishu/definition/stage-gate"].result is expected
    assert applied.exit_code == 4
    world.upstream.faults.clear()
    assert (await run(world)).exit_code == 0
    assert (await plan(world)).pending == ()


async def test_what_rests_on_a_failed_change_is_skipped_and_says_because_of_what(world: World) -> None:
    world.upstream.faults["write bytebase/role"] = ForbiddenError("no permission bb.roles.create")
    applied = await run(world)
    results = {each.id: each for each in applied.outcomes}
    for dependant in (
        "bytebase/approvalRules/workspace",
        "bytebase/binding/roles/oa:serviceAccount:oa@service.bytebase.com:demo",
    ):
        assert results[dependant].result is Result.SKIPPED
        assert results[dependant].reason == "because of bytebase/role/oa"


async def test_a_write_that_left_no_trace_is_a_failure(world: World) -> None:
    ports = world.ports()

    class Deaf:
        async def write(self, write: object) -> object:
            from reconciler.ports.declarative import Written

            return Written()

    writers = replace(ports.writers, resources={**ports.writers.resources, "bytebase/project": Deaf()})
    request = ApplyRequest(PlanRequest(target_of(FULL)), create_definitions=CREATE)
    applied = await apply(request, replace(ports, writers=writers))
    failed = [each for each in applied.outcomes if each.result is Result.FAILED]
    assert [each.id for each in failed] == ["bytebase/project/demo"]
    assert "reads back as something else" in failed[0].reason


async def test_nothing_goes_on_after_the_lock_is_lost(world: World) -> None:
    world.lock.lost = True
    applied = await run(world)
    assert {each.result for each in applied.outcomes} == {Result.NOT_REACHED}
    assert world.upstream.written == []


async def test_a_person_is_asked_once_the_plan_is_known_to_be_permitted(world: World) -> None:
    asked: list[Plan] = []

    async def refuse(plan: Plan) -> Agreement:
        asked.append(plan)
        return Agreement(goes_on=False)

    async def agree(plan: Plan) -> Agreement:
        return Agreement(goes_on=True, create_definitions=CREATE)

    request = ApplyRequest(PlanRequest(target_of(FULL)))
    with pytest.raises(RefusedError, match="not agreed"):
        await apply(request, replace(world.ports(), agree=refuse))
    assert len(asked) == 1
    assert world.upstream.written == []
    assert (await apply(request, replace(world.ports(), agree=agree))).exit_code == 0


async def test_what_moves_while_a_person_thinks_is_noticed(world: World) -> None:
    async def agree_late(plan: Plan) -> Agreement:
        world.upstream.put(RolloutPolicy("prod", True, ("roles/projectOwner",)))
        return Agreement(goes_on=True, create_definitions=CREATE)

    with pytest.raises(RefusedError, match="not the plan that was shown"):
        await apply(ApplyRequest(PlanRequest(target_of(FULL))), replace(world.ports(), agree=agree_late))
    assert world.upstream.written == []


@pytest.mark.parametrize("call", ["facts", "access", "people", "read bytebase/im", "read feishu/definition"])
async def test_a_failed_read_makes_no_plan_and_no_write(world: World, call: str) -> None:
    with_code = FULL.replace("code: null", "code: CODE-1")
    world.upstream.faults[call] = UnavailableError("no answer", next_step="try again later")
    with pytest.raises(UnavailableError):
        await plan(world, with_code)
    with pytest.raises(UnavailableError):
        await run(world, with_code)
    assert world.upstream.written == []


async def test_a_partial_apply_writes_only_what_was_chosen(world: World) -> None:
    request = PlanRequest(target_of(FULL), Selection(only=("bytebase/rolloutPolicy/prod",)))
    applied = await apply(ApplyRequest(request), world.ports())
    assert [each.id for each in applied.outcomes] == ["bytebase/rolloutPolicy/prod"]
