"""Draining ends what is pending with the true reason, leaves approvals alone, and sends nothing new."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.loop import Loop
from fakes.simulated_world import DAVE, World

from reconciler.errors import UnavailableError
from reconciler.operations.sync.drain import Drainer
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import InstanceStatus


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


async def drained(loop: Loop) -> int:
    loop.draining = True
    loop.restart()
    settings = replace(loop.reconciler.settings, is_draining=True)
    return await Drainer(loop.ports, settings).drain()


async def test_every_pending_request_is_withdrawn_and_says_why(world, loop):
    for _ in range(3):
        world.new_change()
    await loop.settle(1)
    before = world.pending()
    assert len(before) == 3
    assert await drained(loop) == 0
    assert world.pending() == []
    await loop.outbox.deliver()
    for instance in before:
        ((_, text),) = world.instance_comments[instance.code]
        assert "the service is being drained" in text
        assert "服务正在清空" in text


async def test_nothing_new_is_sent_while_draining_and_the_issue_says_so(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    await drained(loop)
    world.new_change()
    await loop.settle(3)
    assert world.pending() == []
    assert any("being drained" in c.text for c in world.issue_comments[plan.issue])


async def test_an_approval_is_not_withdrawn(world, loop):
    world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    world.decide(instance, DAVE, approve=True)
    assert await drained(loop) == 0
    assert instance.status is InstanceStatus.APPROVED
    assert world.cancels == []


async def test_what_cannot_be_read_or_withdrawn_yet_is_counted_and_the_next_round_ends_it(world, loop):
    plan = world.new_change()
    await loop.settle(1)

    def unreachable(place):
        if place == "observe.before":
            raise UnavailableError("503")

    world.hook = unreachable
    assert await drained(loop) == 1

    def lost(place):
        if place == "read.before" and world.cancels:
            raise UnavailableError("503")

    world.hook = lost
    assert await drained(loop) == 1
    world.hook = lambda _: None
    await loop.settle(2)
    assert await drained(loop) == 0
    assert (await loop.entry(f"{plan.name}/rollout/stages/test")).state in (EntryState.CLOSED, EntryState.HELD)
    assert world.pending() == []


async def test_one_request_that_cannot_be_withdrawn_keeps_no_other_from_being_withdrawn(world, loop):
    for _ in range(3):
        world.new_change()
    await loop.settle(1)
    stuck = world.pending()[0]

    def refuse(place):
        if place == "cancel.before" and stuck.code not in [code for code, _, _ in world.cancels]:
            world.cancels.append((stuck.code, stuck.status, stuck.status))
            raise UnavailableError("503")

    world.hook = refuse
    assert await drained(loop) == 1
    assert world.pending() == [stuck]
    assert await drained(loop) == 0


async def test_a_withdrawal_under_way_keeps_its_true_reason(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    plan.is_active = False

    def fail(place):
        if place == "cancel.before":
            raise UnavailableError("503")

    world.hook = fail
    await loop.round()
    world.hook = lambda _: None
    assert await drained(loop) == 0
    await loop.outbox.deliver()
    ((_, text),) = world.instance_comments[instance.code]
    assert "the plan was closed" in text


async def test_a_request_whose_create_was_never_answered_is_withdrawn_too(world, loop):
    world.new_change()

    class Crash(BaseException):
        pass

    def kill(place):
        if place == "create.after":
            raise Crash

    world.hook = kill
    with pytest.raises(Crash):
        await loop.round()
    world.hook = lambda _: None
    assert len(world.pending()) == 1
    assert await drained(loop) == 0
    assert world.pending() == []


async def test_a_void_request_is_left_as_it_is(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.withdrawal_allowed = False
    assert await drained(loop) == 0
    assert (await loop.entry(f"{plan.name}/rollout/stages/test")).state is EntryState.VOID
    assert await drained(loop) == 0
