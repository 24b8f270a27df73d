"""The schema that editors use is the one that is published, and errors can be located by it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.cli.schema import schema_text
from reconciler.spec.schema import SCHEMA_FILE, spec_schema
from reconciler.spec.yaml import load_documents

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def walk(schema: Any) -> Any:
    yield schema
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from walk(value)


def test_the_published_schema_is_the_one_that_is_printed() -> None:
    assert (ROOT / "docs" / "schemas" / SCHEMA_FILE).read_text() == schema_text()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(spec_schema())


@pytest.mark.parametrize("file", ["complete.yaml", "minimal.yaml"])
def test_what_we_accept_the_schema_accepts(file: str) -> None:
    (document,) = load_documents((HERE / file).read_text())
    assert [error.message for error in Draft202012Validator(spec_schema()).iter_errors(document.value)] == []


def test_the_schema_refuses_an_unknown_field() -> None:
    (document,) = load_documents((HERE / "minimal.yaml").read_text())
    assert not Draft202012Validator(spec_schema()).is_valid({**document.value, "spek": {}})


def test_every_mapping_refuses_unknown_fields() -> None:
    mappings = [part for part in walk(spec_schema()) if isinstance(part, dict) and "properties" in part]
    assert len(mappings) > 30
    assert [part.get("title") for part in mappings if part.get("additionalProperties") is not False] == []


def test_every_union_can_be_told_apart_when_an_error_is_located() -> None:
    """Locating needs labels: an alternative without one would make its elements look like keys."""
    for part in walk(spec_schema()):
        if isinstance(part, dict) and "anyOf" in part:
            assert len([member for member in part["anyOf"] if member.get("type") != "null"]) == 1
        if isinstance(part, dict) and "oneOf" in part:
            assert len([member for member in part["oneOf"] if "$ref" not in member]) <= 1


def test_every_field_is_explained_in_the_reference() -> None:
    explained = {
        word
        for code in re.findall(r"`([^`\n]+)`", (ROOT / "docs" / "spec.md").read_text(encoding="utf-8"))
        for word in re.findall(r"[A-Za-z-]+", code)
    }
    fields = {
        name
        for part in walk(spec_schema())
        if isinstance(part, dict) and part.get("type") == "object"
        for name in part.get("properties", ())
    }
    assert sorted(fields - explained) == []
