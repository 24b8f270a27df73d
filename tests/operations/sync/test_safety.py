"""What an approval is worth, and what may never happen: wrong people, wrong content, wrong moment (N-42 … B-39)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import Loop
from fakes.simulated_world import ALICE, BOB, DAVE, ERIN, OWN, World, open_id

from reconciler.errors import UnavailableError
from reconciler.subjects.change import CheckStatus, ReviewStatus, TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import Decision, FieldText, InstanceStatus


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


def stage(plan, environment: str = "test") -> str:
    return f"{plan.name}/rollout/stages/{environment}"


async def asked(world: World, loop: Loop, **about):
    plan = world.new_change(**about)
    await loop.settle(1)
    return plan, world.pending()[0]


async def reason_of(loop: Loop, plan, environment: str = "test") -> str:
    return (await loop.entry(stage(plan, environment))).reason.code


async def test_b_12_tasks_added_after_asking_are_not_run_by_the_old_approval(world, loop):
    plan, instance = await asked(world, loop)
    world.add_task(plan, "test")
    world.decide(instance, DAVE, approve=True)
    await loop.settle(3)
    assert not world.runs
    assert instance.status is InstanceStatus.APPROVED
    assert any("has changed since" in text for _, text in world.instance_comments[instance.code])
    assert len(world.pending()) == 1


async def test_b_39_the_gate_is_judged_again_at_the_click(world, loop):
    plan, instance = await asked(world, loop)
    plan.checks = CheckStatus.ERROR
    world.decide(instance, DAVE, approve=True)
    await loop.settle(3)
    assert not world.runs
    assert await reason_of(loop, plan) == "checksError"
    plan.checks = CheckStatus.SUCCESS
    await loop.settle(3)
    assert len(world.runs) == 1


async def test_b_13_a_transferee_who_is_not_entitled_does_not_count(world, loop):
    plan, instance = await asked(world, loop)
    world.transfer(instance, DAVE, ERIN)
    world.decide(instance, ERIN, approve=True)
    await loop.settle(3)
    assert not world.runs
    assert await reason_of(loop, plan) == "unverified"


async def test_a_transferee_who_is_entitled_counts_unless_the_gate_refuses_transfers(world, loop):
    world.entitled["test"].add(ERIN)
    _, instance = await asked(world, loop)
    instance.request = replace(instance.request)
    world.transfer(instance, DAVE, ERIN)
    world.decide(instance, ERIN, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1


async def test_a_gate_that_refuses_transfers_counts_only_those_who_were_asked(world, loop):
    loop.with_gate(transferred="refuse")
    plan, instance = await asked(world, loop)
    world.entitled["test"].add(ERIN)
    world.transfer(instance, DAVE, ERIN)
    world.decide(instance, ERIN, approve=True)
    await loop.settle(3)
    assert not world.runs
    assert await reason_of(loop, plan) == "unverified"


async def test_b_13_an_automatic_pass_never_counts(world, loop):
    plan, instance = await asked(world, loop)
    world.auto_pass(instance)
    await loop.settle(3)
    assert not world.runs
    assert "automatically" in (await loop.entry(stage(plan))).reason.text


async def test_an_approver_who_lost_the_right_before_clicking_does_not_count(world, loop):
    plan, instance = await asked(world, loop)
    world.entitled["test"].discard(DAVE)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(3)
    assert not world.runs
    assert await reason_of(loop, plan) == "unverified"


async def test_b_18_the_requester_is_never_asked_unless_the_gate_allows_it(world, loop):
    world.entitled["test"].add(ALICE)
    _, instance = await asked(world, loop, creator=ALICE)
    assert ALICE not in [person.email for person in instance.request.approvers]


async def test_n_25_self_approval_works_where_the_gate_allows_it(world, loop):
    world.entitled["test"] = {ALICE}
    loop.with_gate(self_approval=True)
    _, instance = await asked(world, loop, creator=ALICE)
    world.decide(instance, ALICE, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1


async def test_a_stage_whose_only_holder_is_the_requester_says_so(world, loop):
    world.entitled["test"] = {ALICE}
    plan = world.new_change(creator=ALICE)
    await loop.settle(1)
    assert not world.instances
    assert "only the requester" in (await loop.entry(stage(plan))).reason.text


async def test_all_waits_for_everyone_and_counts_only_the_entitled(world, loop):
    world.decision = Decision.ALL
    _, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    assert not world.runs
    world.decide(instance, BOB, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1


async def test_all_with_one_person_missing_in_feishu_is_held(world, loop):
    world.decision = Decision.ALL
    world.hidden = {DAVE}
    plan = world.new_change()
    await loop.settle(1)
    assert not world.instances
    assert await reason_of(loop, plan) == "approverMissing"


async def test_n_24_an_approver_unknown_to_feishu_is_said(world, loop):
    world.hidden = {BOB, DAVE}
    plan = world.new_change()
    await loop.settle(1)
    assert not world.instances
    text = (await loop.entry(stage(plan))).reason.text
    assert BOB in text
    assert DAVE in text


async def test_n_23_p_09_the_bot_stands_in_for_a_requester_unknown_to_feishu(world, loop):
    world.hidden = {ALICE}
    _, instance = await asked(world, loop, creator=ALICE)
    assert instance.request.submitter == "ou_bot"


async def test_n_22_p_08_the_requester_is_found_by_identical_email(world, loop):
    _, instance = await asked(world, loop, creator=ALICE)
    assert instance.request.submitter == open_id(ALICE)


async def test_an_unknown_requester_is_held_where_the_spec_says_so(world, loop):
    loop.with_gate(unknown_requester="hold")
    world.hidden = {ALICE}
    plan = world.new_change(creator=ALICE)
    await loop.settle(1)
    assert not world.instances
    assert await reason_of(loop, plan) == "requesterMissing"


@pytest.mark.parametrize(
    "forge",
    [
        lambda r: replace(r, form=(*r.form[:-1], FieldText("digest", (("en-US", "forged"),)))),
        lambda r: replace(r, form=r.form[:-1]),
        lambda r: replace(r, form=(*r.form, FieldText("extra", (("en-US", "x"),)))),
        lambda r: replace(r, definition_code="OTHER"),
        lambda r: replace(r, form=tuple(FieldText(f.id, (("en-US", "nice"),)) if f.id == "sql" else f for f in r.form)),
    ],
)
async def test_a_form_that_is_not_word_for_word_ours_never_runs(world, loop, forge):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    instance.request = forge(instance.request)
    await loop.settle(3)
    assert not world.runs
    assert await reason_of(loop, plan) in ("unverified", "contentChanged", "definitionChanged")


async def test_an_approval_is_spent_by_one_run(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    for task in plan.stages["test"]:
        world.finish(task, TaskStatus.FAILED)
    await loop.settle(5)
    assert len(world.runs) == 1
    assert await reason_of(loop, plan) == "failedTasks"
    assert any("boom" in c.text for c in world.issue_comments[plan.issue])


async def test_failed_tasks_are_asked_about_again_where_the_gate_says_so(world, loop):
    loop.with_gate(on_failure="askAgain")
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    world.finish(plan.stages["test"][0], TaskStatus.FAILED)
    world.finish(plan.stages["test"][1], TaskStatus.DONE)
    await loop.settle(3)
    world.decide(world.pending()[0], BOB, approve=True)
    await loop.settle(2)
    assert [record.tasks for record in world.runs][1:] == [(plan.stages["test"][0].name,)]


async def test_an_approval_older_than_its_validity_runs_nothing(world, loop):
    plan, instance = await asked(world, loop)
    plan.checks = CheckStatus.ERROR
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    world.now += timedelta(hours=25)
    plan.checks = CheckStatus.SUCCESS
    await loop.settle(2)
    assert not world.runs
    assert await reason_of(loop, plan) == "approvalOld"


async def test_n_47_n_49_a_rejection_is_shown_with_person_and_reason_once(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, BOB, approve=False, comment="needs an index first")
    await loop.settle(5)
    told = [c.text for c in world.issue_comments[plan.issue] if "issue-rejected" in c.text]
    assert len(told) == 1
    assert "needs an index first" in told[0]
    assert "bob@" in told[0]
    assert not world.runs


async def test_on_reject_skip_skips_the_stage_and_goes_no_further(world, loop):
    loop.with_gate(on_reject="skip")
    plan, instance = await asked(world, loop)
    world.decide(instance, BOB, approve=False)
    await loop.settle(3)
    assert {task.status for task in plan.stages["test"]} == {TaskStatus.SKIPPED}
    assert not world.runs


async def test_on_reject_skip_is_tried_again_when_bytebase_did_not_answer(world, loop):
    loop.with_gate(on_reject="skip")
    plan, instance = await asked(world, loop)
    world.decide(instance, BOB, approve=False)
    left = [UnavailableError("503")]

    def away_once(place):
        if place == "skip.before" and left:
            raise left.pop()

    world.hook = away_once
    await loop.settle(4)
    assert {task.status for task in plan.stages["test"]} == {TaskStatus.SKIPPED}
    told = [c.text for c in world.issue_comments[plan.issue] if "rejected:" in c.text.split("\n")[0]]
    assert len(told) == 1


async def test_b_01_a_request_withdrawn_by_a_person_can_be_asked_again(world, loop):
    plan, instance = await asked(world, loop)
    world.end(instance, InstanceStatus.CANCELED)
    await loop.settle(3)
    assert await reason_of(loop, plan) == "withdrawnByPerson"
    assert not world.pending()
    await loop.ask(stage(plan))
    await loop.settle(2)
    assert len(world.pending()) == 1


async def test_b_02_a_rejection_is_no_dead_end_when_the_content_changes(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, BOB, approve=False)
    await loop.settle(2)
    world.add_task(plan, "test")
    await loop.settle(3)
    assert len(world.pending()) == 1


async def test_an_approval_revoked_after_the_run_undoes_nothing_and_alerts(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    world.end(instance, InstanceStatus.CANCELED, reverted=True)
    for task in plan.stages["test"]:
        world.finish(task, TaskStatus.DONE)
    await loop.settle(3)
    assert any("revoked after the stage had run" in c.text for c in world.issue_comments[plan.issue])
    assert {task.status for task in plan.stages["test"]} == {TaskStatus.DONE}


async def test_n_54_b_22_a_stage_run_by_hand_withdraws_the_request_and_names_who_ran_it(world, loop):
    plan, instance = await asked(world, loop)
    world.start(plan.stages["test"], DAVE)
    await loop.settle(2)
    assert instance.status is InstanceStatus.CANCELED
    assert any(DAVE in text for _, text in world.instance_comments[instance.code])


async def test_n_18_an_unapproved_review_withdraws_and_blocks(world, loop):
    plan, instance = await asked(world, loop)
    plan.review = ReviewStatus.PENDING
    await loop.settle(2)
    assert instance.status is InstanceStatus.CANCELED
    plan.review = ReviewStatus.APPROVED
    await loop.settle(2)
    assert len(world.pending()) == 1


async def test_n_13_an_automatic_environment_is_never_asked_about(world, loop):
    world.automatic = {"test"}
    plan = world.new_change()
    await loop.settle(2)
    assert not world.instances
    assert await reason_of(loop, plan) == "automatic"


@pytest.mark.parametrize(
    ("hold", "checks", "code"),
    [
        ("error", CheckStatus.ERROR, "checksError"),
        ("error", CheckStatus.RUNNING, "checksRunning"),
        ("warning", CheckStatus.WARNING, "checksWarning"),
    ],
)
async def test_n_15_n_16_n_17_checks_hold_as_the_gate_says_and_it_is_shown(world, loop, hold, checks, code):
    loop.with_gate(hold_on_checks=hold)
    plan = world.new_change()
    plan.checks = checks
    await loop.settle(2)
    assert not world.instances
    assert await reason_of(loop, plan) == code
    assert len([c for c in world.issue_comments[plan.issue] if c.creator == OWN]) == 1


async def test_n_16_warnings_are_tolerated_by_default(world, loop):
    plan = world.new_change()
    plan.checks = CheckStatus.WARNING
    await loop.settle(1)
    assert len(world.pending()) == 1


async def test_n_53_a_closed_plan_withdraws_with_the_true_reason(world, loop):
    plan, instance = await asked(world, loop)
    plan.is_active = False
    await loop.settle(2)
    assert instance.status is InstanceStatus.CANCELED
    assert any("plan was closed" in text for _, text in world.instance_comments[instance.code])


async def test_a_deleted_plan_withdraws(world, loop):
    plan, instance = await asked(world, loop)
    plan.exists = False
    await loop.settle(2)
    assert instance.status is InstanceStatus.CANCELED


async def test_b_20_an_approval_that_crosses_our_withdrawal_is_never_reopened(world, loop):
    plan, instance = await asked(world, loop)
    world.add_task(plan, "test")

    def click(place: str) -> None:
        if place == "cancel.before" and instance.status is InstanceStatus.PENDING and not world.cancels:
            world.hook = lambda _: None
            world.decide(instance, DAVE, approve=True)

    world.hook = click
    await loop.settle(5)
    assert not world.runs
    assert instance.status is InstanceStatus.CANCELED
    assert any(mark.startswith("instance-crossed") for mark, _ in world.instance_comments[instance.code])
    assert len(world.pending()) == 1


async def test_a_withdrawal_that_is_refused_for_good_is_void_and_never_counts(world, loop):
    plan, instance = await asked(world, loop)
    world.withdrawal_allowed = False
    world.add_task(plan, "test")
    await loop.settle(2)
    assert (await loop.entry(stage(plan))).state is EntryState.VOID
    assert any("do not decide" in text for _, text in world.instance_comments[instance.code])
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    assert not world.runs
    world.now += timedelta(hours=1, minutes=1)
    await loop.settle(3)
    assert [i.request.form[-1].text("en-US")[-2:] for i in world.pending()] == ["#1"]
    assert not world.runs


async def test_an_environment_deleted_under_unfinished_tasks_holds_the_later_stages(world, loop):
    plan, instance = await asked(world, loop)
    world.environments = ["prod"]
    await loop.settle(4)
    assert instance.status is InstanceStatus.CANCELED
    assert not world.pending()
    assert await reason_of(loop, plan, "prod") == "stageVanished"
    await loop.ask(stage(plan, "prod"))
    await loop.settle(2)
    world.decide(world.pending()[0], DAVE, approve=True)
    await loop.settle(2)
    assert [record.stage for record in world.runs] == [stage(plan, "prod")]


async def test_reordered_environments_do_not_let_a_later_stage_overtake_in_silence(world, loop):
    plan, _ = await asked(world, loop)
    world.environments = ["prod", "test"]
    await loop.settle(4)
    assert not world.pending()
    assert await reason_of(loop, plan, "prod") == "stageVanished"


async def test_no_stage_runs_before_the_earlier_ones_are_done(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    world.finish(plan.stages["test"][0], TaskStatus.DONE)
    await loop.settle(2)
    assert [record.stage for record in world.runs] == [stage(plan)]


async def test_a_change_without_an_issue_is_asked_about_and_its_results_go_to_the_instance(world, loop):
    plan, instance = await asked(world, loop, with_issue=False)
    assert "plan " in instance.request.title.text("en-US")
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1
    assert any(mark.startswith("instance-ran") for mark, _ in world.instance_comments[instance.code])
    assert plan.issue is None


async def test_b_07_the_form_holds_the_real_statements(world, loop):
    _, instance = await asked(world, loop)
    sql = {field.id: field.text("en-US") for field in instance.request.form}["sql"]
    assert "ALTER TABLE" in sql


async def test_an_instance_made_by_hand_from_our_definition_is_left_alone(world, loop):
    _, instance = await asked(world, loop)
    forged = replace(instance.request, uuid="00000000-0000-0000-0000-000000000000")
    foreign = world.create_instance(forged)
    world.decide(foreign, DAVE, approve=True)
    await loop.adopt()
    await loop.settle(4)
    assert foreign.status is InstanceStatus.APPROVED
    assert not world.runs


async def test_b_14_history_says_who_approved_what_when_and_through_which_instance(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    (row,) = [row for row in await loop.ledger.history(stage(plan)) if row.decision == "ran"]
    assert row.actor == DAVE
    assert row.instance == instance.code
    assert row.fingerprint == (await loop.entry(stage(plan))).fingerprint
    assert plan.stages["test"][0].name in dict(row.evidence)["tasks"]
