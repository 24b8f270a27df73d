"""A sandbox with its people, a spec that was applied, and `sync` on it, each as its own process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from benchmark.figures import LoggedCall
from benchmark.processes_seen import environment
from processes.world import Place

T = TypeVar("T")
POLL_SECONDS = 5.0
SYNC = "sync@service.bytebase.com"


class RequestLog:
    """Reads the sandbox's log of requests, from a mark onwards."""

    def __init__(self, page: str) -> None:
        self._http = httpx.Client(base_url=page, timeout=60)
        self._mark = 0

    def mark(self) -> None:
        """Later reads begin here."""
        newest = self.read()
        if newest:
            self._mark = int(newest[-1]["n"])

    def read(self) -> list[LoggedCall]:
        """What arrived since the mark."""
        answer = self._http.get("/sandbox/requests", params={"since": self._mark}).raise_for_status()
        found: list[LoggedCall] = answer.json()["requests"]
        return found


def poll_as_by_default(place: Place, *, calls_per_minute: int = 6000) -> None:
    """Take the demo's hurry out of the spec: five seconds. The default budget is 600 calls, see docs/performance.md."""
    text = place.spec.read_text(encoding="utf-8")
    wanted = f"poll: {{callsPerMinute: {calls_per_minute}}}"
    text = text.replace("poll: {every: 200ms, callsPerMinute: 6000}", wanted)
    text = text.replace("    poll: {every: 200ms}\n", "")
    if "200ms" in text or wanted not in text:
        raise RuntimeError("the demo's spec is not what the benchmark expects")
    place.spec.write_text(text, encoding="utf-8")


def apply(place: Place) -> None:
    """Make the sandbox as the spec says."""
    place.run("apply", "--yes", "--create-definition", "stage-gate")


def demo_world() -> dict[str, Any]:
    """The demo's seed; people here also look at lists of requests, so that they use nothing of the product's share."""
    text = resources.files("reconciler.sandbox").joinpath("demo.yaml").read_text(encoding="utf-8")
    seed: dict[str, Any] = yaml.safe_load(text)
    seed["feishu"]["apps"][0]["scopes"].append("approval:approval.list:readonly")
    return seed


@contextmanager
def sandbox(seed: dict[str, Any]) -> Iterator[dict[str, str]]:
    """`reconciler sandbox` as a process; yields its addresses."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "seed.yaml"
        file.write_text(yaml.safe_dump(seed, allow_unicode=True), encoding="utf-8")
        command = [sys.executable, "-m", "reconciler", "sandbox", "--format", "json", "--time-scale", "20"]
        process = subprocess.Popen(
            [*command, "--seed", str(file)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            urls: dict[str, str] = json.loads(process.stdout.readline())
            yield urls
        finally:
            process.kill()
            process.wait()


@contextmanager
def syncing(place: Place, *, patience: float = 60) -> Iterator[int]:
    """`reconciler sync`, ready; yields its process id and stops it in the end."""
    log: Path = place.folder / "sync.log"
    command = [sys.executable, "-m", "reconciler", "sync", "--format", "json", "--http-port", "0"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "-f", str(place.spec.parent)],
            env=environment(place.environment),
            cwd=place.folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        if not json.loads(process.stdout.readline() or "{}").get("ready"):
            raise RuntimeError(f"sync did not get ready: {log.read_text(encoding='utf-8')[-2000:]}")
        yield process.pid
        process.send_signal(signal.SIGTERM)
        process.wait(patience)
    finally:
        process.kill()
        process.wait()


def until(look: Callable[[], T | None], *, patience: float, every: float = 0.3, what: str) -> T:
    """What `look` finds, looked for again and again. Raises RuntimeError when patience ends."""
    end = time.monotonic() + patience
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"did not happen within {patience:.0f} s: {what}")
        time.sleep(every)
