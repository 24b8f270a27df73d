"""A sign of life on a terminal, calls with -v, and nothing of either anywhere else."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.declarative_sandbox import SECRETS, Served, served

pytestmark = pytest.mark.slow

PROGRAM = str(Path(sys.executable).with_name("reconciler"))
CALL = re.compile(r"(bytebase|feishu) (GET|POST|PATCH|PUT) /\S+ \d{3} in \d+ ms")


@dataclass(frozen=True)
class Seen:
    """What a run said: on standard output, which is a pipe, and on the terminal or pipe that is standard error."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.chdir(tmp_path)
    for name, value in {**SECRETS, "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with served() as running:
        (tmp_path / "specs").mkdir()
        spec = running.write_spec(tmp_path / "specs")
        spec.write_text(
            spec.read_text("utf-8").replace("      settings:", "      verify: false\n      settings:"), "utf-8"
        )
        yield running


def on_a_terminal(*arguments: str, answers: str = "") -> Seen:
    """Run with standard input and error on a terminal; `answers` is typed once something is asked."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    assert process.stdout is not None
    said = {ours: b"", process.stdout.fileno(): b""}
    waiting = set(said)
    while waiting:
        for each in select.select(list(waiting), [], [], 60)[0]:
            try:
                part = os.read(each, 65_536)
            except OSError:  # how Linux says that a terminal has been closed
                part = b""
            said[each] += part
            if not part:
                waiting.discard(each)
        if answers and said[ours].rstrip().endswith(b"[y/N]:"):
            os.write(ours, answers[:1].encode() + b"\n")
            answers = answers[1:]
    os.close(ours)
    text = {key: value.decode() for key, value in said.items()}
    return Seen(process.wait(30), text[process.stdout.fileno()], text[ours])


def in_a_pipe(*arguments: str) -> Seen:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return Seen(done.returncode, done.stdout, done.stderr)


def test_long_work_is_shown_on_a_terminal_and_nowhere_else(sandbox: Served) -> None:
    for command, code in (("plan", 2), ("drift", 2), ("export", 0)):
        seen = on_a_terminal(command)
        assert seen.code == code, seen.stderr
        assert "reading acme …" in seen.stderr
        assert "\x1b" not in seen.stdout
        assert "reading acme" not in seen.stdout
    piped = in_a_pipe("export")
    assert (piped.code, piped.stdout, piped.stderr) == (0, seen.stdout, "")


def test_apply_says_which_change_it_is_at_and_leaves_the_question_alone(sandbox: Served) -> None:
    sandbox.fault(target="bytebase", method="POST", path="/v1/roles", times=1, fault="delay", seconds=1)
    seen = on_a_terminal("apply", answers="yy")
    assert seen.code == 0, seen.stderr
    assert "Create the definition stage-gate? It can never be deleted. [y/N]: y" in seen.stderr
    question, after = seen.stderr.split("Apply this plan? [y/N]: ")
    assert "reading acme …" in question
    assert "reading acme …\r" not in question.partition("Plan: ")[2]
    assert re.search(r"applying acme: create bytebase/role/oa \(1 of 9\) …", after)
    assert "\x1b" not in seen.stdout
    assert "applying" not in seen.stdout
    assert sandbox.requests()


def test_calls_are_shown_on_request_and_without_a_sign_that_would_garble_them(sandbox: Served) -> None:
    for seen in (on_a_terminal("plan", "-v"), in_a_pipe("drift", "-v"), in_a_pipe("export", "-v")):
        lines = seen.stderr.splitlines()
        assert len(lines) >= 10
        assert all(CALL.search(line) for line in lines), seen.stderr
        assert "reading acme" not in seen.stderr
        assert not CALL.search(seen.stdout)
    seen = in_a_pipe("apply", "--yes", "--create-definition", "stage-gate", "-v", "--format", "json")
    assert any("PATCH /v1/settings/APP_IM" in line or "POST /bytebase.v1" in line for line in seen.stderr.splitlines())
    assert not CALL.search(seen.stdout)
    assert not any(secret in seen.stderr for secret in ("bbs_sandbox", "canary"))


def test_an_error_that_says_what_to_do_needs_no_traceback_even_with_v(sandbox: Served) -> None:
    sandbox.fault(target="bytebase", method="GET", path="/v1/", times=1000, fault="status", status=403)
    seen = in_a_pipe("plan", "-v")
    assert seen.code == 1
    assert "raised in" not in seen.stderr
    assert "site-packages" not in seen.stderr
