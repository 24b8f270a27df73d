"""The benchmark: `python -m benchmark [--full] [--only PART] [--json FILE]`, run from the folder of the tests.

Every figure is a value and, where there is something to compare with, a ratio to it in the same run. The short mode takes
about a minute on an idle machine and says whether something is badly wrong; the full mode gives the figures.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmark import budget, crowd, gate, planning, starts
from benchmark.figures import Figure
from benchmark.table import table

Part = Callable[..., Iterator[Figure]]
PARTS: Mapping[str, Part] = {
    "starts": starts.measure,
    "planning": planning.measure,
    "gate": gate.measure,
    "budget": budget.measure,
    "crowd": crowd.measure,
}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="benchmark", description="Measure what docs/performance.md promises.")
    parser.add_argument("--full", action="store_true", help="take many samples; half an hour")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="only this part; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="also write the figures as JSON")
    return parser.parse_args(given)


def document(figures: Sequence[Figure], *, is_full: bool, load: float, seconds: float) -> dict[str, object]:
    """Everything that was measured, with what is needed to judge it."""
    return {
        "mode": "full" if is_full else "short",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "loadBefore": round(load, 2),
        "seconds": round(seconds, 1),
        "figures": [figure.as_json() for figure in figures],
    }


def main(given: Sequence[str]) -> int:
    """Measure, print the table, write the JSON; 1 when a part could not be measured, whatever the figures say."""
    asked = arguments(given)
    load, begun = os.getloadavg()[0], time.monotonic()
    figures: list[Figure] = []
    broken = False
    for name in asked.only or PARTS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            figures.extend(PARTS[name](is_full=asked.full))
        except Exception as error:
            broken = True
            print(f"{name} could not be measured: {error!r}", file=sys.stderr)
    seconds = time.monotonic() - begun
    print(table(figures), end="")
    print(f"{os.cpu_count()} cores, load {load:.1f} before, {seconds:.0f} s")
    if asked.json:
        whole = document(figures, is_full=asked.full, load=load, seconds=seconds)
        Path(asked.json).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
