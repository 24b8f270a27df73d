"""What is owed to people is delivered once, or said to have failed; and the gate never waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import Loop
from fakes.simulated_world import ALICE, DAVE, OWN, World, open_id

from reconciler.errors import CredentialsError, ForbiddenError, NotFoundError, ThrottledError, UnavailableError
from reconciler.operations.sync.outbox import FIRST_RETRY, LONGEST_RETRY, MOST_ATTEMPTS, MOST_CARD_ATTEMPTS
from reconciler.operations.sync.settings import NotifyRule
from reconciler.subjects.entry import LedgerChange, OutboxItem, OutboxKind
from reconciler.subjects.instance import InstanceStatus

ISSUE = "projects/demo/issues/101"
SUBJECT = "projects/demo/plans/101/rollout/stages/test"
KINDS = {
    OutboxKind.ISSUE_COMMENT: ("comment", ISSUE),
    OutboxKind.STATUS_COMMENT: ("comment", ISSUE),
    OutboxKind.INSTANCE_COMMENT: ("note", "INST-1"),
    OutboxKind.CARD: ("card", "ou_alice"),
}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


class Failing:
    """Fails at one place so many times."""

    def __init__(self, world: World, place: str, *errors: Exception) -> None:
        self.left = list(errors)
        self.tries = 0
        world.hook = self
        self.place = place

    def __call__(self, place: str) -> None:
        if place.startswith(self.place):
            self.tries += place.endswith(".before")
            if self.left and place.endswith(".before"):
                raise self.left.pop(0)


class LosingAnswers:
    """Does what is asked, then fails, so many times."""

    def __init__(self, world: World, place: str, times: int) -> None:
        self.place, self.times = f"{place}.after", times
        world.hook = self

    def __call__(self, place: str) -> None:
        if place == self.place and self.times:
            self.times -= 1
            raise UnavailableError("the answer was lost", ambiguous=True)


def item(kind=OutboxKind.ISSUE_COMMENT, mark="m", text="hello"):
    return OutboxItem(mark=mark, kind=kind, to=KINDS[kind][1], texts=(("en-US", text),), subject=SUBJECT)


async def owe(loop: Loop, *items: OutboxItem) -> None:
    await loop.ledger.commit(LedgerChange(outbox=items))


async def owed(loop: Loop) -> list[OutboxItem]:
    return list(await loop.ledger.outbox(due=loop.world.now + timedelta(days=99)))


def said(world: World) -> int:
    comments = sum(len(each) for each in world.issue_comments.values())
    return comments + sum(len(each) for each in world.instance_comments.values()) + len(world.cards)


@pytest.mark.parametrize("kind", list(OutboxKind))
async def test_a_message_of_each_kind_is_delivered_once(world, loop, kind):
    await owe(loop, item(kind))
    assert await loop.outbox.deliver() == 1
    assert await loop.outbox.deliver() == 0
    assert said(world) == 1
    assert await owed(loop) == []


@pytest.mark.parametrize("kind", [k for k in OutboxKind if k is not OutboxKind.CARD])
async def test_a_lost_answer_makes_nobody_read_twice(world, loop, kind):
    await owe(loop, item(kind))
    LosingAnswers(world, KINDS[kind][0], 3)
    for _ in range(6):
        await loop.outbox.deliver()
        world.now += timedelta(minutes=10)
    assert said(world) == 1
    assert await owed(loop) == []


TEMPORARY = [
    UnavailableError("503"), ThrottledError("429", retry_after=3.0), CredentialsError("the secret is wrong"), ForbiddenError("disabled"),
]  # fmt: skip


@pytest.mark.parametrize("error", TEMPORARY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", list(OutboxKind))
async def test_what_may_be_put_right_is_tried_again_later_and_not_at_once(world, loop, kind, error):
    failing = Failing(world, KINDS[kind][0], error, error)
    await owe(loop, item(kind))
    assert await loop.outbox.deliver() == 0
    assert await loop.outbox.deliver() == 0
    assert failing.tries == 1
    world.now += timedelta(seconds=FIRST_RETRY)
    assert await loop.outbox.deliver() == 0
    world.now += timedelta(seconds=FIRST_RETRY * 2 - 1)
    assert await loop.outbox.deliver() == 0
    assert failing.tries == 2
    world.now += timedelta(seconds=1)
    assert await loop.outbox.deliver() == 1
    assert said(world) == 1


async def test_a_message_that_can_never_be_delivered_is_stated_as_failed_at_once(world, loop):
    Failing(world, "comment", NotFoundError("the issue is gone"))
    await owe(loop, item(text="ran"))
    await loop.outbox.deliver()
    assert await owed(loop) == []
    (row,) = await loop.ledger.history(SUBJECT)
    assert row.decision == "undelivered"
    assert "issueComment to projects/demo/issues/101" in row.reason.text
    assert "the issue is gone" in row.reason.text
    assert dict(row.evidence) == {"mark": "m", "text": "ran"}


async def test_after_about_a_day_of_failures_it_is_stated_as_failed(world, loop):
    failing = Failing(world, "comment", *[UnavailableError("503")] * (MOST_ATTEMPTS + 5))
    await owe(loop, item())
    start = world.now
    while await owed(loop):
        await loop.outbox.deliver()
        world.now += timedelta(seconds=LONGEST_RETRY)
    assert failing.tries == MOST_ATTEMPTS
    assert timedelta(hours=20) < world.now - start < timedelta(hours=36)
    assert [row.decision for row in await loop.ledger.history(SUBJECT)] == ["undelivered"]


async def test_one_message_that_fails_holds_up_no_other(world, loop):
    Failing(world, "note", *[UnavailableError("503")] * 9)
    await owe(loop, item(OutboxKind.INSTANCE_COMMENT), item(mark="other"))
    assert await loop.outbox.deliver() == 1
    assert [each.kind for each in await owed(loop)] == [OutboxKind.INSTANCE_COMMENT]


async def test_the_status_comment_is_edited_in_place(world, loop):
    for text in ("held", "asked", "ran"):
        await owe(loop, item(OutboxKind.STATUS_COMMENT, text=text))
        await loop.outbox.deliver()
    (comment,) = world.issue_comments[ISSUE]
    assert comment.text.endswith("ran")
    assert comment.creator == OWN


async def test_only_the_newest_status_is_written_when_several_were_owed(world, loop):
    failing = Failing(world, "comment", UnavailableError("503"))
    await owe(loop, item(OutboxKind.STATUS_COMMENT, text="held"))
    await loop.outbox.deliver()
    await owe(loop, item(OutboxKind.STATUS_COMMENT, text="asked"))
    await loop.outbox.deliver()
    assert [c.text.split("\n")[-1] for c in world.issue_comments[ISSUE]] == ["asked"]
    assert failing.tries == 2


async def test_our_marker_in_somebody_elses_comment_is_not_ours(world, loop):
    world.say(ISSUE, ALICE, "<!-- reconciler:m -->\nit was approved, honestly")
    await owe(loop, item())
    await loop.outbox.deliver()
    assert [c.creator for c in world.issue_comments[ISSUE]] == [ALICE, OWN]


async def test_b_23_b_21_the_gate_runs_although_nothing_can_be_said(world, loop):
    plan = world.new_change()

    def dumb(place):
        if place.startswith(("comment.", "note.", "card.")):
            raise UnavailableError("no comment gets through")

    world.hook = dumb
    await loop.settle(2)
    assert world.decide(world.pending()[0], DAVE, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1
    assert await owed(loop)
    world.hook = lambda _: None
    world.now += timedelta(hours=1)
    await loop.outbox.deliver()
    assert await owed(loop) == []
    assert any("whole stage was run" in c.text for c in world.issue_comments[plan.issue])


async def test_the_reason_of_a_withdrawal_reaches_the_instance_even_when_commenting_failed_at_first(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    Failing(world, "note", *[UnavailableError("503")] * 3)
    plan.is_active = False
    await loop.settle(8, step=timedelta(seconds=60))
    assert instance.status is InstanceStatus.CANCELED
    assert ["the plan was closed" in text for _, text in world.instance_comments[instance.code]] == [True]


def test_a_card_is_given_up_before_feishu_forgets_its_mark():
    waits = [min(FIRST_RETRY << attempt, LONGEST_RETRY) for attempt in range(MOST_CARD_ATTEMPTS - 1)]
    assert sum(waits) < 3600


async def test_cards_go_to_whom_the_spec_names_for_that_event_and_to_nobody_else(world, loop):
    settings = loop.reconciler.settings
    rules = (
        NotifyRule("requester", frozenset({"asked", "ran"})),
        NotifyRule("oc_ops", frozenset({"failed", "rejected"})),
    )
    loop.reconciler = type(loop.reconciler)(loop.ports, replace(settings, notify=rules))
    world.new_change()
    await loop.settle(2)
    assert [receiver for _, receiver in world.cards] == [open_id(ALICE)]
    world.decide(world.pending()[0], DAVE, approve=False, comment="no")
    await loop.settle(3)
    assert [receiver for _, receiver in world.cards] == [open_id(ALICE), "oc_ops"]
