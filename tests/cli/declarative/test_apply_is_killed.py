"""An apply killed anywhere is finished by the next one, and a definition is created once or asked about."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.declarative_sandbox import SECRETS, Served, served

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]
APPLY = ["apply", "--yes", "--create-definition", "stage-gate"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, **SECRETS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, *arguments: str) -> tuple[int, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=90)
    return process.returncode, out + err


def writes(sandbox: Served) -> int:
    return sum(1 for each in sandbox.requests() if each["method"] == "PATCH" or ":addWebhook" in each["path"])


def creations(sandbox: Served) -> int:
    return sum(
        1
        for each in sandbox.requests()
        if each["target"] == "feishu"
        and each["method"] == "POST"
        and each["path"] == "/open-apis/approval/v4/approvals"
    )


@pytest.mark.parametrize("seed", range(2))
def test_an_apply_killed_in_the_middle_is_finished_by_the_next(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (tmp_path / "specs").mkdir()
    with served() as sandbox:
        sandbox.write_spec(tmp_path / "specs")
        sandbox.fault(target="bytebase", method="PATCH", path="/", times=1000, fault="delay", seconds=0.1)
        sandbox.fault(
            target="feishu", method="POST", path="/open-apis/approval", times=1000, fault="delay", seconds=0.2
        )
        process = start(tmp_path, *APPLY)
        enough = chance.randint(0, 3)
        deadline = time.monotonic() + 60
        while process.poll() is None and writes(sandbox) + creations(sandbox) <= enough and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(chance.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        sandbox.heal()
        code, said = finish(tmp_path, *APPLY)
        if code == 3 and "may exist already" in said:
            assert creations(sandbox) == 1
            code, said = finish(tmp_path, *APPLY, "--forget-creation", "stage-gate")
        else:
            assert creations(sandbox) <= 1
        assert code == 0, said
        assert finish(tmp_path, "plan")[0] == 0
        with sandbox.admin() as admin:
            project = admin.get("/v1/projects/demo").raise_for_status().json()
        assert [each["title"] for each in project["webhooks"]] == ["changes"]


def test_of_two_applies_at_once_one_is_refused_with_the_holder(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    with served() as sandbox:
        sandbox.write_spec(tmp_path / "specs")
        sandbox.fault(target="bytebase", method="GET", path="/v1/roles", times=1, fault="delay", seconds=4)
        first = start(tmp_path, *APPLY)
        deadline = time.monotonic() + 60
        while not any(each["path"] == "/v1/roles" for each in sandbox.requests()) and time.monotonic() < deadline:
            time.sleep(0.05)
        code, said = finish(tmp_path, *APPLY)
        assert code == 3
        assert "an apply is already running on this store" in said
        assert str(first.pid) in said
        first.communicate(timeout=90)
        assert first.returncode == 0
        assert creations(sandbox) == 1
