"""Which gate holds a stage, and that a gate is compiled as its author wrote it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.gate_facts import FIRST, GATE, ISSUE, SECOND, change

from reconciler.spec import SpecText, parse_documents
from reconciler.subjects.gate import ApproverSource, Gate, GateMatch
from reconciler.sync.gates import compile_gates, gate_for

SPECS = Path(__file__).parents[1] / "spec"
LABELLED = change(issue=replace(ISSUE, labels=("urgent", "dba")), project_labels=(("team", "core"), ("tier", "1")))


def compiled(text: str) -> tuple[Gate, ...]:
    (target,) = parse_documents([SpecText.of("spec.yaml", text)]).require()
    return compile_gates(target.spec)


def with_match(**parts):
    return replace(GATE, match=GateMatch(**parts))


@pytest.mark.parametrize(
    ("parts", "is_held"),
    [
        ({}, True),
        ({"projects": ("demo",)}, True),
        ({"projects": ("*",)}, True),
        ({"projects": ("de*",)}, True),
        ({"projects": ("other", "demo")}, True),
        ({"projects": ("other",)}, False),
        ({"projects": ("DEMO",)}, False),
        ({"projects": ("projects/demo",)}, False),
        ({"environments": ("prod",)}, True),
        ({"environments": ("test", "prod")}, True),
        ({"environments": ("test",)}, False),
        ({"environments": ("pro",)}, False),
        ({"issue_labels": ("urgent", "late")}, True),
        ({"issue_labels": ("late",)}, False),
        ({"project_labels": (("tier", "1"),)}, True),
        ({"project_labels": (("tier", "1"), ("team", "core"))}, True),
        ({"project_labels": (("tier", "2"),)}, False),
        ({"project_labels": (("tier", "1"), ("team", "web"))}, False),
        ({"projects": ("demo",), "environments": ("prod",), "issue_labels": ("dba",)}, True),
        ({"projects": ("demo",), "environments": ("test",), "issue_labels": ("dba",)}, False),
    ],
)
def test_every_part_of_a_match_must_fit_and_an_empty_part_fits_anything(parts, is_held):
    assert (gate_for(LABELLED, SECOND, [with_match(**parts)]) is not None) is is_held


def test_a_change_without_an_issue_has_no_labels():
    assert gate_for(change(issue=None), SECOND, [with_match(issue_labels=("urgent",))]) is None
    assert gate_for(change(issue=None), SECOND, [with_match()]) is not None


def test_the_first_matching_gate_holds_the_stage():
    one, two = replace(with_match(environments=("prod",)), name="one"), replace(with_match(), name="two")
    assert gate_for(LABELLED, SECOND, [one, two]) is one
    assert gate_for(LABELLED, FIRST, [one, two]) is two
    assert gate_for(LABELLED, SECOND, [two, one]) is two


def test_a_review_gate_holds_no_stage():
    assert gate_for(LABELLED, SECOND, [replace(GATE, at="review")]) is None
    assert gate_for(LABELLED, SECOND, []) is None


def test_every_field_of_a_gate_is_what_its_author_wrote():
    gate = compiled((SPECS / "complete.yaml").read_text())[0]
    assert gate == Gate(
        name="prod",
        at="stage",
        match=GateMatch(("*",), ("prod",), (), ("urgent",), (("tier", "1"),)),
        definition="stage-gate",
        external_node=None,
        approvers=ApproverSource("rolloutPolicy", (), 10),
        fallback=("ann@acme.example",),
        since=datetime(2026, 11, 22, tzinfo=UTC),
        send="byOrigin",
        self_approval=True,
        hold_on_checks="warning",
        on_reject="skip",
        on_failure="askAgain",
        transferred="refuse",
        on_approvers_added="replace",
        settle=timedelta(0),
        approval_valid_for=timedelta(days=2),
        remind_after=timedelta(minutes=90),
        expire_after=timedelta(days=10),
        paused=True,
        unknown_requester=gate.unknown_requester,
    )
    plain = replace(GATE, match=GateMatch(), approvers=ApproverSource("rolloutPolicy"))
    same = {field.name for field in fields(Gate) if getattr(gate, field.name) == getattr(plain, field.name)}
    assert same <= {"name", "at", "definition", "external_node", "unknown_requester"}, (
        "a field the example leaves alone"
    )


def test_gates_keep_their_order_and_their_sources():
    gates = compiled((SPECS / "complete.yaml").read_text())
    assert [(gate.name, gate.at, gate.approvers.kind, gate.approvers.values) for gate in gates] == [
        ("prod", "stage", "rolloutPolicy", ()),
        ("oa", "review", "flow", ()),
        ("dba", "stage", "groups", ("dba@acme.example",)),
        ("roles", "stage", "roles", ("roles/workspaceDBA",)),
        ("users", "stage", "users", ("ann@acme.example",)),
    ]
    assert gates[1].external_node == "oa"
    assert gates[1].definition is None


def test_what_is_not_written_has_the_documented_default():
    text = (SPECS / "minimal.yaml").read_text() + (
        "  externalNodes: [{name: oa, endpoint: https://oa.acme.example, dialect: relay}]\n"
        "  gates: [{name: g, at: stage, decide: {externalNode: oa}}]\n"
    )
    (gate,) = compiled(text)
    assert gate == Gate("g", "stage", GateMatch(), None, "oa", ApproverSource("rolloutPolicy", (), 20))


@pytest.mark.parametrize("word", ["bot", "hold"])
def test_the_targets_rule_for_unknown_requesters_reaches_every_gate(word):
    text = (SPECS / "complete.yaml").read_text()
    assert "unknownRequester:" in text
    line = next(each for each in text.splitlines() if "unknownRequester:" in each)
    known = "hold" if "hold" in line else "bot"
    gates = compiled(text.replace(line, line.replace(known, word)))
    assert {gate.unknown_requester for gate in gates} == {word}
