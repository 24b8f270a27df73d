"""A plan of two hundred resources: its time, and its calls as the sandbox counts them."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from benchmark.figures import Figure, quantile
from benchmark.lab import RequestLog, apply, demo_world, sandbox
from benchmark.processes_seen import Run, run
from benchmark.starts import BARE
from processes.world import Place

NAMES = tuple(f"team{number:03}" for number in range(96))


def measure(*, is_full: bool) -> Iterator[Figure]:
    """Projects with their flags and bindings, on top of the demo's spec."""
    times = 7 if is_full else 3
    with tempfile.TemporaryDirectory() as name, sandbox(_world()) as urls:
        place = Place(Path(name), urls)
        _declare(place)
        apply(place)
        log = RequestLog(urls["page"])
        document = json.loads(place.run("plan", "--format", "json").stdout)
        resources = len(document["changes"])
        command = (sys.executable, "-m", "reconciler", "plan", "-f", str(place.spec.parent))
        bare: list[Run] = []
        plans: list[Run] = []
        log.mark()
        for _ in range(times):
            bare.append(run(BARE))
            plans.append(run(command, folder=place.folder, more=place.environment))
        calls = len(log.read()) / times
    if any(each.code for each in plans):
        raise RuntimeError("a plan right after apply is not empty")
    wall = min(each.wall for each in plans) / 1000
    cpu = min(each.cpu for each in plans)
    ratio = cpu / max(min(each.cpu for each in bare), 1.0)
    middle = quantile([each.wall for each in plans], 0.5) / 1000
    note = f"processor {cpu:.0f} ms, median {middle:.2f} s, {times} runs; the ratio is of processor time"
    yield Figure(f"plan of {resources} resources", wall, "s", ratio, "bare Python", 2.0, note=note)
    yield Figure("its calls", calls, "calls", calls / resources, "resources", resources + 10)


def _world() -> dict[str, Any]:
    """The demo's seed with more projects; the account that applies may set their bindings."""
    seed = demo_world()
    bytebase = seed["bytebase"]
    bytebase["projects"] += [{"id": name, "title": name} for name in NAMES]
    bytebase["workspaceIam"][0]["members"].append("serviceAccount:gitops@service.bytebase.com")
    return seed


def _declare(place: Place) -> None:
    """The same projects in the spec, each with a flag and a binding."""
    spec = yaml.safe_load(place.spec.read_text(encoding="utf-8"))
    bytebase = spec["spec"]["bytebase"]
    bytebase["projects"] += [{"name": name, "requireIssueApproval": True} for name in NAMES]
    bytebase["bindings"] = [
        {"role": "roles/projectDeveloper", "member": "user:alice@example.com", "project": name} for name in NAMES
    ]
    place.spec.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), encoding="utf-8")
