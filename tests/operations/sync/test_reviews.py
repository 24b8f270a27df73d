"""Review gates: one question per step, answered by the role's account, exactly once, and never blindly a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import REVIEW_GATE, Loop
from fakes.simulated_review import FLOW, OA, OWNER, account_of
from fakes.simulated_world import ALICE, BOB, DAVE, World

from reconciler.errors import ForbiddenError, UnavailableError
from reconciler.ports.sync import Reviewer
from reconciler.subjects.change import CheckStatus, StepAnswer
from reconciler.subjects.entry import EntryState
from reconciler.subjects.gate import GateMatch
from reconciler.subjects.instance import InstanceStatus


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    made = Loop(world)
    made.review_gate = REVIEW_GATE
    made.restart()
    return made


class Crash(BaseException):
    """The process is killed."""


def once(world: World, place: str, error: BaseException) -> None:
    left = [error]

    def hook(at: str) -> None:
        if at == place and left:
            raise left.pop()

    world.hook = hook


async def asked(world: World, loop: Loop):
    """A change under review whose first step was just asked about."""
    plan = world.new_change(reviewed=True)
    await loop.settle(2)
    (instance,) = world.pending()
    return plan, instance


def step(plan, index: int = 0) -> str:
    return f"{plan.issue}#{index}"


def subject(instance) -> str:
    return instance.request.form[-1].text("en-US").split(" ")[1].removeprefix("acme/")


async def test_each_step_is_asked_when_it_is_reached_and_then_the_stage(world, loop):
    plan, first = await asked(world, loop)
    assert subject(first) == f"{step(plan)}#0"
    world.decide(first, DAVE, approve=True)
    await loop.settle(3)
    (second,) = world.pending()
    assert subject(second) == f"{step(plan, 1)}#0"
    assert plan.under_review.answers == [StepAnswer(account_of(OWNER), is_approval=True)]
    world.decide(second, BOB, approve=True)
    await loop.settle(3)
    (third,) = world.pending()
    assert subject(third) == f"{plan.name}/rollout/stages/test#0"
    assert [answer.step for answer in world.answers] == [step(plan), step(plan, 1)]


async def test_the_answer_names_the_person_in_the_reviews_own_timeline(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    await loop.settle(2)
    ((account, text),) = plan.timeline
    assert account == account_of(OWNER)
    assert "Approved in Feishu by dave@" in text.replace("\u200b", "")
    entry = await loop.entry(step(plan))
    assert (entry.state, entry.spent, entry.actors) == (EntryState.CLOSED, True, (DAVE,))
    assert entry.reason.code == "reviewApproved"
    decisions = [row.decision for row in await loop.ledger.history(step(plan))]
    assert decisions == ["intended", "asked", "answering", "answered", "closed"]


async def test_a_rejection_is_answered_once_with_its_reason_and_the_next_request_of_its_author_asks_anew(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=False, comment="not on a friday")
    await loop.settle(4)
    assert plan.under_review.answers == [StepAnswer(account_of(OWNER), is_approval=False)]
    assert "not on a friday" in plan.timeline[0][1]
    assert not world.pending()
    plan.under_review.answers.pop()
    await loop.settle(3)
    (again,) = world.pending()
    assert subject(again) == f"{step(plan)}#1"
    assert len(world.answers) == 1


@pytest.mark.parametrize(
    "place", ["answer.before", "answer.after", "observe.before", "answers.before", "entitled.before"]
)
@pytest.mark.parametrize("approve", [True, False])
async def test_a_failure_while_answering_loses_no_click_and_answers_once(world, loop, place, approve):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=approve)
    once(world, place, UnavailableError("503", ambiguous=place.endswith("after")))
    await loop.settle(5)
    assert [(a.step, a.approve) for a in world.answers] == [(step(plan), approve)]


@pytest.mark.parametrize("place", ["answer.before", "answer.after"])
@pytest.mark.parametrize("approve", [True, False])
async def test_a_crash_while_answering_is_finished_and_answered_once(world, loop, place, approve):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=approve)
    once(world, place, Crash())
    with pytest.raises(Crash):
        await loop.round()
    world.hook = lambda _: None
    loop.restart()
    await loop.settle(5)
    assert [(a.step, a.approve) for a in world.answers] == [(step(plan), approve)]
    assert (await loop.entry(step(plan))).spent


async def test_an_answer_whose_review_was_reset_before_it_was_seen_is_not_given_again(world, loop):
    """The process dies after the answer; the author writes equal statements anew, which resets the review."""
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    once(world, "answer.after", Crash())
    with pytest.raises(Crash):
        await loop.round()
    world.hook = lambda _: None
    plan.under_review.reset(plan.under_review.sheets)
    loop.restart()
    await loop.settle(5)
    assert len(world.answers) == 1
    (again,) = world.pending()
    assert subject(again) == f"{step(plan)}#1"


async def test_an_edit_of_the_statements_withdraws_the_question_and_asks_the_new_one(world, loop):
    plan, before = await asked(world, loop)
    plan.under_review.reset([world.new_sheet()])
    await loop.settle(3)
    assert before.status is InstanceStatus.CANCELED
    (after,) = world.pending()
    assert subject(after) == f"{step(plan)}#1"


async def test_an_edit_between_the_click_and_the_answer_answers_nothing(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    places = []

    def edited_late(place):
        places.append(place)
        if place == "entitled.after" and places.count(place) == 2:
            plan.under_review.reset([world.new_sheet()])

    world.hook = edited_late
    await loop.round()
    assert world.answers == []
    await loop.settle(3)
    assert world.answers == []
    assert len(world.pending()) == 1


async def test_while_the_flow_is_not_found_nothing_is_asked_and_that_is_said(world, loop):
    plan = world.new_change(reviewed=True)
    plan.under_review.is_checking = True
    await loop.settle(2)
    assert not world.instances
    assert (await loop.entry(step(plan))).reason.code == "reviewChecking"
    plan.under_review.is_checking = False
    await loop.settle(2)
    assert len(world.pending()) == 1


async def test_a_pending_question_survives_a_new_finding_of_the_same_flow(world, loop):
    """Another label resets the review; what is asked stays the same."""
    plan, instance = await asked(world, loop)
    plan.under_review.is_checking = True
    await loop.settle(2)
    assert world.pending() == [instance]
    plan.under_review.is_checking = False
    await loop.settle(2)
    assert world.pending() == [instance]
    assert (await loop.entry(step(plan))).reason.code == "asked"


@pytest.mark.parametrize("approve", [True, False])
async def test_an_answer_given_in_bytebase_withdraws_the_question_and_says_by_whom(world, loop, approve):
    plan, instance = await asked(world, loop)
    plan.under_review.answer(BOB, approve=approve, text="by hand")
    await loop.settle(3)
    assert instance.status is InstanceStatus.CANCELED
    (notes,) = (world.instance_comments[instance.code],)
    assert f"bob@example.com {'approved' if approve else 'rejected'} the review step" in notes[0][1].replace(
        "\u200b", ""
    )
    assert len(world.pending()) == (1 if approve else 0)


async def test_an_account_that_may_not_answer_asks_nobody_and_says_why(world, loop):
    plan = world.new_change(reviewed=True)

    async def nobody(change, role):
        return Reviewer("", "the spec declares no reviewer for it")

    loop.ports.subjects.reviewer = nobody
    await loop.one(step(plan))
    entry = await loop.entry(step(plan))
    assert not world.instances
    assert entry.reason.code == "noReviewer"
    assert OWNER in entry.reason.text


async def test_a_right_that_was_lost_after_the_click_is_said_and_the_click_is_kept(world, loop):
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)
    once(world, "answer.before", ForbiddenError("not bound to the role"))
    await loop.round()
    assert (await loop.entry(step(plan))).reason.code == "noPermission"
    await loop.settle(3, step=timedelta(seconds=60))
    assert len(world.answers) == 1


async def test_one_approval_that_became_two_answers_stops_the_issue_and_is_told(world, loop):
    """One account bound to both roles and a call that Bytebase took twice: nothing of ours may go on from there."""
    plan, instance = await asked(world, loop)
    world.decide(instance, DAVE, approve=True)

    def twice(place):
        if place == "answer.after" and len(plan.timeline) == 1:
            plan.under_review.answer(account_of(OWNER), approve=True, text=plan.timeline[0][1])

    world.hook = twice
    await loop.settle(3)
    told = [c.text for c in world.issue_comments[plan.issue] if "two answers" in c.text]
    assert told
    assert (await loop.entry(step(plan))).outcome == "answeredTwice"


async def test_only_the_role_that_a_gate_names_is_asked_about(world, loop):
    loop.review_gate = replace(REVIEW_GATE, match=GateMatch(roles=(OA,)))
    loop.restart()
    plan = world.new_change(reviewed=True)
    await loop.settle(2)
    assert not world.pending()
    plan.under_review.answer(ALICE, approve=True, text="by hand")
    await loop.settle(2)
    assert [subject(i) for i in world.pending()] == [f"{step(plan, 1)}#0"]


async def test_a_closed_plan_withdraws_the_question(world, loop):
    plan, instance = await asked(world, loop)
    plan.is_active = False
    await loop.settle(3)
    assert instance.status is InstanceStatus.CANCELED


async def test_check_errors_hold_the_question(world, loop):
    plan = world.new_change(reviewed=True)
    plan.checks = CheckStatus.ERROR
    await loop.settle(2)
    assert not world.instances
    assert (await loop.entry(step(plan))).reason.code == "checksError"


async def test_the_requester_is_not_asked(world, loop):
    world.entitled[OWNER] = {ALICE, BOB}
    plan, instance = await asked(world, loop)
    assert [person.email for person in instance.request.approvers] == [BOB]
    assert plan.creator == ALICE


async def test_a_bell_reminds_of_a_pending_step(world, loop):
    plan, _ = await asked(world, loop)
    world.now += timedelta(seconds=5)
    world.say(plan.issue, ALICE, "/feishu")
    await loop.settle(2)
    assert (await loop.entry(step(plan))).reminded_at is not None


async def test_a_lost_ledger_takes_over_the_question_and_spends_its_answer_once(world, loop):
    plan, instance = await asked(world, loop)
    loop.ledger.lose()
    loop.restart()
    await loop.adopt()
    await loop.settle(2)
    assert world.pending() == [instance]
    world.decide(instance, DAVE, approve=True)
    await loop.settle(3)
    assert [a.step for a in world.answers] == [step(plan)]
    loop.ledger.lose()
    loop.restart()
    await loop.adopt()
    await loop.settle(3)
    assert len(world.answers) == 1
    assert len(FLOW) == 2
