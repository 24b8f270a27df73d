"""The decision table: every situation reaches one row, every row is reached, and each row says what the table says."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from reconciler.sync.decide import decide
from reconciler.sync.decisions import (
    WRITES,
    Cause,
    Close,
    Decision,
    FinishWithdrawal,
    Hold,
    Outcome,
    Remind,
    Run,
    Send,
    Tell,
    Wait,
    Withdraw,
)
from reconciler.sync.situation import Answer, Blocked, Differs, Due, Phase, Reads, Situation, Stand, Worth

CHOICES = (Reads, Stand, Phase, Answer, Differs, Blocked, Worth, Due, (False, True), (False, True))
PLAIN = Situation(
    reads=Reads.WHOLE,
    stand=Stand.WAITING,
    phase=Phase.OPEN,
    answer=Answer.PENDING,
    differs=Differs.NO,
    blocked=Blocked.NO,
    worth=Worth.USABLE,
    due=Due.NOTHING,
    asked=False,
    quiet=False,
)
FIELDS = tuple(Situation.__dataclass_fields__)


def every_situation():
    return (Situation(*values) for values in itertools.product(*CHOICES))


def situation(**changes: object) -> Situation:
    return Situation(**{name: changes.get(name, getattr(PLAIN, name)) for name in FIELDS})


@pytest.fixture(scope="module")
def decisions() -> dict[Situation, Decision]:
    return {each: decide(each) for each in every_situation()}


def test_every_combination_reaches_a_row_and_every_row_is_reached(decisions):
    rows = {decision.row for decision in decisions.values()}
    assert rows == set(range(1, 18))


def test_a_failed_read_never_leads_to_a_write(decisions):
    failed = [decision for each, decision in decisions.items() if each.reads is Reads.FAILED]
    assert failed
    assert not [decision for decision in failed if isinstance(decision, WRITES)]


def test_only_a_verified_fresh_unspent_approval_of_an_unblocked_unchanged_waiting_stage_runs(decisions):
    running = [each for each, decision in decisions.items() if isinstance(decision, Run)]
    assert running
    for each in running:
        assert each.stand is Stand.WAITING
        assert each.phase in (Phase.OPEN, Phase.NONE)
        assert each.answer is Answer.APPROVED
        assert each.differs in (Differs.NO, Differs.APPROVERS)
        assert each.blocked is Blocked.NO
        assert each.worth is Worth.USABLE


def test_nothing_is_sent_while_an_earlier_request_may_still_count(decisions):
    for each, decision in decisions.items():
        if isinstance(decision, Send):
            assert each.answer is Answer.NONE
            assert each.phase in (Phase.OPEN, Phase.NONE)
            assert each.stand is Stand.WAITING
            assert each.blocked is Blocked.NO


def test_an_approved_request_is_never_withdrawn(decisions):
    for each, decision in decisions.items():
        if isinstance(decision, Withdraw):
            assert each.answer in (Answer.PENDING, Answer.SENT_BACK)


def test_a_void_request_never_leads_to_a_run_or_a_send(decisions):
    void = [decision for each, decision in decisions.items() if each.phase in (Phase.VOID, Phase.VOID_RIPE)]
    assert not [decision for decision in void if isinstance(decision, Run | Send)]


def test_the_same_situation_gives_the_same_decision(decisions):
    assert all(decide(each) == decision for each, decision in decisions.items())


ROWS = [
    ({"reads": Reads.FAILED}, Wait(1, backoff=True)),
    ({"phase": Phase.WITHDRAWING}, FinishWithdrawal(2)),
    ({"phase": Phase.VOID}, Hold(2)),
    ({"phase": Phase.VOID, "asked": True}, Close(2, Cause.VOID_OVER)),
    ({"phase": Phase.VOID_RIPE}, Close(2, Cause.VOID_OVER)),
    ({"stand": Stand.OVER}, Withdraw(3, Cause.ENDED)),
    ({"stand": Stand.OVER, "answer": Answer.SENT_BACK}, Withdraw(3, Cause.ENDED)),
    ({"stand": Stand.OVER, "answer": Answer.APPROVED}, Close(4, Cause.ENDED)),
    ({"stand": Stand.OVER, "answer": Answer.NONE}, Close(4, Cause.ENDED)),
    ({"stand": Stand.IN_FLIGHT_OURS, "answer": Answer.APPROVED}, Wait(5)),
    ({"stand": Stand.IN_FLIGHT_OTHERS}, Withdraw(5, Cause.RUN_BY_HAND)),
    ({"stand": Stand.IN_FLIGHT_OTHERS, "answer": Answer.APPROVED}, Wait(5)),
    ({"differs": Differs.CONTENT}, Withdraw(6, Cause.CONTENT)),
    ({"differs": Differs.APPROVERS}, Withdraw(6, Cause.APPROVERS)),
    ({"differs": Differs.DEFINITION}, Withdraw(6, Cause.DEFINITION)),
    ({"differs": Differs.CONTENT, "answer": Answer.APPROVED}, Close(7, Cause.CONTENT)),
    ({"differs": Differs.DEFINITION, "answer": Answer.REJECTED}, Close(7, Cause.DEFINITION)),
    ({"differs": Differs.APPROVERS, "answer": Answer.APPROVED}, Run(11)),
    ({"blocked": Blocked.OTHER, "answer": Answer.APPROVED}, Hold(8)),
    ({"blocked": Blocked.GROUND, "answer": Answer.APPROVED}, Hold(8)),
    ({"blocked": Blocked.GROUND}, Withdraw(9, Cause.GROUND)),
    ({"blocked": Blocked.OTHER}, Hold(9)),
    ({"blocked": Blocked.OTHER, "answer": Answer.NONE}, Hold(10)),
    ({"blocked": Blocked.OTHER, "answer": Answer.REJECTED}, Hold(10)),
    ({"answer": Answer.APPROVED}, Run(11)),
    ({"answer": Answer.APPROVED, "worth": Worth.OLD}, Hold(12)),
    ({"answer": Answer.APPROVED, "worth": Worth.UNVERIFIED}, Hold(12)),
    ({"answer": Answer.APPROVED, "worth": Worth.SPENT}, Hold(12)),
    ({"answer": Answer.APPROVED, "worth": Worth.SPENT, "asked": True}, Close(12, Cause.ASKED_AGAIN)),
    ({"answer": Answer.REJECTED}, Tell(13, Outcome.REJECTED)),
    ({"answer": Answer.REJECTED, "asked": True}, Close(13, Cause.ASKED_AGAIN)),
    ({"answer": Answer.SENT_BACK}, Tell(13, Outcome.SENT_BACK)),
    ({"answer": Answer.SENT_BACK, "asked": True}, Withdraw(13, Cause.ASKED_AGAIN)),
    ({"answer": Answer.WITHDRAWN}, Tell(14, Outcome.WITHDRAWN)),
    ({"answer": Answer.DELETED}, Tell(14, Outcome.DELETED)),
    ({"answer": Answer.REVERTED}, Tell(14, Outcome.REVERTED)),
    ({"answer": Answer.WITHDRAWN, "asked": True}, Close(14, Cause.ASKED_AGAIN)),
    ({}, Wait(15)),
    ({"due": Due.REMINDER}, Remind(15, asked=False)),
    ({"asked": True}, Remind(15, asked=True)),
    ({"due": Due.EXPIRY}, Withdraw(15, Cause.EXPIRED)),
    ({"answer": Answer.NONE, "quiet": True}, Hold(16)),
    ({"answer": Answer.NONE, "quiet": True, "asked": True}, Send(17)),
    ({"answer": Answer.NONE}, Send(17)),
]


@pytest.mark.parametrize(("changes", "expected"), ROWS, ids=lambda value: str(value)[:60])
def test_each_row_decides_as_the_table_says(changes, expected):
    assert decide(situation(**changes)) == expected


def test_rows_are_listed_in_the_table_of_the_module():
    import reconciler.sync.decide as module

    listed = defaultdict(int)
    for line in (module.__doc__ or "").splitlines():
        number = line[:2].strip()
        if number.isdigit():
            listed[int(number)] += 1
    assert sorted(listed) == list(range(1, 18))
