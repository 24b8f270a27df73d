"""A click leads to exactly one run of exactly what was approved, whatever fails in between; and is never swallowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import Loop
from fakes.simulated_world import ALICE, DAVE, OWN, World

from reconciler.errors import ForbiddenError, UnavailableError
from reconciler.subjects.change import ReviewStatus, TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.gate import GateMatch


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


class Crash(BaseException):
    """The process is killed."""


def stage(plan) -> str:
    return f"{plan.name}/rollout/stages/test"


async def clicked(world: World, loop: Loop):
    """A stage whose request Dave has just approved."""
    plan = world.new_change()
    await loop.settle(1)
    assert world.decide(world.pending()[0], DAVE, approve=True)
    return plan


def once(world: World, place: str, error: BaseException):
    left = [error]

    def hook(at: str) -> None:
        if at == place and left:
            raise left.pop()

    world.hook = hook


@pytest.mark.parametrize("place", ["run.before", "run.after", "observe.before", "resolve.before", "read.before"])
async def test_n_45_a_failure_while_approving_loses_no_click_and_runs_once(world, loop, place):
    plan = await clicked(world, loop)
    once(world, place, UnavailableError("503", ambiguous=place.endswith("after")))
    await loop.settle(4)
    assert [len(task.runs) for task in plan.stages["test"]] == [1, 1]
    assert len(world.runs) == 1
    assert (await loop.entry(stage(plan))).spent


@pytest.mark.parametrize("place", ["run.before", "run.after"])
async def test_b_09_a_crash_while_approving_is_finished_recorded_and_said(world, loop, place):
    plan = await clicked(world, loop)
    once(world, place, Crash())
    with pytest.raises(Crash):
        await loop.round()
    world.hook = lambda _: None
    loop.restart()
    await loop.settle(5)
    assert len(world.runs) == 1
    rows = [row for row in await loop.ledger.history(stage(plan)) if row.decision == "ran"]
    assert [row.actor for row in rows] == [DAVE]
    assert (
        sum("whole stage was run" in c.text and "status:" not in c.text for c in world.issue_comments[plan.issue]) == 1
    )


async def test_b_10_a_crash_while_a_rejection_is_told_shows_it_once(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.decide(world.pending()[0], DAVE, approve=False, comment="too late today")
    once(world, "comment.after", Crash())
    with pytest.raises(Crash):
        await loop.round()
    world.hook = lambda _: None
    loop.restart()
    await loop.settle(4, step=timedelta(seconds=60))
    told = [c.text for c in world.issue_comments[plan.issue] if "rejected:" in c.text.split("\n")[0]]
    assert len(told) == 1
    assert "too late today" in told[0]


async def test_b_04_n_43_a_click_while_the_review_is_not_approved_is_kept_and_said(world, loop):
    plan = await clicked(world, loop)
    plan.review = ReviewStatus.PENDING
    await loop.settle(3)
    assert world.runs == []
    assert len(world.instances) == 1
    assert (await loop.entry(stage(plan))).reason.code == "reviewMissing"
    plan.review = ReviewStatus.APPROVED
    await loop.settle(2)
    assert len(world.runs) == 1


async def test_b_08_n_14_a_click_with_nothing_left_to_run_ends_quietly_and_is_answered(world, loop):
    plan = await clicked(world, loop)
    for task in plan.stages["test"]:
        task.status = TaskStatus.SKIPPED
    await loop.settle(3)
    assert world.runs == []
    assert world.cancels == []
    assert (await loop.entry(stage(plan))).state is EntryState.CLOSED
    (notes,) = world.instance_comments.values()
    assert "it was approved, but nothing was run for it" in notes[0][1]


async def test_the_change_is_the_last_thing_looked_at_before_it_is_run(world, loop):
    """Whatever is read after it would widen the one window that nobody can close."""
    await clicked(world, loop)
    places = []
    world.hook = places.append
    await loop.settle(2)
    last_look = places.index("run.before") - 1
    assert places[last_look] == "observe.after"
    assert "entitled.after" in places[:last_look]


@pytest.mark.parametrize("moved", ["policy", "gate"])
async def test_a_policy_or_gate_that_changed_while_rights_were_read_calls_the_run_off_once(world, loop, moved):
    plan = await clicked(world, loop)
    real = world.change

    def between_the_looks():
        return places.count("observe.before") == 2

    def change(known):
        seen = real(known)
        if moved == "policy":
            roles = ("roles/other",) if between_the_looks() else ()
            return replace(seen, stages=tuple(replace(each, policy_roles=roles) for each in seen.stages))
        return replace(seen, project_labels=() if between_the_looks() else (("tier", "one"),))

    places = []
    if moved == "gate":
        loop.with_gate(match=GateMatch(project_labels=(("tier", "one"),)))
    world.change, world.hook = change, places.append
    await loop.round()
    assert world.runs == []
    await loop.settle(2)
    assert len(world.runs) == 1
    assert [row.decision for row in await loop.ledger.history(stage(plan))].count("runCalledOff") == 1


async def test_b_16_tasks_started_between_the_click_and_the_run_are_not_started_again(world, loop):
    plan = await clicked(world, loop)
    world.start(plan.stages["test"][:1], DAVE)
    await loop.settle(3)
    assert world.runs == []
    assert [len(task.runs) for task in plan.stages["test"]] == [1, 0]


async def test_b_16_tasks_skipped_just_before_the_call_are_left_alone_and_the_others_asked_about_again(world, loop):
    plan = await clicked(world, loop)
    looked = []

    def skip_late(place):
        if place == "observe.after":
            looked.append(place)
            if len(looked) == 1:
                plan.stages["test"][0].status = TaskStatus.SKIPPED

    world.hook = skip_late
    await loop.settle(4)
    assert world.runs == []
    assert plan.stages["test"][0].status is TaskStatus.SKIPPED
    assert len(world.pending()) == 1


async def test_n_42_an_approval_of_a_stage_that_is_not_the_frontier_runs_nothing(world, loop):
    plan = await clicked(world, loop)
    plan.stages["zero"] = plan.stages.pop("prod")
    world.environments = ["zero", "test"]
    await loop.settle(3)
    assert all("stages/test" not in record.stage for record in world.runs)


async def test_n_44_b_14_the_run_is_ours_and_the_comment_and_history_name_the_person(world, loop):
    plan = await clicked(world, loop)
    await loop.settle(2)
    assert {task.runs[-1].creator for task in plan.stages["test"]} == {OWN}
    (comment,) = [c.text for c in world.issue_comments[plan.issue] if "issue-ran" in c.text.split("\n")[0]]
    assert "dave@" in comment.replace("\u200b", "")
    assert "[Feishu](https://feishu.example/INST-" in comment


async def test_a_missing_right_to_run_is_said_and_the_click_is_kept(world, loop):
    plan = await clicked(world, loop)
    once(world, "run.before", ForbiddenError("bb.taskRuns.create is missing"))
    await loop.round()
    assert (await loop.entry(stage(plan))).reason.code == "noPermission"
    assert "bb.taskRuns.create" in (await loop.entry(stage(plan))).reason.text
    await loop.settle(2, step=timedelta(seconds=60))
    assert len(world.runs) == 1


async def test_n_40_a_change_that_cannot_be_read_holds_up_no_other(world, loop):
    bad, good = world.new_change(), world.new_change()
    real = world.change

    def change(plan):
        if plan is bad and world.reading:
            raise UnavailableError("503")
        return real(plan)

    world.reading = False
    world.change = change

    def hook(place):
        world.reading = place == "observe.before"

    world.hook = hook
    await loop.settle(3)
    assert [i.request.form[-1].text("en-US").split(" ")[1] for i in world.pending()] == [f"acme/{stage(good)}#0"]


async def test_n_01_without_a_gate_nothing_is_sent_read_in_feishu_or_said(world, loop):
    loop.set_gate(None)
    plan = world.new_change(creator=ALICE)
    places = []
    world.hook = places.append
    await loop.settle(3)
    assert world.instances == {}
    assert world.issue_comments.get(plan.issue, []) == []
    assert {place.split(".")[0] for place in places} <= {"discover", "observe", "comments"}


async def test_n_12_the_next_request_follows_the_withdrawal_without_waiting_for_another_poll(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.add_task(plan, "test")
    again = [(await loop.one(stage(plan))).again_after for _ in range(2)]
    assert again[0] == 0.0
    assert len(world.pending()) == 1
    assert len(world.instances) == 2
