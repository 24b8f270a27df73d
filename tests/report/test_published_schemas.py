"""The schemas under docs/schemas are those of the documents that are printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.report.documents import schemas

DOCS = Path(__file__).parents[2] / "docs" / "schemas"
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_published_schema_is_up_to_date(name: str) -> None:
    assert json.loads((DOCS / name).read_text(encoding="utf-8")) == schemas()[name]


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
def test_a_document_is_valid_and_a_damaged_one_is_not(command: str) -> None:
    schema = json.loads((DOCS / f"{command}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    document = json.loads((GOLDEN / f"{command}.json").read_text(encoding="utf-8"))
    assert validator.is_valid(document)
    assert validator.is_valid({"formatVersion": "1", "documents": [document, document]})
    assert not validator.is_valid({**document, "target": None})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "target"})
