"""The figures as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.figures import Figure

_WORDS = {True: "met", False: "MISSED", None: ""}


def table(figures: Sequence[Figure]) -> str:
    """One line per figure, in columns."""
    head = ("figure", "value", "ratio", "limit", "", "note")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]]) + "\n"


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.1f} x {figure.against}"
    sign = "≥" if figure.at_least else "≤"
    limit = "" if figure.limit is None else f"{sign} {figure.limit:g}"
    return figure.name, f"{figure.value:.4g} {figure.unit}", ratio, limit, _WORDS[figure.is_met], figure.note
