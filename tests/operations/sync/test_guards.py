"""Each guard earns its place: with it taken out, the simulation breaks an invariant. The list is the test.

`seeds` are where the break was found; should the code change so that they no longer show it, a wider range is searched.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest
from fakes.simulation import BrokenInvariant, Rates, play

import reconciler.operations.sync.observer as observer_module
import reconciler.operations.sync.reconcile as reconcile_module
import reconciler.operations.sync.send as send_module
import reconciler.operations.sync.slots as slots_module
import reconciler.operations.sync.withdraw as withdraw_module
import reconciler.sync.assess as assess_module
import reconciler.sync.blockers as blockers_module
import reconciler.sync.verify as verify_module
from reconciler.subjects.instance import NodeTaskStatus
from reconciler.sync.reasons import reason
from reconciler.sync.situation import Stand, Worth

WIDER = range(2_000)
STORMY = Rates(fault=0.10, crash=0.05, interference=0.20)
"""Worse weather than elsewhere: some guards only matter when three things go wrong at once."""


@dataclass(frozen=True)
class Guard:
    name: str
    remove: Callable[[pytest.MonkeyPatch], None]
    seeds: tuple[int, ...] = ()


def no_look_before_the_run(patch):
    async def as_before(self, seen):
        return seen

    patch.setattr(observer_module.Observer, "look_again", as_before)


def no_attempt_in_the_fingerprint(patch):
    def blind(change, stage):
        return real(replace(change, stages=tuple(_without_runs(s) for s in change.stages)), _without_runs(stage))

    real = assess_module.fingerprint
    patch.setattr(assess_module, "fingerprint", blind)
    patch.setattr(assess_module, "act_is_visible", lambda entry, seen: False)
    patch.setattr(reconcile_module, "act_is_visible", lambda entry, seen: False)


def _without_runs(stage):
    return replace(
        stage, tasks=tuple(replace(t, newest_run=None, status=type(t.status).NOT_STARTED) for t in stage.tasks)
    )


def random_slots(patch):
    patch.setattr(send_module, "slot_uuid", lambda *_: str(uuid.uuid4()))
    patch.setattr(slots_module, "slot_uuid", lambda *_: str(uuid.uuid4()))


def no_probing(patch):
    async def nothing(self, seen, records):
        return None

    async def forget(self, seen, judged, records):
        return await self._sender.send(seen, judged, records)

    patch.setattr(slots_module.Slots, "probe", nothing)
    patch.setattr(slots_module.Slots, "advance", nothing)
    patch.setattr(reconcile_module.Reconciler, "_send", forget)


def anybody_may_approve(patch):
    patch.setattr(verify_module, "_counts", lambda task, *_: task.status is NodeTaskStatus.APPROVED)
    real = assess_module.verify

    def open_door(entry, instance, *, gate, definition, entitled):
        everyone = dict(entitled) | {task.open_id: task.open_id for task in instance.tasks}
        return real(entry, instance, gate=gate, definition=definition, entitled=everyone)

    patch.setattr(assess_module, "verify", open_door)


def no_form_comparison(patch):
    patch.setattr(verify_module, "same_form", lambda sent, instance: True)


def no_read_before_a_cancel(patch):
    real = withdraw_module.Withdrawer.finish

    async def blind(self, seen, records):
        if seen.instance is not None and seen.instance.status.value == "APPROVED":
            await self._ports.approvals.cancel(seen.instance)
        return await real(self, seen, records)

    patch.setattr(withdraw_module.Withdrawer, "finish", blind)


def no_intent_before_the_create(patch):
    real = send_module.Records.change

    def silent(self, entry, decision, *messages, **about):
        change = real(self, entry, decision, *messages, **about)
        return replace(change, entry=None, history=()) if decision == "intended" else change

    patch.setattr(send_module.Records, "change", silent)


def no_settling(patch):
    real = assess_module._differs

    def hasty(seen, entry, print_, lost):
        if entry is not None and lost:
            entry = replace(entry, loss_since=seen.now.replace(year=2000))
        return real(seen, entry, print_, lost)

    patch.setattr(assess_module, "_differs", hasty)


def no_frontier(patch):
    real = assess_module.stand_of

    def any_stage(seen):
        stand, why = real(seen)
        return (
            (Stand.WAITING, reason("waiting")) if why.code == "notFrontier" and seen.gate is not None else (stand, why)
        )

    patch.setattr(assess_module, "stand_of", any_stage)


def no_age_limit(patch):
    real = assess_module._worth

    def ageless(seen, entry, verdict):
        worth = real(seen, entry, verdict)
        return Worth.USABLE if worth is Worth.OLD else worth

    patch.setattr(assess_module, "_worth", ageless)


def no_checks_at_the_click(patch):
    patch.setattr(blockers_module, "_checks", lambda seen: None)


def no_review_at_the_click(patch):
    patch.setattr(blockers_module, "_ground", lambda seen: None)


def failed_reads_are_answers(patch):
    patch.setattr(assess_module, "_is_unclear", lambda seen: False)


def requesters_may_approve(patch):
    from reconciler.sync.observation import Observation

    people = property(lambda seen: seen.entitlement.people if seen.entitlement is not None else frozenset())
    patch.setattr(Observation, "approvers", people)


GUARDS = (
    Guard("a fresh look right before the run", no_look_before_the_run, (146,)),
    Guard("the attempt in the fingerprint", no_attempt_in_the_fingerprint, (11,)),
    Guard("slot uuids", random_slots, (33,)),
    Guard("probing the slots", no_probing, (294,)),
    Guard("who clicked is entitled", anybody_may_approve, (70,)),
    Guard("the form is word for word ours", no_form_comparison, (237,)),
    Guard("a read that says PENDING before every cancel", no_read_before_a_cancel, (83,)),
    Guard("intent before create", no_intent_before_the_create, (0,)),
    Guard("settle", no_settling, (43,)),
    Guard("only the frontier", no_frontier, (48,)),
    Guard("the age of an approval", no_age_limit, (36,)),
    Guard("checks at the click", no_checks_at_the_click, (4,)),
    Guard("the review at the click", no_review_at_the_click, (15,)),
    Guard("a failed read is no answer", failed_reads_are_answers, (5,)),
    Guard("no one approves his own change", requesters_may_approve, (10,)),
)


def first_break(seeds: Iterable[int]) -> int | None:
    for seed in seeds:
        try:
            play(seed, rates=STORMY)
        except BrokenInvariant:
            return seed
    return None


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_this_guard_an_invariant_breaks(guard, monkeypatch):
    guard.remove(monkeypatch)
    assert first_break(itertools.chain(guard.seeds, WIDER)) is not None


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_with_every_guard_in_place_the_same_seeds_break_nothing():
    """Without this a simulation that always breaks would make every guard look needed."""
    assert first_break(sorted({seed for guard in GUARDS for seed in guard.seeds})) is None
