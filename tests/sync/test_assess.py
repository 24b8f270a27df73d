"""Facts to a situation: every closed choice from the facts that make it, and anything unclear ends in waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.gate_facts import (
    ALICE,
    BOB,
    CHANGE,
    DAVE,
    DEFINITION,
    ERIN,
    FIRST,
    GATE,
    ISSUE,
    NOW,
    OWN,
    PENDING,
    PROD,
    SECOND,
    TEST,
    asked,
    change,
    entry,
    instance,
    node_task,
    request,
    seen,
    stage,
    task,
)

from reconciler.subjects.change import Entitlement, TaskRun, TaskStatus
from reconciler.subjects.entry import EntryState, Wish
from reconciler.subjects.instance import Decision, InstanceStatus, NodeTaskStatus, Resolution, TimelineEvent
from reconciler.sync.assess import VOID_REST, assess
from reconciler.sync.situation import Answer, Blocked, Differs, Due, Phase, Reads, Stand, Worth
from reconciler.sync.stand import act_is_visible


def situation(observation):
    return assess(observation).situation


def with_second(*tasks):
    return change(FIRST, stage(*tasks))


def running(by, status=TaskStatus.RUNNING):
    return with_second(task(2, status=status, newest_run=TaskRun(f"{PROD}/tasks/2/taskRuns/1", by)), task(3))


# --- reads ---------------------------------------------------------------------------------------------------------
def test_a_whole_observation_is_whole():
    assert situation(seen()).reads is Reads.WHOLE
    assert situation(asked()).reads is Reads.WHOLE


@pytest.mark.parametrize(
    "about",
    [
        {"failure": "503"},
        {"change": with_second(task(2, status=TaskStatus.UNKNOWN), task(3))},
        {"entry": entry(), "instance": instance(InstanceStatus.UNKNOWN)},
    ],
    ids=["failed", "task", "instance"],
)
def test_what_could_not_be_read_or_understood_is_a_failed_read(about):
    assert situation(seen(**about)).reads is Reads.FAILED


# --- stand ---------------------------------------------------------------------------------------------------------
OVER = {
    "gone": ({"change": None, "stage": None}, "gone"),
    "closed": ({"change": change(is_active=False)}, "planClosed"),
    "stage gone": ({"stage": None}, "ended"),
    "done": (
        {"change": with_second(task(2, status=TaskStatus.DONE), task(3, status=TaskStatus.SKIPPED))},
        "ended",
    ),
    "no tasks": ({"change": with_second()}, "ended"),
    "earlier stage": ({"change": change(stage(task(1, stage=TEST), name=TEST), SECOND)}, "notFrontier"),
    "earlier stage failed": (
        {"change": change(stage(task(1, stage=TEST, status=TaskStatus.FAILED), name=TEST), SECOND)},
        "notFrontier",
    ),
    "no gate": ({"gate": None}, "notGated"),
}


@pytest.mark.parametrize(("about", "code"), OVER.values(), ids=OVER)
def test_what_no_longer_waits_is_over_with_its_true_reason(about, code):
    judged = assess(seen(**about))
    assert judged.situation.stand is Stand.OVER
    assert judged.stand_reason.code == code


@pytest.mark.parametrize("status", [TaskStatus.NOT_STARTED, TaskStatus.FAILED, TaskStatus.CANCELED])
def test_a_frontier_with_runnable_tasks_waits(status):
    judged = assess(seen(change=with_second(task(2, status=status), task(3, status=TaskStatus.DONE))))
    assert judged.situation.stand is Stand.WAITING
    assert judged.stand_reason.code == "waiting"


@pytest.mark.parametrize("status", [TaskStatus.PENDING, TaskStatus.RUNNING])
def test_a_run_of_ours_is_in_flight_only_if_we_meant_one(status):
    meant = entry(run_tasks=((f"{PROD}/tasks/2", ""),))
    assert situation(asked(instance(), change=running(OWN, status), entry=meant)).stand is Stand.IN_FLIGHT_OURS
    assert situation(asked(change=running(OWN, status))).stand is Stand.IN_FLIGHT_OTHERS


@pytest.mark.parametrize(("by", "shown"), [(DAVE, DAVE), ("", "Bytebase")])
def test_a_run_by_somebody_else_names_him(by, shown):
    judged = assess(asked(change=running(by)))
    assert judged.situation.stand is Stand.IN_FLIGHT_OTHERS
    assert shown in judged.stand_reason.text


def test_tasks_started_partly_by_us_and_partly_by_hand_count_as_by_hand():
    ours = task(2, status=TaskStatus.RUNNING, newest_run=TaskRun("a", OWN))
    his = task(3, status=TaskStatus.RUNNING, newest_run=TaskRun("b", DAVE))
    judged = assess(asked(instance(), change=with_second(ours, his), entry=entry(run_tasks=((ours.name, ""),))))
    assert judged.situation.stand is Stand.IN_FLIGHT_OTHERS
    assert DAVE in judged.stand_reason.text


# --- phase ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (EntryState.HELD, Phase.NONE),
        (EntryState.CLOSED, Phase.NONE),
        (EntryState.INTENDED, Phase.OPEN),
        (EntryState.ASKED, Phase.OPEN),
        (EntryState.RUNNING, Phase.OPEN),
        (EntryState.WITHDRAWING, Phase.WITHDRAWING),
    ],
)
def test_the_ledgers_state_gives_the_phase(state, phase):
    assert situation(asked(entry=entry(state))).phase is phase


def test_no_entry_is_no_phase():
    assert situation(seen()).phase is Phase.NONE


@pytest.mark.parametrize(
    ("age", "is_sure", "phase"),
    [
        (VOID_REST, True, Phase.VOID_RIPE),
        (VOID_REST - timedelta(seconds=1), True, Phase.VOID),
        (VOID_REST * 2, False, Phase.VOID),
    ],
)
def test_a_void_request_rests_for_an_hour_by_a_sure_clock(age, is_sure, phase):
    void = entry(EntryState.VOID, since=NOW - age)
    assert situation(asked(entry=void, clock_is_sure=is_sure)).phase is phase


# --- answer --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (None, Answer.NONE),
        (PENDING, Answer.PENDING),
        (instance(), Answer.APPROVED),
        (instance(InstanceStatus.REJECTED), Answer.REJECTED),
        (instance(InstanceStatus.CANCELED), Answer.WITHDRAWN),
        (instance(InstanceStatus.CANCELED, is_reverted=True), Answer.REVERTED),
        (instance(InstanceStatus.APPROVED, is_reverted=True), Answer.REVERTED),
        (instance(InstanceStatus.DELETED), Answer.DELETED),
        (replace(PENDING, timeline=(TimelineEvent("ROLLBACK", NOW),)), Answer.SENT_BACK),
        (replace(PENDING, timeline=(TimelineEvent("ROLLBACK_SELECTED", NOW),)), Answer.SENT_BACK),
        (replace(PENDING, timeline=(TimelineEvent("ROLLBACK", NOW), TimelineEvent("START", NOW))), Answer.PENDING),
    ],
)
def test_what_feishu_says_gives_the_answer(found, answer):
    assert situation(seen(entry=entry(), instance=found)).answer is answer


# --- differs -------------------------------------------------------------------------------------------------------
def lost(since, *, is_sure=True, found=PENDING):
    people = Entitlement(frozenset({BOB}))
    return asked(found, entitlement=people, entry=entry(loss_since=since), clock_is_sure=is_sure)


def test_nothing_differs_from_what_was_asked():
    assert situation(asked()).differs is Differs.NO


def test_another_task_set_is_other_content():
    assert situation(asked(change=with_second(task(2), task(3), task(4)))).differs is Differs.CONTENT


def test_a_definition_with_another_code_differs_unless_it_cannot_be_used():
    other = replace(DEFINITION, code="DEF-2")
    assert situation(asked(definition=other)).differs is Differs.DEFINITION
    assert situation(asked(definition=replace(other, problem="it is not active"))).differs is Differs.NO
    assert situation(asked(definition=replace(DEFINITION, code="def-1"))).differs is Differs.NO


def test_a_lost_right_counts_once_it_has_lasted():
    assert situation(lost(None)).differs is Differs.NO
    assert situation(lost(NOW - GATE.settle + timedelta(seconds=1))).differs is Differs.NO
    assert situation(lost(NOW - GATE.settle)).differs is Differs.APPROVERS
    assert situation(lost(NOW - GATE.settle, is_sure=False)).differs is Differs.NO
    assert assess(lost(None)).lost == (DAVE,)


def test_a_directory_that_finds_nobody_is_no_loss_of_right():
    nobody = Resolution({}, dict.fromkeys((ALICE, BOB, DAVE), "not known to Feishu"))
    judged = assess(asked(resolution=nobody, entry=entry(loss_since=NOW - timedelta(days=1))))
    assert judged.situation.differs is Differs.NO
    assert judged.lost == ()


@pytest.mark.parametrize(
    ("policy", "decision", "differs"),
    [
        ("keep", Decision.ANY, Differs.NO),
        ("replace", Decision.ANY, Differs.APPROVERS),
        ("keep", Decision.ALL, Differs.APPROVERS),
        ("keep", Decision.SEQUENTIAL, Differs.APPROVERS),
    ],
)
def test_added_people_replace_where_the_gate_or_the_definition_says_so(policy, decision, differs):
    more = Entitlement(frozenset({BOB, DAVE, ERIN}))
    gate, definition = replace(GATE, on_approvers_added=policy), replace(DEFINITION, decision=decision)
    assert situation(asked(gate=gate, definition=definition, entitlement=more)).differs is differs


def test_an_added_requester_is_no_added_approver():
    more = Entitlement(frozenset({ALICE, BOB, DAVE}))
    assert situation(asked(gate=replace(GATE, on_approvers_added="replace"), entitlement=more)).differs is Differs.NO


def test_a_closed_entry_has_nothing_to_differ_from():
    closed = entry(EntryState.CLOSED, fingerprint="x")
    assert situation(seen(entry=closed)).differs is Differs.NO


# --- worth ---------------------------------------------------------------------------------------------------------
def test_a_verified_fresh_unspent_approval_is_usable():
    judged = assess(asked(instance()))
    assert judged.situation.worth is Worth.USABLE
    assert judged.verdict.actors == (BOB,)


@pytest.mark.parametrize(
    ("age", "worth"),
    [(GATE.approval_valid_for, Worth.USABLE), (GATE.approval_valid_for + timedelta(seconds=1), Worth.OLD)],
)
def test_an_approval_ages(age, worth):
    assert situation(asked(instance(ended=NOW - age))).worth is worth


def test_an_approval_without_a_time_is_old():
    assert situation(asked(instance(ended=None))).worth is Worth.OLD


def test_an_approval_by_somebody_not_entitled_is_unverified():
    assert situation(asked(instance(InstanceStatus.APPROVED, node_task(ERIN)))).worth is Worth.UNVERIFIED


def test_a_recorded_run_and_a_run_that_is_seen_both_spend_an_approval():
    assert situation(asked(instance(), entry=entry(spent=True))).worth is Worth.SPENT
    meant = entry(run_tasks=((f"{PROD}/tasks/2", ""),))
    ran = with_second(task(2, status=TaskStatus.FAILED, newest_run=TaskRun("new", OWN)), task(3))
    assert situation(asked(instance(), change=ran, entry=meant)).worth is Worth.SPENT


@pytest.mark.parametrize(
    "run", [TaskRun("old", OWN), TaskRun("new", DAVE), None], ids=["not newer", "not ours", "none"]
)
def test_only_a_newer_run_of_ours_is_our_run(run):
    meant = entry(run_tasks=((f"{PROD}/tasks/2", "old"),))
    assert not act_is_visible(meant, asked(instance(), change=with_second(task(2, newest_run=run), task(3))))


# --- due -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("age", "reminded", "due"),
    [
        (timedelta(hours=3), None, Due.NOTHING),
        (timedelta(hours=4), None, Due.REMINDER),
        (timedelta(hours=9), timedelta(hours=1), Due.NOTHING),
        (timedelta(hours=9), timedelta(hours=4), Due.REMINDER),
        (timedelta(days=3), timedelta(hours=1), Due.EXPIRY),
    ],
)
def test_reminders_and_expiry_count_from_the_instances_own_start(age, reminded, due):
    old = replace(PENDING, started=NOW - age)
    recorded = entry(reminded_at=None if reminded is None else NOW - reminded, asked_at=NOW)
    assert situation(asked(old, entry=recorded)).due is due
    assert situation(asked(old, entry=recorded, clock_is_sure=False)).due is Due.NOTHING


# --- asked and quiet -----------------------------------------------------------------------------------------------
def test_a_wish_is_being_asked():
    assert situation(seen()).asked is False
    assert situation(seen(wishes=(Wish("w", PROD, "cli", ALICE, NOW),))).asked is True


FAILED = with_second(task(2, status=TaskStatus.FAILED), task(3, status=TaskStatus.CANCELED))
QUIET = {
    "automatic": ({}, None),
    "draining": ({"is_draining": True}, "draining"),
    "since": ({"gate": replace(GATE, since=NOW)}, "beforeSince"),
    "since later": ({"gate": replace(GATE, since=NOW - timedelta(days=2))}, None),
    "on request": ({"gate": replace(GATE, send="onRequest")}, "onRequest"),
    "on request, no issue": (
        {"gate": replace(GATE, send="onRequest"), "change": change(issue=None)},
        "onRequestNoIssue",
    ),
    "by origin, a person": ({"gate": replace(GATE, send="byOrigin")}, "onRequest"),
    "by origin, a pipeline": ({"gate": replace(GATE, send="byOrigin"), "change": change(by_pipeline=True)}, None),
    "failed": ({"change": FAILED}, "failedTasks"),
    "failed, ask again": ({"change": FAILED, "gate": replace(GATE, on_failure="askAgain")}, None),
    "expired": ({"entry": entry(EntryState.HELD, outcome="expired")}, "expired"),
    "expired, other content": ({"entry": entry(EntryState.HELD, outcome="expired", fingerprint="x")}, None),
}


@pytest.mark.parametrize(("about", "code"), QUIET.values(), ids=QUIET)
def test_policies_keep_a_waiting_stage_quiet(about, code):
    judged = assess(seen(**about))
    assert judged.situation.stand is Stand.WAITING
    assert judged.situation.quiet is (code is not None)
    assert (judged.quiet_reason.code if judged.quiet_reason else None) == code


def test_only_a_waiting_stage_is_blocked_or_quiet():
    judged = assess(seen(change=change(is_active=False), gate=replace(GATE, paused=True, send="onRequest")))
    assert judged.blocked_by is None
    assert judged.quiet_reason is None
    assert judged.situation.blocked is Blocked.NO


def test_an_approval_is_judged_by_who_clicked_even_where_people_were_replaced_since():
    people = Entitlement(frozenset({BOB, ERIN}))
    answer = instance(InstanceStatus.APPROVED, node_task(BOB), node_task(DAVE, NodeTaskStatus.DONE))
    judged = assess(asked(answer, entitlement=people))
    assert judged.situation.worth is Worth.USABLE
    assert judged.lost == (DAVE,)


def test_an_intended_request_is_compared_by_its_own_definition():
    intended = entry(EntryState.INTENDED, instance=None, request=replace(request(), definition_code="OLD"))
    assert situation(seen(entry=intended)).differs is Differs.DEFINITION


def test_the_fingerprint_is_empty_without_a_stage():
    assert assess(seen(change=None, stage=None)).fingerprint == ""
    assert len(assess(seen()).fingerprint) == 64
    assert ISSUE.creator in CHANGE.requesters
    assert SECOND in CHANGE.stages
