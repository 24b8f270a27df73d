"""One world for one test: a sandbox, its people, a spec that was applied, and `sync` processes that can be looked at."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import httpx
from processes.world import People, Place

T = TypeVar("T")
SCOPES = '"im:message:send_as_bot"]'
MORE_SCOPES = '"im:message:send_as_bot", "approval:approval.list:readonly", "application:application:patch"]'
PATIENCE = 100.0
"""Seconds that a test waits for something to become true; never a measure of anything."""


def eventually(look: Callable[[], T | None], *, patience: float = PATIENCE) -> T:
    """What `look` finds, looked for again and again."""
    end = time.monotonic() + patience
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"did not become true: {look}")
        time.sleep(0.1)


class SyncProcess:
    """`reconciler sync` as a process; `http` is its page once it is ready."""

    def __init__(self, place: Place, *arguments: str, name: str = "sync", wrapper: tuple[str, ...] = ()) -> None:
        self.log = place.folder / f"{name}.log"
        self.http = ""
        command = [*wrapper, sys.executable, "-m", "reconciler", "sync", "--format", "json", "--http-port", "0"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *arguments, "-f", str(place.spec.parent)],
                env=place.environment,
                cwd=place.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ready(self) -> SyncProcess:
        """Wait until it has read both upstreams."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "ready" in line, f"sync ended before it was ready: {line}{self.process.stdout.read()}{self.said()}"
        self.http = json.loads(line)["http"] or ""
        return self

    def said(self) -> str:
        """Everything it logged so far."""
        return self.log.read_text(encoding="utf-8")

    def end(self, *, patience: float = PATIENCE) -> int:
        """The exit code, once it has ended by itself."""
        return self.process.wait(patience)

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass
class Lab:
    """The world."""

    urls: dict[str, str]
    people: People
    place: Place
    definition: str
    started: list[SyncProcess] = field(default_factory=list)

    def sync(self, *arguments: str, **options: Any) -> SyncProcess:
        """Start a sync; it is killed with the world at the latest."""
        process = SyncProcess(self.place, *arguments, **options)
        self.started.append(process)
        return process

    def spec(self, *changes: tuple[str, str]) -> None:
        """Change the spec's text; every passage must be there once."""
        text = self.place.spec.read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        self.place.spec.write_text(text, encoding="utf-8")

    def fault(self, **fault: object) -> None:
        answer = httpx.post(f"{self.urls['page']}/sandbox/faults", json=fault)
        assert answer.status_code == 204, answer.text

    def switch(self, kind: str, key: str, *, on: bool) -> None:
        """The tenant's administrator puts something in or out of use."""
        form = {"kind": kind, "key": key, "name": key, "act": "on" if on else "off"}
        answer = httpx.post(f"{self.urls['page']}/feishu", data=form, follow_redirects=True)
        assert answer.status_code == 200, answer.text

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """What reached the stand-ins after request number `since`."""
        answer = httpx.get(f"{self.urls['page']}/sandbox/requests", params={"since": since})
        return answer.json()["requests"]

    def last_request(self) -> int:
        return max((each["n"] for each in self.requests()), default=0)

    def runs(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls that started tasks."""
        return [each for each in self.requests(since) if each["path"].endswith("tasks:batchRun")]

    def document(self, *command: str) -> dict[str, Any]:
        """What a command prints with --format json."""
        return json.loads(self.place.run(*command, "--format", "json").stdout)

    def subject(self, name: str) -> dict[str, Any]:
        """A subject as `status` shows it; empty while it does not."""
        shown = self.document("status")["subjects"]
        return next((each for each in shown if each["subject"] == name), {})

    def asked(self, subject: str, *, generation: int | None = None) -> dict[str, Any]:
        """The pending request about a subject, once it is there; its digest names the subject and the generation."""
        named = f"{subject}#" if generation is None else f'{subject}#{generation}"'

        def look() -> dict[str, Any] | None:
            for code in self.people.pending(self.definition):
                instance = self.people.instance(code)
                if named in instance["form"]:
                    return instance
            return None

        return eventually(look)

    def approve(self, instance: dict[str, Any], who: str = "bob") -> None:
        self.decide(instance, who, approve=True)

    def decide(self, instance: dict[str, Any], who: str, *, approve: bool, comment: str = "") -> None:
        """Somebody clicks in Feishu."""
        self.people.decide(instance, self.people.open_id(who), approve=approve, comment=comment)

    def done(self, plan: str, environment: str) -> None:
        """Wait until a stage has run."""
        eventually(lambda: set(self.people.statuses(plan)[environment]) == {"DONE"})


@contextmanager
def lab(
    folder: Path,
    *,
    time_scale: float = 20.0,
    events: str = "longConnection",
    seed: Sequence[tuple[str, str]] = (),
) -> Iterator[Lab]:
    """A sandbox as a process, with the demo's world, changed by `seed`, and the demo's spec applied to it."""
    world = resources.files("reconciler.sandbox").joinpath("demo.yaml").read_text(encoding="utf-8")
    for before, after in (*seed, (SCOPES, MORE_SCOPES)):
        assert world.count(before) == 1, before
        world = world.replace(before, after)
    file = folder / "seed.yaml"
    file.write_text(world, encoding="utf-8")
    command = [sys.executable, "-m", "reconciler", "sandbox", "--format", "json", "--seed", str(file)]
    process = subprocess.Popen(
        [*command, "--time-scale", str(time_scale)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    started: list[SyncProcess] = []
    try:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        place = Place(folder, urls)
        made = Lab(urls, People(urls["bytebase"], urls["feishu"]), place, "", started)
        if events != "longConnection":
            made.spec(("{transport: longConnection}", events))
        place.run("apply", "--yes", "--create-definition", "stage-gate")
        made.definition = place.definition
        yield made
    finally:
        for each in started:
            each.kill()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
