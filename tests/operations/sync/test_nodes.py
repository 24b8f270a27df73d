"""External nodes decide stages and review steps: asked once, believed as far as their dialect goes, never by a failed call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import GATE, Loop
from fakes.simulated_node import SimNode
from fakes.simulated_review import OWNER, account_of
from fakes.simulated_world import BOB, ERIN, World

from reconciler.errors import UnavailableError
from reconciler.operations.sync.reconcile import Reconciler
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.subjects.change import CheckStatus, StepAnswer
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import Dialect, InstanceStatus

AT_NODE = replace(GATE, definition=None, external_node="oa")


class NodeLoop(Loop):
    """The loop with a node beside Feishu."""

    node: SimNode | None = None

    def restart(self) -> None:
        super().restart()
        if self.node is not None:
            settings = SyncSettings("acme", "acme-test", self.reconciler.settings.gates, "spec")
            self.ports = SyncPorts(self.ports.subjects, self.node, self.ledger, self.ports.clock)
            self.reconciler = Reconciler(self.ports, settings)


@pytest.fixture
def world() -> World:
    return World()


def looping(world: World, *, at: str = "stage", **node: object) -> NodeLoop:
    loop = NodeLoop(world)
    loop.node = SimNode(world, **node)
    loop.gate, loop.review_gate = (AT_NODE, None) if at == "stage" else (None, replace(AT_NODE, at="review"))
    loop.restart()
    return loop


def lose_the_answer(world: World) -> None:
    """The next question arrives and its answer does not."""
    left = [UnavailableError("the answer was lost", ambiguous=True)]

    def lost(place):
        if place == "create.after" and left:
            raise left.pop()

    world.hook = lost


def stage(plan) -> str:
    return f"{plan.name}/rollout/stages/test"


async def test_p_12_a_relays_approval_runs_the_whole_stage_once_and_is_the_nodes_word(world):
    loop = looping(world)
    plan = world.new_change()
    await loop.settle(1)
    (code,) = loop.node.pending()
    brief = loop.node.asked[code].request.brief
    assert (brief.issue, brief.project) == (plan.issue.rsplit("/", 1)[-1], "demo")
    assert "ALTER TABLE" in brief.statement
    loop.node.decide(code, InstanceStatus.APPROVED)
    await loop.settle(3)
    assert len(world.runs) == 1
    assert (await loop.entry(stage(plan))).actors == ("the external node oa",)


async def test_r_09_a_node_that_does_not_answer_rejects_nothing(world):
    loop = looping(world)
    plan = world.new_change()

    def away(place):
        if place == "create.before":
            raise UnavailableError("connection refused")

    world.hook = away
    await loop.settle(3)
    assert loop.node.asked == {}
    world.hook = lambda _: None
    await loop.settle(2)
    assert len(loop.node.pending()) == 1
    assert (await loop.entry(stage(plan))).state is EntryState.ASKED


@pytest.mark.parametrize("resends", [False, True])
async def test_a_relay_that_may_have_been_asked_is_asked_again_only_where_the_spec_or_a_person_says_so(world, resends):
    loop = looping(world, resends=resends)
    plan = world.new_change()
    lose_the_answer(world)
    await loop.settle(3)
    assert len(loop.node.asked) == (2 if resends else 1)
    if not resends:
        assert (await loop.entry(stage(plan))).reason.code == "nodeAnswerLost"
        await loop.ask(stage(plan))
        await loop.settle(2)
        assert len(loop.node.asked) == 2


async def test_v1_asked_again_by_the_same_key_is_one_approval(world):
    loop = looping(world, dialect=Dialect.V1, resends=True)
    world.new_change()
    lose_the_answer(world)
    await loop.settle(3)
    assert len(loop.node.asked) == 1


async def test_v1_that_kept_an_earlier_content_under_the_key_is_withdrawn_and_asked_anew(world):
    loop = looping(world, dialect=Dialect.V1, resends=True)
    plan = world.new_change()
    lose_the_answer(world)
    await loop.round()
    world.add_task(plan, "test")
    await loop.settle(4)
    first, second = loop.node.asked.values()
    assert first.status is InstanceStatus.CANCELED
    assert second.status is InstanceStatus.PENDING
    assert first.request.brief.digest != second.request.brief.digest


async def test_in_v1_an_approval_by_somebody_not_entitled_runs_nothing_and_is_said(world):
    loop = looping(world, dialect=Dialect.V1, resends=True)
    plan = world.new_change()
    await loop.settle(1)
    (code,) = loop.node.pending()
    assert [p.email for p in loop.node.asked[code].request.approvers] == ["bob@example.com", "dave@example.com"]
    loop.node.decide(code, InstanceStatus.APPROVED, actor=ERIN)
    await loop.settle(2)
    assert world.runs == []
    assert (await loop.entry(stage(plan))).reason.code == "unverified"


async def test_in_v1_an_approval_by_somebody_entitled_runs_and_names_him(world):
    loop = looping(world, dialect=Dialect.V1, resends=True)
    plan = world.new_change()
    await loop.settle(1)
    loop.node.decide(loop.node.pending()[0], InstanceStatus.APPROVED, actor=BOB)
    await loop.settle(3)
    assert len(world.runs) == 1
    assert (await loop.entry(stage(plan))).actors == (BOB,)


async def test_r_12_a_review_step_is_taken_to_the_node_and_answered_with_its_word(world):
    loop = looping(world, at="review")
    plan = world.new_change(reviewed=True)
    await loop.settle(1)
    loop.node.decide(loop.node.pending()[0], InstanceStatus.APPROVED)
    await loop.settle(2)
    assert plan.under_review.answers == [StepAnswer(account_of(OWNER), is_approval=True)]
    assert "the external node oa" in plan.timeline[0][1]


async def test_r_08_a_relays_rejection_is_answered_in_the_review_in_the_nodes_name(world):
    loop = looping(world, at="review")
    plan = world.new_change(reviewed=True)
    await loop.settle(1)
    loop.node.decide(loop.node.pending()[0], InstanceStatus.REJECTED)
    await loop.settle(3)
    assert plan.under_review.answers == [StepAnswer(account_of(OWNER), is_approval=False)]
    assert "the external node oa" in plan.timeline[0][1]


async def test_what_people_read_names_the_node_and_never_feishu(world):
    loop = looping(world, at="review")
    plan = world.new_change(reviewed=True)
    await loop.settle(1)
    assert (await loop.entry(f"{plan.issue}#0")).reason.text == "asked at the external node oa"
    loop.node.decide(loop.node.pending()[0], InstanceStatus.APPROVED)
    await loop.settle(3)
    loop.node.decide(loop.node.pending()[0], InstanceStatus.CANCELED)
    await loop.settle(2)
    assert (await loop.entry(f"{plan.issue}#1")).reason.code == "withdrawnAtNode"
    said = [c.text for c in world.issue_comments[plan.issue]] + [text for _, text in plan.timeline]
    assert said
    assert not any("in Feishu" in text or "飞书" in text.replace("/feishu", "") for text in said)


async def test_r_13_a_change_of_the_content_withdraws_at_the_node_and_asks_anew(world):
    loop = looping(world)
    plan = world.new_change()
    await loop.settle(1)
    (before,) = loop.node.pending()
    world.add_task(plan, "test")
    await loop.settle(3)
    assert loop.node.asked[before].status is InstanceStatus.CANCELED
    assert len(loop.node.pending()) == 1


async def test_an_approval_is_as_old_as_it_was_first_seen_also_after_a_restart(world):
    """A node tells no time; what was seen decided a day ago must not become young by a restart."""
    loop = looping(world)
    plan = world.new_change()
    await loop.settle(1)
    plan.checks = CheckStatus.ERROR
    loop.node.decide(loop.node.pending()[0], InstanceStatus.APPROVED)
    await loop.settle(2)
    seen_at = (await loop.entry(stage(plan))).answered_at
    world.now += timedelta(hours=25)
    plan.checks = CheckStatus.SUCCESS
    loop.restart()
    await loop.settle(2)
    assert world.runs == []
    entry = await loop.entry(stage(plan))
    assert (entry.reason.code, entry.answered_at) == ("approvalOld", seen_at)


async def test_an_unanswered_request_expires_by_the_time_it_was_made(world):
    loop = looping(world)
    plan = world.new_change()
    await loop.settle(2)
    assert len(loop.node.pending()) == 1
    world.now += timedelta(days=3, minutes=1)
    await loop.settle(3)
    assert loop.node.pending() == []
    assert (await loop.entry(stage(plan))).reason.code == "expired"


async def test_a_gate_moved_from_feishu_to_a_node_withdraws_there_and_asks_here(world):
    loop = looping(world)
    loop.gate = GATE
    loop.restart()
    world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    loop.set_gate(AT_NODE)
    await loop.settle(3)
    assert instance.status is InstanceStatus.CANCELED
    assert len(loop.node.pending()) == 1


async def test_a_bell_looks_at_the_node_and_says_that_nobody_can_be_reminded(world):
    loop = looping(world)
    plan = world.new_change()
    await loop.settle(1)
    await loop.ask(stage(plan))
    (wish,) = await loop.ledger.wishes(stage(plan))
    await loop.settle(1)
    assert "nothing to remind by" in (await loop.ledger.wish_answer(wish.id) or "")
