"""Every reason that people can be shown is explained in the page about the decision table, and no other."""

from __future__ import annotations

import re
from collections import Counter

from docs.pages import ROOT, section

from reconciler.sync.reasons import codes

PAGE = ROOT / "docs" / "decision-table.md"


def explained() -> Counter[str]:
    """The codes in the first column of the tables, and how often each stands there."""
    rows = [line.split("|")[1] for line in section(PAGE, "The reasons").splitlines() if line.startswith("| `")]
    return Counter(code for cell in rows for code in re.findall(r"`(\w+)`", cell))


def test_every_reason_is_explained_once() -> None:
    assert explained() == Counter(codes())
