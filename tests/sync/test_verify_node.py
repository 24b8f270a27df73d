"""What an external node's approval is worth: the relay's word, or v1's digest and person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.gate_facts import BOB, CHANGE, DAVE, DEFINITION, ERIN, GATE, NOW, SECOND, entry, instance, request

from reconciler.subjects.change import Statement
from reconciler.subjects.instance import Dialect, InstanceStatus, NodeTask, NodeTaskStatus
from reconciler.sync.brief import STATEMENT_LIMIT, node_brief
from reconciler.sync.form import FormFacts
from reconciler.sync.verdict import NotVerified, Verified
from reconciler.sync.verify import verify

FACTS = FormFacts(CHANGE, SECOND, (Statement("ALTER TABLE t ADD c int;", 24, ("t",)),), "the digest")
ASKED = replace(request(), definition_code="node:oa", brief=node_brief(FACTS))
ENTRY = entry(request=ASKED, instance="node:oa:7")
RELAY = instance(code="node:oa:7", uuid="", definition_code="node:oa", form=(), tasks=())
ENTITLED = {BOB: BOB, DAVE: DAVE}


def by(*people: str, status: NodeTaskStatus = NodeTaskStatus.APPROVED):
    tasks = tuple(NodeTask(str(n), person, status, "", "") for n, person in enumerate(people))
    return replace(RELAY, form=(("digest", "the digest"),), tasks=tasks)


def judge(answer, *, dialect=Dialect.V1, on=ENTRY, entitled=None):
    definition = replace(DEFINITION, code="node:oa", dialect=dialect)
    return verify(on, answer, gate=GATE, definition=definition, entitled=ENTITLED if entitled is None else entitled)


def test_the_relays_word_is_taken_for_the_request_that_was_made():
    assert judge(RELAY, dialect=Dialect.RELAY) == Verified(("the external node oa",))


@pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
@pytest.mark.parametrize(
    "answer",
    [
        replace(by(BOB), code="node:oa:8"),
        replace(by(BOB), definition_code="node:other"),
        replace(by(BOB), status=InstanceStatus.PENDING),
        replace(by(BOB), status=InstanceStatus.REJECTED),
    ],
    ids=["another request", "another node", "pending", "rejected"],
)
def test_another_answer_counts_in_no_dialect(answer, dialect):
    assert isinstance(judge(answer, dialect=dialect), NotVerified)


def test_without_a_record_of_what_was_asked_nothing_counts():
    assert isinstance(judge(by(BOB), on=replace(ENTRY, request=None)), NotVerified)
    assert isinstance(judge(by(BOB), on=replace(ENTRY, request=replace(ASKED, brief=None))), NotVerified)


def test_in_v1_the_person_is_named_and_entitled_today():
    assert judge(by(BOB)) == Verified((BOB,))
    assert judge(by(DAVE, BOB)) == Verified((BOB, DAVE))
    assert isinstance(judge(by(ERIN)), NotVerified)
    assert isinstance(judge(by(BOB, ERIN)), NotVerified)
    assert isinstance(judge(by(BOB), entitled={}), NotVerified)
    assert isinstance(judge(by()), NotVerified)
    assert isinstance(judge(by(BOB, status=NodeTaskStatus.REJECTED)), NotVerified)


@pytest.mark.parametrize("form", [(), (("digest", "another"),), (("digest", ""),)])
def test_in_v1_the_digest_comes_back_as_it_was_sent(form):
    assert isinstance(judge(replace(by(BOB), form=form)), NotVerified)


def test_a_brief_says_what_a_form_says_and_bounds_the_sql():
    brief = node_brief(FACTS)
    assert (brief.issue, brief.project, brief.stage, brief.creator) == ("101", "demo", "prod", "alice@example.com")
    assert brief.statement == "ALTER TABLE t ADD c int;"
    assert brief.created < NOW
    long = node_brief(replace(FACTS, statements=(Statement("x" * 100_000, 100_000, ("t",)),)))
    assert len(long.statement) == STATEMENT_LIMIT
    assert long.statement.endswith("more in Bytebase\n")
    cut = node_brief(replace(FACTS, statements=(Statement("x", 5_000_000, ("t",), is_complete=False),)))
    assert cut.statement == "x\n-- … more in Bytebase\n"


def test_a_change_without_an_issue_has_no_number():
    assert node_brief(replace(FACTS, change=replace(CHANGE, issue=None))).issue == ""
