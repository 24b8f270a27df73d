"""Withdrawing ends a request only when Feishu says that it has ended, and never touches an approval."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.loop import Loop
from fakes.simulated_world import DAVE, SimApprovals, World

from reconciler.errors import UnavailableError
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import InstanceStatus


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


def stage(plan) -> str:
    return f"{plan.name}/rollout/stages/test"


async def closing(world: World, loop: Loop):
    """A pending request whose plan has just been closed."""
    plan = world.new_change()
    await loop.settle(1)
    plan.is_active = False
    return plan, world.pending()[0]


def saying(monkeypatch, *words: InstanceStatus | None) -> list[InstanceStatus | None]:
    """The next reads of an instance say these words instead of the truth; None is the truth."""
    real, left = SimApprovals.read, list(words)

    async def read(self, code_or_uuid):
        instance = await real(self, code_or_uuid)
        word = left.pop(0) if left else None
        return instance if word is None else replace(instance, status=word)

    monkeypatch.setattr(SimApprovals, "read", read)
    return left


async def test_an_unknown_word_after_a_cancel_is_waited_out_and_closes_nothing(world, loop, monkeypatch):
    plan, instance = await closing(world, loop)
    saying(monkeypatch, None, InstanceStatus.UNKNOWN)
    await loop.round()
    assert (await loop.entry(stage(plan))).state is EntryState.WITHDRAWING
    assert world.instance_comments == {}
    await loop.settle(2)
    assert (await loop.entry(stage(plan))).state is EntryState.CLOSED
    assert instance.status is InstanceStatus.CANCELED
    assert len(world.instance_comments[instance.code]) == 1


async def test_an_unknown_word_before_a_cancel_cancels_nothing(world, loop, monkeypatch):
    plan, instance = await closing(world, loop)
    saying(monkeypatch, *[InstanceStatus.UNKNOWN] * 3)
    await loop.settle(3)
    assert world.cancels == []
    assert (await loop.entry(stage(plan))).state is EntryState.ASKED
    await loop.settle(2)
    assert instance.status is InstanceStatus.CANCELED


async def test_b_03_a_failing_feishu_is_asked_until_it_agrees_and_only_then_is_the_next_request_sent(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (old,) = world.pending()
    world.add_task(plan, "test")
    left = [4]

    def hook(place):
        if place == "cancel.before" and left[0]:
            left[0] -= 1
            raise UnavailableError("503")

    world.hook = hook
    for _ in range(4):
        await loop.round()
        assert world.pending() == [old]
        assert (await loop.entry(stage(plan))).state is EntryState.WITHDRAWING
    await loop.settle(4)
    assert old.status is InstanceStatus.CANCELED
    assert len(world.pending()) == 1


async def test_b_20_a_click_before_our_cancel_is_never_cancelled_and_is_judged_like_any_other(world, loop):
    plan, instance = await closing(world, loop)

    def click(place):
        if place == "discover":
            world.decide(instance, DAVE, approve=True)

    world.hook = click
    await loop.settle(4)
    assert world.cancels == []
    assert instance.status is InstanceStatus.APPROVED
    entry = await loop.entry(stage(plan))
    assert entry.state is EntryState.CLOSED
    assert any(
        "nothing was run for it: the plan was closed" in text for _, text in world.instance_comments[instance.code]
    )


async def test_b_11_n_56_a_request_is_cancelled_with_the_definition_it_was_made_from(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (old,) = world.pending()
    world.definition_code = "DEF-2"
    await loop.settle(4)
    assert old.status is InstanceStatus.CANCELED
    assert old.request.definition_code == "DEF-1"
    assert world.pending()[0].request.definition_code == "DEF-2"
    assert (await loop.entry(stage(plan))).instance == world.pending()[0].code


@pytest.mark.parametrize("crash_at", ["cancel.before", "cancel.after", "read.after", "note.after"])
async def test_a_crash_in_the_middle_of_a_withdrawal_is_finished_and_explained_once(world, loop, crash_at):
    class Crash(BaseException):
        pass

    plan, instance = await closing(world, loop)
    cancels, crashes = [], []

    def hook(place):
        if place == "cancel.before":
            cancels.append(place)
        if place == crash_at and cancels and not crashes:
            crashes.append(place)
            raise Crash

    world.hook = hook
    with pytest.raises(Crash):
        await loop.settle(3)
    world.hook = lambda _: None
    loop.restart()
    await loop.settle(4)
    assert instance.status is InstanceStatus.CANCELED
    assert (await loop.entry(stage(plan))).state is EntryState.CLOSED
    assert ["the plan was closed" in text for _, text in world.instance_comments[instance.code]] == [True]
