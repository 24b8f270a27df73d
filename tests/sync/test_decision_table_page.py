"""The table that readers see is the table of the code, and each of its rows is what the function does."""

from __future__ import annotations

import re
from pathlib import Path

import reconciler.sync.decide as module

PAGE = Path(__file__).parents[2] / "docs" / "decision-table.md"


def in_code() -> list[tuple[str, ...]]:
    lines = (module.__doc__ or "").splitlines()
    edges = [number for number, line in enumerate(lines) if line.startswith("==")]
    starts = [match.start() for match in re.finditer(r"=+", lines[edges[0]])]
    ends = [*starts[1:], None]
    return [
        tuple(line[start:end].strip() for start, end in zip(starts, ends, strict=True))
        for line in lines[edges[1] + 1 : edges[2]]
    ]


def on_page() -> list[tuple[str, ...]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_the_page_shows_the_rows_of_the_code_word_for_word():
    assert on_page() == in_code()


def test_all_seventeen_rows_are_there_in_order():
    numbers = [int(row[0]) for row in on_page()]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 18))
    assert all(cell for row in on_page() for cell in row)
