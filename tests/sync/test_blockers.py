"""Why a waiting stage may neither be asked about nor run: each reason from its fact, and the weightiest first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.gate_facts import (
    ALICE,
    BOB,
    CHANGE,
    DAVE,
    DEFINITION,
    FIRST,
    GATE,
    IDS,
    ISSUE,
    NOW,
    PENDING,
    PROD,
    SECOND,
    TEST,
    asked,
    change,
    entry,
    seen,
    task,
)

from reconciler.subjects.change import Checks, CheckStatus, Entitlement, ReviewStatus, TaskStatus
from reconciler.subjects.entry import EntryState, Wish
from reconciler.subjects.instance import Decision, Dialect, LiveDefinition, Resolution
from reconciler.sync.blockers import blocker


def checks(status):
    return change(checks=Checks(status))


def review(status, roles=("roles/projectOwner",)):
    return change(issue=replace(ISSUE, review=status, roles=roles))


AUTOMATIC = change(FIRST, replace(SECOND, automatic=True))
NOBODY = Entitlement(frozenset())
UNKNOWN_TO_FEISHU = Resolution({ALICE: IDS[ALICE]}, {BOB: "not known to Feishu", DAVE: "not known to Feishu"})
WITHOUT_DAVE = Resolution({ALICE: IDS[ALICE], BOB: IDS[BOB]}, {DAVE: "not known to Feishu"})

AT_NODE = replace(GATE, definition=None, external_node="oa")
RELAY = LiveDefinition("node:oa", "node:oa", "", Decision.ANY, dialect=Dialect.RELAY, resends=False)
V1 = replace(RELAY, dialect=Dialect.V1, resends=True)
MAY_BE_ASKED = entry(EntryState.INTENDED, instance=None)

REASONS = {
    "nothing": ({}, None),
    "review pending": ({"change": review(ReviewStatus.PENDING)}, "reviewMissing"),
    "review rejected": ({"change": review(ReviewStatus.REJECTED)}, "reviewMissing"),
    "review running": ({"change": review(ReviewStatus.CHECKING)}, "reviewMissing"),
    "review unknown": ({"change": review(ReviewStatus.UNKNOWN)}, "reviewMissing"),
    "review skipped": ({"change": review(ReviewStatus.SKIPPED)}, None),
    "empty flow pending": ({"change": review(ReviewStatus.PENDING, ())}, None),
    "empty flow rejected": ({"change": review(ReviewStatus.REJECTED, ())}, "reviewMissing"),
    "no issue": ({"change": change(issue=None)}, None),
    "automatic": ({"change": AUTOMATIC}, "automatic"),
    "automatic, retried by hand": (
        {"change": change(FIRST, replace(SECOND, automatic=True, tasks=(task(2, status=TaskStatus.FAILED),)))},
        None,
    ),
    "paused": ({"gate": replace(GATE, paused=True)}, "paused"),
    "external node": ({"gate": AT_NODE, "definition": RELAY}, None),
    "node's answer lost": ({"gate": AT_NODE, "definition": RELAY, "entry": MAY_BE_ASKED}, "nodeAnswerLost"),
    "node's answer lost, asked": (
        {"gate": AT_NODE, "definition": RELAY, "entry": MAY_BE_ASKED, "wishes": (Wish("w", PROD, "cli", ALICE, NOW),)},
        None,
    ),
    "node that may be asked again": (
        {"gate": AT_NODE, "definition": replace(RELAY, resends=True), "entry": MAY_BE_ASKED},
        None,
    ),
    "relay knows nobody": ({"gate": AT_NODE, "definition": RELAY, "entitlement": NOBODY}, None),
    "v1 asks the entitled": ({"gate": AT_NODE, "definition": V1, "entitlement": NOBODY}, "noApprover"),
    "v1 knows its people": ({"gate": AT_NODE, "definition": V1, "resolution": UNKNOWN_TO_FEISHU}, None),
    "stage vanished": ({"vanished": (TEST,)}, "stageVanished"),
    "stage vanished, asked": ({"vanished": (TEST,), "wishes": (Wish("w", PROD, "cli", ALICE, NOW),)}, None),
    "checks failed": ({"change": checks(CheckStatus.ERROR)}, "checksError"),
    "checks running": ({"change": checks(CheckStatus.RUNNING)}, "checksRunning"),
    "checks warn": ({"change": checks(CheckStatus.WARNING)}, None),
    "checks warn and hold": (
        {"change": checks(CheckStatus.WARNING), "gate": replace(GATE, hold_on_checks="warning")},
        "checksWarning",
    ),
    "checks failed, off": ({"change": checks(CheckStatus.ERROR), "gate": replace(GATE, hold_on_checks="off")}, None),
    "no checks": ({"change": checks(CheckStatus.NONE)}, None),
    "circuit": ({"circuit": "the app is disabled"}, "brokenUpstream"),
    "definition": ({"definition": replace(DEFINITION, problem="it is not active")}, "definition"),
    "too many": ({"entitlement": replace(NOBODY, too_many=True)}, "tooManyApprovers"),
    "nobody": ({"entitlement": NOBODY}, "noApprover"),
    "only the requester": ({"entitlement": Entitlement(frozenset({ALICE}))}, "noApprover"),
    "unknown to Feishu": ({"resolution": UNKNOWN_TO_FEISHU}, "approverMissing"),
    "one unknown": ({"resolution": WITHOUT_DAVE}, None),
    "one unknown of all": (
        {"resolution": WITHOUT_DAVE, "definition": replace(DEFINITION, decision=Decision.ALL)},
        "approverMissing",
    ),
    "requester unknown": ({"resolution": Resolution({BOB: IDS[BOB], DAVE: IDS[DAVE]}, {})}, None),
    "requester unknown, hold": (
        {
            "resolution": Resolution({BOB: IDS[BOB], DAVE: IDS[DAVE]}, {}),
            "gate": replace(GATE, unknown_requester="hold"),
        },
        "requesterMissing",
    ),
}


@pytest.mark.parametrize(("about", "code"), REASONS.values(), ids=REASONS)
def test_each_fact_gives_its_reason(about, code):
    found = blocker(seen(**about))
    assert (found.reason.code if found else None) == code


@pytest.mark.parametrize(
    ("about", "is_ground"),
    [
        ({"change": review(ReviewStatus.PENDING)}, True),
        ({"change": AUTOMATIC}, True),
        ({"gate": replace(GATE, paused=True)}, False),
        ({"change": checks(CheckStatus.ERROR)}, False),
        ({"circuit": "x"}, False),
        ({"definition": replace(DEFINITION, problem="x")}, False),
        ({"entitlement": NOBODY}, False),
    ],
)
def test_only_review_and_an_automatic_environment_take_the_ground_from_a_pending_request(about, is_ground):
    assert blocker(seen(**about)).ground is is_ground


WEIGHT = (
    ("reviewMissing", {"review": ReviewStatus.PENDING}),
    ("automatic", {"automatic": True}),
    ("paused", {"gate": replace(GATE, paused=True)}),
    ("stageVanished", {"vanished": (TEST,)}),
    ("checksError", {"checks": Checks(CheckStatus.ERROR)}),
    ("brokenUpstream", {"circuit": "the app is disabled"}),
    ("definition", {"definition": replace(DEFINITION, problem="it is not active")}),
    ("noApprover", {"entitlement": NOBODY}),
)


@pytest.mark.parametrize("first", range(len(WEIGHT)), ids=[code for code, _ in WEIGHT])
def test_the_weightiest_reason_is_shown_first(first):
    facts = {key: value for _, about in WEIGHT[first:] for key, value in about.items()}
    issue = replace(ISSUE, review=facts.pop("review", ISSUE.review))
    stages = (FIRST, replace(SECOND, automatic=facts.pop("automatic", False)))
    made = change(*stages, issue=issue, checks=facts.pop("checks", CHANGE.checks))
    assert blocker(seen(change=made, **facts)).reason.code == WEIGHT[first][0]


@pytest.mark.parametrize(
    "about",
    [{"entitlement": NOBODY}, {"resolution": UNKNOWN_TO_FEISHU}, {"entitlement": replace(NOBODY, too_many=True)}],
)
def test_people_do_not_block_a_request_that_exists(about):
    assert blocker(asked(**about)) is None
    assert blocker(seen(entry=entry(), **about)) is not None


def test_a_vanished_stage_does_not_block_a_request_that_exists():
    assert blocker(asked(vanished=(TEST,))) is None
    assert PENDING.status.value == "PENDING"


def test_the_reason_for_nobody_says_what_was_not_understood():
    noted = Entitlement(frozenset(), notes=("group dba@example.com: not found",))
    assert "group dba@example.com: not found" in blocker(seen(entitlement=noted)).reason.text


def test_the_reason_for_missing_people_names_each_of_them():
    text = blocker(seen(resolution=UNKNOWN_TO_FEISHU)).reason.text
    assert f"{BOB}: not known to Feishu; {DAVE}: not known to Feishu" in text
