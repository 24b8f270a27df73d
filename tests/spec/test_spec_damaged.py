"""A corpus of damaged specs: what is said about each is kept beside it, line, caret and hint included."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.spec import SpecText, parse_documents

FOLDER = Path(__file__).parent / "damaged"
FILES = sorted(FOLDER.glob("*.yaml"))


def said_about(file: Path) -> str:
    parsed = parse_documents([SpecText.of(file.name, file.read_text(encoding="utf-8"))])
    found = [error.render("error") for error in parsed.errors] + [doubt.render("warning") for doubt in parsed.warnings]
    return "\n".join(found) + "\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_damaged_spec_is_explained(file: Path) -> None:
    assert said_about(file) == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_no_explanation_repeats_a_secret_from_the_file() -> None:
    assert "hunter2" in (FOLDER / "secrets-in-the-spec.yaml").read_text()
    assert "hunter2" not in said_about(FOLDER / "secrets-in-the-spec.yaml")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_line_ending_gives_the_same_places(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    places = [
        [(e.position.line, e.position.column, e.message) for e in parse_documents([SpecText.of("f", written)]).errors]
        for written in (text, text.replace("\n", "\r\n"))
    ]
    assert places[0] == places[1]
