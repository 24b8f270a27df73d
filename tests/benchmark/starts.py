"""How long commands take to start, against a Python that does nothing."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmark.figures import Figure, quantile
from benchmark.processes_seen import Run, run

FILES = 100
BARE = (sys.executable, "-c", "pass")
COMMANDS = ("validate", "plan", "status", "sync")

_SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {{name: team{n}}}
spec:
  bytebase:
    url: https://bytebase{n}.example
    credentials: {{serviceAccount: gitops@service.bytebase.com, key: {{env: KEY}}}}
    environments: [{{name: prod, rolloutPolicy: {{automatic: false, roles: [roles/projectReleaser]}}}}]
  feishu:
    app: {{id: cli_{n}, secret: {{env: SECRET}}}}
    definitions: [{{name: stage-gate, title: {{en-US: Change}}}}]
  gates:
    - {{name: prod, at: stage, match: {{environments: [prod]}}, decide: {{definition: stage-gate}}}}
"""


def measure(*, is_full: bool) -> Iterator[Figure]:
    """`--help`, `validate` of a hundred files, and what each command loads before it does anything."""
    times = 15 if is_full else 5
    program = (sys.executable, "-m", "reconciler")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(FILES):
            (folder / f"{number:03}.yaml").write_text(_SPEC.format(n=number), encoding="utf-8")
        yield _start("--help", (*program, "--help"), times, limit=150)
        yield _start(f"validate, {FILES} files", (*program, "validate", "-f", str(folder)), times, limit=1000)
    for command in COMMANDS:
        loading = (sys.executable, "-c", f"import reconciler.cli.{command}")
        yield _start(f"loading of {command}", loading, times, limit=None)


def _start(name: str, command: tuple[str, ...], times: int, *, limit: float | None) -> Figure:
    """The quickest of several runs, taken in turn with the bare ones: what else the machine does only adds time."""
    run(command)
    bare: list[Run] = []
    ours: list[Run] = []
    for _ in range(times):
        bare.append(run(BARE))
        ours.append(run(command))
    if any(each.code for each in ours):
        raise RuntimeError(f"{' '.join(command)} failed")
    wall = min(each.wall for each in ours)
    cpu = min(each.cpu for each in ours)
    ratio = cpu / max(min(each.cpu for each in bare), 1.0)
    middle = quantile([each.wall for each in ours], 0.5)
    note = f"processor {cpu:.0f} ms, median {middle:.0f} ms, {times} runs; the ratio is of processor time"
    return Figure(name, wall, "ms", ratio, "bare Python", limit, note=note)
