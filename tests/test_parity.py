"""docs/parity.md is complete and does not lie: every id has its row, and every test that a row names exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "parity.md"
IDS = (
    *(f"N-{number:02}" for number in range(1, 73)),
    *(f"B-{number:02}" for number in range(1, 40)),
    *(f"P-{number:02}" for number in range(1, 14)),
    *(f"R-{number:02}" for number in range(1, 16)),
    *(f"RB-{number:02}" for number in range(1, 11)),
    *("U-03", "U-05", "U-11", "U-15", "U-32", "U-33", "U-43"),
)
ROW = re.compile(r"^\| (?P<id>(?:[NBPRU]|RB)-\d{2}) \| (?P<text>.+) \| (?P<tests>.+) \|$")
NAMED = re.compile(r"`([^`]+\.py)::(\w+)`")


def rows() -> list[tuple[str, str, str]]:
    found = [ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [(row["id"], row["text"], row["tests"]) for row in found if row is not None]


@functools.cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def test_every_id_has_its_row():
    assert sorted(id_ for id_, _, _ in rows()) == sorted(IDS)


@pytest.mark.parametrize(("id_", "text", "tests"), rows(), ids=[id_ for id_, _, _ in rows()])
def test_a_row_says_what_happens_and_names_tests_that_exist(id_, text, tests):
    assert text.rstrip().endswith((".", "!"))
    named = NAMED.findall(tests)
    assert named, f"{id_} is shown by nothing"
    assert "".join(f"`{path}::{name}`" for path, name in named) == tests.replace("<br>", "")
    for path, name in named:
        assert (TESTS / path).is_file(), f"{id_} names {path}, which does not exist"
        assert name in names_in(path), f"{id_} names {name}, which {path} does not hold"


def named_after_an_id() -> list[tuple[str, str, str]]:
    found = []
    rooms = ("operations/sync", "processes", "providers/external", "sync")
    for path in sorted(path for room in rooms for path in TESTS.glob(f"{room}/test_*.py")):
        here = str(path.relative_to(TESTS))
        for name in sorted(names_in(here)):
            ids = re.findall(r"(?<![a-z0-9])([nbpru]|rb)_(\d{2})(?=_)", name)
            found += [(f"{kind.upper()}-{number}", here, name) for kind, number in ids]
    return found


@pytest.mark.parametrize(("id_", "path", "name"), named_after_an_id())
def test_a_test_named_after_an_id_stands_in_the_row_of_that_id(id_, path, name):
    (tests,) = [tests for row, _, tests in rows() if row == id_]
    assert (path, name) in NAMED.findall(tests)
