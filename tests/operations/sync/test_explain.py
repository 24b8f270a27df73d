"""Explaining reads only, and says of every subject exactly what a pass would then do."""

from __future__ import annotations

import random

import pytest
from fakes.loop import Loop, run
from fakes.simulated_world import ALICE, DAVE, World
from fakes.simulation import Simulation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.operations.sync.explain import Explainer, Explanation
from reconciler.subjects.change import CheckStatus
from reconciler.sync.decisions import Hold, Withdraw


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Loop:
    return Loop(world)


def stage(plan, environment: str = "test") -> str:
    return f"{plan.name}/rollout/stages/{environment}"


async def explained(loop: Loop, subject: str, *, with_form: bool = False) -> Explanation:
    return await Explainer(loop.ports, loop.reconciler.settings).explain(subject, with_form=with_form)


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 25))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_has_happened_explain_says_what_a_pass_then_does(seed, steps):
    sim = Simulation(random.Random(seed))
    for _ in range(steps):
        sim.step()
    sim.faults_on = False
    for subject in run(sim.loop.subjects()):
        before = sim.ledger.copy()
        told = run(explained(sim.loop, subject))
        assert sim.ledger.tables == before
        result = run(sim.loop.one(subject))
        assert (told.decision_name, told.decision.row) == (result.decision, result.row)
        entry = sim.ledger.tables.entries.get(subject)
        # What an earlier pass left unrecorded is found and recorded first; whoever only explains finds nothing.
        recorded = [row.decision for row in sim.ledger.tables.history[len(before.history) :]]
        only_held = all(decision.startswith("held:") for decision in recorded)
        if isinstance(told.decision, Hold) and entry is not None and entry.run_tasks == () and only_held:
            assert entry.reason == told.reason
        if isinstance(told.decision, Withdraw) and entry is not None and entry.state.value == "withdrawing":
            assert entry.reason == told.reason


def test_explaining_writes_nothing_anywhere():
    sim = Simulation(random.Random(3))
    for _ in range(30):
        sim.step()
    sim.faults_on = False
    places: list[str] = []
    sim.world.hook = places.append
    for subject in run(sim.loop.subjects()):
        run(explained(sim.loop, subject, with_form=True))
    writes = {"create", "cancel", "run", "skip", "note", "comment", "remind", "card"}
    assert places
    assert not [place for place in places if place.split(".")[0] in writes]


async def test_the_form_that_is_shown_is_the_form_that_is_sent(world, loop):
    plan = world.new_change()
    told = await explained(loop, stage(plan), with_form=True)
    assert told.decision_name == "send"
    await loop.settle(1)
    assert told.request == world.pending()[0].request


async def test_a_pending_request_explains_the_form_of_the_next_slot(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    told = await explained(loop, stage(plan), with_form=True)
    assert told.decision_name == "wait"
    assert told.decision.row == 15
    assert told.request.form[-1].text("en-US").endswith("#1")
    assert told.reason.code == "asked"


async def test_a_held_stage_explains_its_reason_before_any_pass_has_seen_it(world, loop):
    plan = world.new_change()
    plan.checks = CheckStatus.ERROR
    told = await explained(loop, stage(plan))
    assert (told.decision_name, told.decision.row, told.reason.code) == ("hold", 10, "checksError")


async def test_a_failed_read_is_explained_as_one(world, loop):
    plan = world.new_change()

    def down(place):
        if place == "observe.before":
            raise UnavailableError("Bytebase cannot be reached")

    world.hook = down
    told = await explained(loop, stage(plan), with_form=True)
    assert told.decision.row == 1
    assert "Bytebase cannot be reached" in told.reason.text
    assert told.request is None


async def test_a_form_that_cannot_be_made_says_why(world, loop):
    plan = world.new_change()

    def down(place):
        if place == "statements.before":
            raise UnavailableError("the sheet cannot be read")

    world.hook = down
    told = await explained(loop, stage(plan), with_form=True)
    assert told.request is None
    assert "the sheet cannot be read" in told.reason.text


async def test_an_approval_about_to_run_and_an_unverified_one_are_told_apart(world, loop):
    plan = world.new_change()
    await loop.settle(1)
    (instance,) = world.pending()
    world.decide(instance, DAVE, approve=True)
    assert (await explained(loop, stage(plan))).decision_name == "run"
    world.entitled["test"] = {ALICE}
    told = await explained(loop, stage(plan))
    assert (told.decision_name, told.reason.code) == ("hold", "unverified")
    assert "not entitled" in told.reason.text
    assert world.runs == []


async def test_a_pass_that_backs_off_says_what_failed_and_any_other_says_nothing(world, loop):
    plan = world.new_change()
    assert (await loop.one(stage(plan))).why == ""

    def down(place):
        if place == "observe.before":
            raise UnavailableError("Bytebase\ncannot be reached")

    world.hook = down
    ended = await loop.one(stage(plan))
    assert (ended.row, ended.why) == (1, "Bytebase cannot be reached")
