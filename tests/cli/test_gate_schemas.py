"""The gate loop's documents are what their published schemas say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from reconciler.report.gate_explanation import Explained, explanation_document
from reconciler.report.gate_history import history_line
from reconciler.report.gate_status import status_document
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, Reason
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest
from reconciler.sync.assess import assess
from reconciler.sync.observation import Observation

SCHEMAS = Path(__file__).parents[2] / "docs/schemas"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SUBJECT = "projects/demo/plans/101/rollout/stages/prod"
TITLE = FieldText("title", (("en-US", "t"), ("zh-CN", "题")))
REQUEST = InstanceRequest("u", "D", "n", "ou_1", (AskedPerson("a@x", "ou_2"),), TITLE, (TITLE,))
ENTRY = Entry(
    SUBJECT, 0, EntryState.ASKED, "prod", Reason("asked", "asked"), NOW, request=REQUEST, instance="C", link="l"
)
TARGET = {"name": "acme", "bytebase": {"url": "u", "identity": "i", "workspace": ""}, "feishu": None}


def check(name: str, document: object) -> None:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("state", EntryState)
def test_status(state: EntryState) -> None:
    document = status_document(TARGET, [replace(ENTRY, state=state), replace(ENTRY, instance=None, gate="")])
    check("status.schema.json", document)
    check("status.schema.json", {"formatVersion": "1", "documents": [document, document]})


def test_status_refuses_a_word_that_is_not_in_the_contract() -> None:
    document = json.loads(json.dumps(status_document(TARGET, [ENTRY])))
    document["subjects"][0]["state"] = "pending"
    with pytest.raises(ValidationError):
        check("status.schema.json", document)


@pytest.mark.parametrize("request_", [None, REQUEST])
def test_explain(request_: InstanceRequest | None) -> None:
    seen = Observation(SUBJECT, NOW, entry=ENTRY)
    explained = Explained(seen, assess(seen), "close", 4, Reason("gone", "gone"), request_)
    for with_form in (True, False):
        check("explain.schema.json", explanation_document(TARGET, explained, with_form=with_form))


@pytest.mark.parametrize("actor", ["", "a@x"])
def test_history(actor: str) -> None:
    row = HistoryRow(NOW, SUBJECT, 0, "spent", Reason("c", "t"), actor=actor, evidence=(("digest", "d"),))
    check("history.schema.json", json.loads(history_line(row, target="acme")))


@pytest.mark.parametrize("answer", [None, "asked in Feishu"])
def test_request(answer: str | None) -> None:
    document = {"formatVersion": "1", "target": TARGET, "subject": SUBJECT, "wish": "recorded", "answer": answer}
    check("request.schema.json", document)
