"""Slots: lost answers, taken slots, lost and old ledgers — what is in Feishu is read and never assumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.loop import Loop
from fakes.simulated_world import ALICE, BOB, DAVE, World, open_id

from reconciler.errors import UnavailableError
from reconciler.ids import slot_uuid
from reconciler.subjects.change import CheckStatus, TaskStatus
from reconciler.subjects.entry import EntryState
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest, InstanceStatus
from reconciler.sync.fingerprint import digest_text


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


class Crash(BaseException):
    """The process is killed."""


def stage(plan, environment: str = "test") -> str:
    return f"{plan.name}/rollout/stages/{environment}"


def breaking(world: World, place: str, error: BaseException, times: int = 1) -> None:
    left = [times]

    def hook(at: str) -> None:
        if at == place and left[0]:
            left[0] -= 1
            raise error

    world.hook = hook


async def killed(loop: Loop) -> None:
    with pytest.raises(Crash):
        await loop.round()
    loop.world.hook = lambda _: None
    loop.restart()


def put(world: World, subject: str, *, generation: int = 0, text: str = "SELECT 1;", digest: str = ""):
    """Somebody else's instance in our slot."""
    named = digest or digest_text("0" * 64, "acme", subject, generation)
    form = (FieldText("sql", (("en-US", text),)), FieldText("digest", (("en-US", named),)))
    uuid = slot_uuid("acme-test", "acme", subject, generation)
    people = (AskedPerson(BOB, open_id(BOB)), AskedPerson(DAVE, open_id(DAVE)))
    title = FieldText("title", (("en-US", "x"),))
    return world.create_instance(InstanceRequest(uuid, "DEF-1", "gate-node", open_id(ALICE), people, title, form))


async def test_b_05_a_lost_answer_to_a_create_is_found_again_and_creates_nothing_twice(world, loop):
    plan = world.new_change()
    breaking(world, "create.after", UnavailableError("lost", ambiguous=True))
    await loop.settle(3)
    assert len(world.instances) == 1
    assert (await loop.entry(stage(plan))).instance == world.pending()[0].code


@pytest.mark.parametrize("place", ["create.before", "create.after"])
async def test_a_crash_around_a_create_leaves_an_intent_that_is_finished(world, loop, place):
    plan = world.new_change()
    breaking(world, place, Crash())
    await killed(loop)
    intended = await loop.entry(stage(plan))
    assert intended.state is EntryState.INTENDED
    assert intended.request is not None
    await loop.settle(3)
    assert len(world.instances) == 1
    asked = await loop.entry(stage(plan))
    assert asked.state is EntryState.ASKED
    assert asked.generation == 0
    assert asked.request.uuid == intended.request.uuid


async def test_at_every_create_the_request_is_on_record_already(world, loop):
    recorded = []

    def look(place):
        if place == "create.before":
            recorded.append([(e.state, e.request is not None) for e in loop.ledger.tables.entries.values()])

    world.hook = look
    world.new_change()
    await loop.settle(2)
    assert recorded == [[(EntryState.INTENDED, True)]]


async def test_content_that_changed_while_the_answer_was_lost_is_withdrawn_and_asked_anew(world, loop):
    plan = world.new_change()
    breaking(world, "create.after", Crash())
    await killed(loop)
    world.add_task(plan, "test")
    await loop.settle(4)
    old, new = world.instances.values()
    assert old.status is InstanceStatus.CANCELED
    assert new.status is InstanceStatus.PENDING
    assert new.request.form[-1].text("en-US").endswith("#1")


async def test_a_slot_taken_by_other_content_is_withdrawn_and_the_next_one_used(world, loop):
    plan = world.new_change()
    foreign = put(world, stage(plan))
    await loop.settle(4)
    assert foreign.status is InstanceStatus.CANCELED
    (ours,) = world.pending()
    assert ours.request.uuid == slot_uuid("acme-test", "acme", stage(plan), 1)


async def test_a_slot_taken_between_the_look_and_the_create_is_read_and_not_believed(world, loop):
    plan = world.new_change()
    taken = []

    def sneak(place):
        if place == "create.before" and not taken:
            taken.append(put(world, stage(plan)))

    world.hook = sneak
    await loop.settle(5)
    assert taken[0].status is InstanceStatus.CANCELED
    assert [i.request.form[-1].text("en-US")[-2:] for i in world.pending()] == ["#1"]


async def test_an_approved_forgery_in_our_slot_runs_nothing_and_is_shown(world, loop):
    plan = world.new_change()
    digest = digest_text(world.fingerprint_of(stage(plan)), "acme", stage(plan), 0)
    foreign = put(world, stage(plan), digest=digest)
    assert world.decide(foreign, DAVE, approve=True)
    await loop.settle(4)
    assert world.runs == []
    entry = await loop.entry(stage(plan))
    assert entry.reason.code == "unverified"
    assert "its form is not the one that was sent" in entry.reason.text


async def test_a_lost_ledger_takes_over_what_is_pending_word_for_word(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (before,) = world.pending()
    loop.ledger.lose()
    loop.restart()
    await loop.settle(3)
    assert world.pending() == [before]
    entry = await loop.entry(stage(plan))
    assert (entry.state, entry.instance, entry.generation) == (EntryState.ASKED, before.code, 0)
    world.decide(before, DAVE, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1


async def test_a_lost_ledger_finds_the_last_of_several_slots(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    for _ in range(3):
        world.add_task(plan, "test")
        await loop.settle(3)
    assert len(world.instances) == 4
    loop.ledger.lose()
    loop.restart()
    await loop.settle(3)
    assert (await loop.entry(stage(plan))).generation == 3
    assert len(world.instances) == 4


async def test_a_lost_ledger_does_not_spend_an_approval_a_second_time(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.decide(world.pending()[0], DAVE, approve=True)
    await loop.settle(2)
    assert len(world.runs) == 1
    for task in plan.stages["test"]:
        world.finish(task, task.status.FAILED)
    loop.ledger.lose()
    loop.restart()
    await loop.settle(6)
    assert len(world.runs) == 1


async def test_an_old_copy_of_the_ledger_moves_on_to_the_slot_in_use(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    old = loop.ledger.copy()
    world.add_task(plan, "test")
    await loop.settle(4)
    (second,) = world.pending()
    loop.ledger.restore(old)
    loop.restart()
    await loop.settle(6)
    assert world.pending() == [second]
    assert (await loop.entry(stage(plan))).instance == second.code
    world.decide(second, DAVE, approve=True)
    await loop.settle(3)
    assert len(world.runs) == 1


async def test_an_old_copy_that_is_asked_again_finds_the_request_already_there(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    world.decide(world.pending()[0], DAVE, approve=False)
    await loop.settle(2)
    old = loop.ledger.copy()
    await loop.ask(stage(plan), ALICE)
    await loop.settle(3)
    (second,) = world.pending()
    loop.ledger.restore(old)
    loop.restart()
    await loop.ask(stage(plan), ALICE)
    await loop.settle(4)
    assert world.pending() == [second]
    assert (await loop.entry(stage(plan))).instance == second.code


async def test_an_old_copy_moves_past_several_slots_to_the_last_even_where_nothing_is_to_be_sent(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    old = loop.ledger.copy()
    for _ in range(2):
        world.add_task(plan, "test")
        await loop.settle(3)
    (last,) = world.pending()
    loop.ledger.restore(old)
    loop.restart()
    for task in plan.stages["test"]:
        task.status = TaskStatus.FAILED  # a gate with `onFailure: hold` sends nothing by itself
    await loop.adopt()
    await loop.settle(4)
    assert last.status is InstanceStatus.CANCELED
    assert (await loop.entry(stage(plan))).reason.code == "failedTasks"


async def test_a_lost_ledger_finds_a_request_of_an_earlier_definition_although_its_subject_is_held(world, loop):
    """Listing the definition in force cannot find it; the slots of a held subject are looked at before it is held."""
    plan = world.new_change()
    await loop.settle(1)
    (pending,) = world.pending()
    loop.ledger.lose()
    loop.restart()
    world.definition_code, plan.checks = "DEF-2", CheckStatus.ERROR
    await loop.adopt()
    await loop.settle(4)
    assert pending.status is InstanceStatus.CANCELED
    assert (await loop.entry(stage(plan))).reason.code == "checksError"


async def test_an_old_copy_finds_what_was_asked_by_a_definition_that_is_no_longer_in_force(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    old = loop.ledger.copy()
    world.add_task(plan, "test")
    await loop.settle(3)
    (second,) = world.pending()
    loop.ledger.restore(old)
    loop.restart()
    world.definition_code, plan.is_active = "DEF-2", False
    await loop.adopt()
    await loop.settle(4)
    assert second.status is InstanceStatus.CANCELED


async def test_a_held_subject_says_why_while_feishu_is_away_and_its_slots_are_looked_at_once_it_is_back(world, loop):
    plan = world.new_change()
    plan.checks = CheckStatus.ERROR
    places = []

    def away(place):
        places.append(place)
        if place.startswith("read."):
            raise UnavailableError("503")

    world.hook = away
    result = await loop.one(stage(plan))
    entry = await loop.entry(stage(plan))
    assert (entry.reason.code, entry.probed, result.again_after) == ("checksError", False, 60.0)
    world.hook = places.append
    await loop.settle(1)
    assert (await loop.entry(stage(plan))).probed
    rows = len(await loop.ledger.history(stage(plan)))
    places.clear()
    await loop.settle(3)
    assert not [place for place in places if place.startswith("read.")]
    assert len(await loop.ledger.history(stage(plan))) == rows == 1


async def test_a_request_of_a_stage_that_no_longer_waits_is_found_and_withdrawn_after_a_loss(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    loop.ledger.lose()
    loop.restart()
    plan.is_active = False
    await loop.adopt()
    await loop.settle(4)
    assert instance.status is InstanceStatus.CANCELED


@pytest.mark.parametrize(
    "digest",
    [
        "hello",
        "0" * 64 + " acme/projects/demo/plans/999/rollout/stages/test#0",
        "0" * 64 + " acme/projects/nonsense#0",
        "0" * 64 + " other/projects/demo/plans/101/rollout/stages/test#7",
        "0" * 64 + " acme/projects/demo/plans/101/rollout/stages/test#" + "9" * 5_000,
    ],
    ids=["text", "unknown plan", "no stage", "other integration", "endless number"],
)
async def test_a_forged_digest_stops_nothing_and_moves_nothing(world, loop, digest):
    plan = world.new_change()
    await loop.settle(1)
    (ours,) = world.pending()
    forged = put(world, "projects/demo/plans/777/rollout/stages/test", digest=digest)
    await loop.adopt()
    await loop.settle(3)
    assert world.pending() == [ours, forged]
    assert (await loop.entry(stage(plan))).instance == ours.code


async def test_generations_have_no_gaps(world, loop):
    plan = world.new_change()
    for _ in range(4):
        await loop.settle(3)
        world.add_task(plan, "test")
        breaking(world, "create.after", UnavailableError("lost", ambiguous=True))
    await loop.settle(4)
    numbers = [int(i.request.form[-1].text("en-US").rsplit("#")[-1]) for i in world.instances.values()]
    assert numbers == list(range(len(numbers)))


async def test_two_integrations_on_one_bytebase_never_meet_in_a_slot(world, loop):
    plan = world.new_change()
    assert slot_uuid("acme-test", "acme", stage(plan), 0) != slot_uuid("acme-test", "other", stage(plan), 0)
    assert slot_uuid("acme-test", "acme", stage(plan), 0) != slot_uuid("acme-prod", "acme", stage(plan), 0)
    other = put(world, stage(plan), generation=5)
    world.instances[other.code].request = replace(other.request, uuid=slot_uuid("acme-test", "other", stage(plan), 0))
    await loop.settle(3, step=timedelta(seconds=30))
    assert other.status is InstanceStatus.PENDING
    assert len(world.pending()) == 2
