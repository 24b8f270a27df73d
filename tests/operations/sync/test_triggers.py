"""When a request goes to Feishu, and when it is replaced: new stage, approvers, content, the bell (P-03 … P-07)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.loop import Loop
from fakes.simulated_world import ALICE, BOB, DAVE, ERIN, OWN, World

from reconciler.subjects.change import CheckStatus, TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import InstanceStatus


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


def stage(plan, environment: str = "test") -> str:
    return f"{plan.name}/rollout/stages/{environment}"


def finish(world: World, plan, environment: str, status: TaskStatus = TaskStatus.DONE) -> None:
    for task in plan.stages[environment]:
        world.finish(task, status)


async def approve(world: World, loop: Loop, who: str = DAVE) -> None:
    assert world.decide(world.pending()[0], who, approve=True)
    await loop.settle(2)


async def test_p_03_a_request_is_sent_when_a_change_reaches_its_first_stage(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    assert [i.request.form[-1].text("en-US").split(" ")[1] for i in world.pending()] == [f"acme/{stage(plan)}#0"]


async def test_n_03_the_next_stage_is_asked_about_when_the_first_is_done(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    await approve(world, loop)
    finish(world, plan, "test")
    await loop.settle(2)
    assert [i.request.form[-1].text("en-US").split(" ")[1] for i in world.pending()] == [
        f"acme/{stage(plan, 'prod')}#0"
    ]


async def test_p_02_n_41_approving_runs_every_runnable_task_of_the_stage_in_one_call(world, loop):
    plan = world.new_change(tasks=3)
    plan.stages["test"][1].status = TaskStatus.SKIPPED
    await loop.settle(1)
    await approve(world, loop)
    assert [record.tasks for record in world.runs] == [(plan.stages["test"][0].name, plan.stages["test"][2].name)]
    assert (await loop.entry(stage(plan))).spent


async def test_p_04_n_04_losing_an_approver_replaces_the_request_after_the_settling_time(world, loop):
    world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.entitled["test"].discard(DAVE)
    await loop.settle(2, step=timedelta(seconds=10))
    assert world.pending() == [first]
    await loop.settle(6, step=timedelta(seconds=20))
    assert first.status is InstanceStatus.CANCELED
    assert [person.email for person in world.pending()[0].request.approvers] == [BOB]
    assert any("people entitled to decide have changed" in text for _, text in world.instance_comments[first.code])


async def test_a_right_that_comes_back_within_the_settling_time_changes_nothing(world, loop):
    world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.entitled["test"].discard(DAVE)
    await loop.settle(2, step=timedelta(seconds=10))
    world.entitled["test"].add(DAVE)
    await loop.settle(10, step=timedelta(seconds=20))
    assert world.pending() == [first]


async def test_an_added_approver_keeps_the_request_unless_the_gate_replaces(world, loop):
    world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.entitled["test"].add(ERIN)
    await loop.settle(3)
    assert world.pending() == [first]
    loop.with_gate(on_approvers_added="replace")
    await loop.settle(3)
    assert [p.email for p in world.pending()[0].request.approvers] == [BOB, DAVE, ERIN]


async def test_a_directory_that_suddenly_finds_nobody_withdraws_nothing(world, loop):
    world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.hidden = {ALICE, BOB, DAVE}
    await loop.settle(20)
    assert world.pending() == [first]


async def test_p_05_n_05_changed_content_replaces_the_request(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.add_task(plan, "test")
    await loop.settle(3)
    assert first.status is InstanceStatus.CANCELED
    assert len(world.pending()) == 1
    assert world.pending()[0].request.form[-1].text("en-US").endswith("#1")


async def test_p_06_n_06_the_bell_sends_what_is_sent_only_on_request_and_is_answered(world, loop):
    loop.with_gate(send="onRequest")
    plan = world.new_change()
    await loop.settle(2)
    assert not world.pending()
    world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(2)
    assert len(world.pending()) == 1
    answers = [c.text for c in world.issue_comments[plan.issue] if "reconciler:answer:" in c.text]
    assert len(answers) == 1
    assert "asked in Feishu" in answers[0]


async def test_n_06_ringing_while_pending_reminds_and_sends_nothing_new(world, loop):
    plan = world.new_change()
    await loop.settle(2)
    world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(3)
    assert len(world.instances) == 1
    answers = [c.text for c in world.issue_comments[plan.issue] if "reconciler:answer:" in c.text]
    assert ["reminded" in answer for answer in answers] == [True]


async def test_b_21_ringing_for_a_blocked_stage_is_answered_with_the_precise_reason(world, loop):
    plan = world.new_change()
    plan.checks = CheckStatus.ERROR
    await loop.settle(1)
    world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(2)
    answers = [c.text for c in world.issue_comments[plan.issue] if "reconciler:answer:" in c.text]
    assert len(answers) == 1
    assert "checks report errors" in answers[0]
    assert not world.instances


@pytest.mark.parametrize("text", ["please /feishu", "/feishu now", "x\n/feishu", "/FEISHU", "feishu"])
async def test_only_the_command_alone_on_the_first_line_rings(world, loop, text):
    loop.with_gate(send="onRequest")
    plan = world.new_change()
    world.say(plan.issue, ALICE, text)
    await loop.settle(2)
    assert not world.instances


async def test_p_11_a_stranger_cannot_ring_and_is_told_so(world, loop):
    loop.with_gate(send="onRequest")
    plan = world.new_change()
    world.say(plan.issue, "stranger@example.com", "/feishu")
    await loop.settle(2)
    assert not world.instances
    assert any("only the issue's creator" in c.text for c in world.issue_comments[plan.issue] if c.creator == OWN)


async def test_an_edited_command_does_nothing(world, loop):
    from dataclasses import replace

    loop.with_gate(send="onRequest")
    plan = world.new_change()
    world.say(plan.issue, ALICE, "/feishu")
    world.issue_comments[plan.issue][0] = replace(world.issue_comments[plan.issue][0], edited=True)
    await loop.settle(2)
    assert not world.instances


async def test_flooding_the_bell_counts_once_a_minute(world, loop):
    plan = world.new_change()
    await loop.settle(2)
    for _ in range(4):
        world.now += timedelta(seconds=1)
        world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(2, step=timedelta(seconds=1))
    texts = [c.text for c in world.issue_comments[plan.issue] if "reconciler:answer:" in c.text]
    assert sum("reminded" in text for text in texts) == 1
    assert sum("asked too often" in text for text in texts) == 3


async def test_a_lost_ledger_replays_no_answered_command(world, loop):
    loop.with_gate(send="onRequest")
    plan = world.new_change()
    world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(2)
    loop.ledger.lose()
    loop.restart()
    await loop.adopt()
    await loop.settle(4)
    assert len(world.instances) == 1
    assert len([c for c in world.issue_comments[plan.issue] if "reconciler:answer:" in c.text]) == 1


async def test_p_07_n_08_by_origin_sends_pipeline_changes_by_themselves_and_hand_made_ones_on_request(world, loop):
    loop.with_gate(send="byOrigin")
    plan = world.new_change()
    await loop.settle(2)
    assert not world.instances
    assert (await loop.entry(stage(plan))).reason.code == "onRequest"


async def test_a_plan_older_than_since_is_held_until_somebody_asks(world, loop):
    loop.with_gate(since=world.now + timedelta(days=1))
    plan = world.new_change()
    await loop.settle(2)
    assert (await loop.entry(stage(plan))).reason.code == "beforeSince"
    await loop.ask(stage(plan))
    await loop.settle(1)
    assert len(world.pending()) == 1


async def test_request_from_the_command_line_asks_again_after_a_rejection(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.decide(world.pending()[0], BOB, approve=False, comment="not on a Friday")
    await loop.settle(2)
    assert (await loop.entry(stage(plan))).reason.code == "rejected"
    await loop.ask(stage(plan))
    await loop.settle(2)
    assert len(world.pending()) == 1
    assert (await loop.entry(stage(plan))).generation == 1


async def test_a_definition_of_another_code_withdraws_and_asks_again(world, loop):
    world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.definition_code = "DEF-2"
    await loop.settle(3)
    assert first.status is InstanceStatus.CANCELED
    assert world.pending()[0].request.definition_code == "DEF-2"


async def test_a_deactivated_definition_keeps_what_is_pending_and_says_so(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.definition_problem = "its status in Feishu is INACTIVE"
    await loop.settle(2)
    assert world.pending() == [first]
    assert (await loop.entry(stage(plan))).reason.code == "definition"


async def test_n_56_a_gate_removed_from_the_spec_withdraws_what_is_pending(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    loop.set_gate(None)
    await loop.settle(2)
    assert first.status is InstanceStatus.CANCELED
    assert (await loop.entry(stage(plan))).state is EntryState.CLOSED
    assert any("no gate of the spec" in text for _, text in world.instance_comments[first.code])


async def test_a_paused_gate_sends_nothing_and_shows_it(world, loop):
    loop.with_gate(paused=True)
    plan = world.new_change()
    await loop.settle(2)
    assert not world.instances
    assert (await loop.entry(stage(plan))).reason.code == "paused"


async def test_a_pending_request_that_was_held_up_is_shown_as_asked_again_once_nothing_holds_it(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    asked = (await loop.entry(stage(plan))).reason
    plan.checks = CheckStatus.ERROR
    await loop.settle(1)
    assert (await loop.entry(stage(plan))).reason.code == "checksError"
    plan.checks = CheckStatus.SUCCESS
    await loop.settle(1)
    assert (await loop.entry(stage(plan))).reason == asked
    (status,) = [c.text for c in world.issue_comments[plan.issue] if "reconciler:status:" in c.text]
    assert "asked in Feishu" in status
    rows = len(await loop.ledger.history(stage(plan)))
    await loop.settle(2)
    assert len(await loop.ledger.history(stage(plan))) == rows


async def test_a_reminder_goes_out_after_its_time_and_not_before(world, loop):
    plan = world.new_change()
    await loop.settle(2)
    world.now += timedelta(hours=3)
    await loop.settle(1)
    assert (await loop.entry(stage(plan))).reminded_at is None
    world.now += timedelta(hours=2)
    await loop.settle(1)
    assert (await loop.entry(stage(plan))).reminded_at is not None


async def test_b_24_an_unanswered_request_expires_and_is_asked_again_only_on_request(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    first = world.pending()[0]
    world.now += timedelta(days=3, minutes=1)
    await loop.settle(3)
    assert first.status is InstanceStatus.CANCELED
    assert not world.pending()
    assert (await loop.entry(stage(plan))).reason.code == "expired"
    await loop.ask(stage(plan))
    await loop.settle(1)
    assert len(world.pending()) == 1


async def test_only_few_requests_expire_within_an_hour(world, loop):
    for _ in range(23):
        world.new_change(tasks=1)
    await loop.settle(1)
    world.now += timedelta(days=3, minutes=1)
    await loop.settle(2)
    assert len(world.pending()) == 3
    world.now += timedelta(hours=1)
    await loop.settle(2)
    assert not world.pending()


async def test_an_unsure_clock_expires_and_reminds_nothing(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.clock_skew = 90.0
    world.now += timedelta(days=5)
    await loop.settle(3)
    assert len(world.pending()) == 1
    assert (await loop.entry(stage(plan))).reminded_at is None
