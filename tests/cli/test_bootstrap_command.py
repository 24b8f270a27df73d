"""`reconciler bootstrap` as it is typed: step by step, with flags, with a person, killed in the middle and run again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes.declarative_sandbox import SECRETS, Served, served
from jsonschema import Draft202012Validator

from reconciler.cli.main import cli

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "bootstrap.schema.json").read_text("utf-8"))
SEED = """\
bytebase:
  users: [{email: admin@example.com, password: Passw0rd!}, {email: alice@example.com, password: Passw0rd!}]
  serviceAccounts: [{id: gitops, key: bbs_sandbox}]
  workspaceIam:
    - {role: roles/workspaceAdmin, members: ["user:admin@example.com", "serviceAccount:gitops@service.bytebase.com"]}
  projects: [{id: demo, iam: [{role: roles/projectReleaser, members: ["user:alice@example.com"]}]}]
feishu:
  apps:
    - id: cli_sandbox
      secret: sandbox
      bot: false
      events: []
      scopes: ["contact:user.id:readonly", "application:application:self_manage", "application:application:patch"]
  users: [{email: alice@example.com, name: Alice}]
"""
SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {{name: acme}}
spec:
  bytebase:
    url: {bytebase}
    credentials: {{serviceAccount: gitops@service.bytebase.com, key: {{env: BYTEBASE_KEY}}}}
    im: {{settings: [{{type: FEISHU, from: feishu}}], verify: false}}
  feishu:
    platform: {{openApi: {feishu}}}
    app: {{id: cli_sandbox, secret: {{env: FEISHU_APP_SECRET}}}}
    appConfiguration: {{manage: true}}
    definitions:
      - name: stage-gate
        code: null # written by apply
  gates:
    - {{name: prod, at: stage, match: {{projects: [demo]}}, decide: {{definition: stage-gate}},
       approvers: {{users: [alice@example.com]}}}}
"""
ALL = ["bootstrap", "--yes", "--publish", "--create-definition", "stage-gate"]


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with served(SEED) as running:
        (tmp_path / "specs").mkdir()
        text = SPEC.format(bytebase=running.bytebase, feishu=running.feishu)
        (tmp_path / "specs" / "acme.yaml").write_text(text, encoding="utf-8")
        yield running


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, **SECRETS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*arguments: str) -> tuple[int, str]:
    """Run where nobody can be asked."""
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.stdout or result.stderr


def states(text: str) -> dict[str, str]:
    document = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    return {step["id"]: step["state"] for step in document["steps"]}


def count(sandbox: Served, method: str, path: str) -> int:
    return sum(1 for each in sandbox.requests() if each["method"] == method and each["path"].endswith(path))


def made(sandbox: Served) -> tuple[int, int, int]:
    """How often the app was published, the IM list written, a definition created."""
    return (
        count(sandbox, "POST", "/cli_sandbox/publish"),
        count(sandbox, "PATCH", "/v1/settings/APP_IM") + count(sandbox, "POST", "SettingService/UpdateSetting"),
        count(sandbox, "POST", "/approval/v4/approvals"),
    )


def test_each_flag_permits_one_kind_of_step_and_the_next_run_goes_on(sandbox: Served, tmp_path: Path) -> None:
    code, text = finish("bootstrap", "--format", "json")
    assert code == 3
    assert states(text) == {
        "access": "done",
        "app": "refused",
        "enabled": "done",
        "bytebase": "refused",
        "definitions": "notReached",
    }
    assert [step["fix"] for step in json.loads(text)["steps"] if step["state"] == "refused"] == [
        "run bootstrap with --publish to permit it",
        "run bootstrap with --yes",
    ]
    assert made(sandbox) == (0, 0, 0)

    code, text = finish("bootstrap", "--yes", "--publish", "--format", "json")
    assert (code, states(text)["app"], states(text)["definitions"]) == (3, "done", "refused")
    assert made(sandbox) == (1, 1, 0)

    code, text = finish(*ALL, "--format", "json")
    assert code == 0, text
    assert set(states(text).values()) == {"done"}
    assert "code: null" not in (tmp_path / "specs" / "acme.yaml").read_text("utf-8")

    before = made(sandbox)
    code, text = finish("bootstrap")
    assert code == 0
    assert text.splitlines()[0].startswith("  done           1, 7     Custom app and credentials")
    assert text.rstrip().splitlines()[-1].startswith("Doctor: ")
    assert made(sandbox) == before == (1, 1, 1)


def test_killed_in_the_middle_it_is_finished_by_the_next_run_and_nothing_is_done_twice(
    sandbox: Served, tmp_path: Path
) -> None:
    sandbox.fault(target="bytebase", method="POST", path="/bytebase.v1.Setting", times=1, fault="delay", seconds=5)
    process = start(tmp_path, *ALL)
    deadline = time.monotonic() + 60
    while process.poll() is None and not made(sandbox)[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    sandbox.heal()
    assert made(sandbox)[0] == 1
    assert made(sandbox)[2] == 0
    code, text = finish(*ALL)
    assert code == 0, text
    published, _, created = made(sandbox)
    assert (published, created) == (1, 1)


def test_a_step_that_fails_is_named_and_put_right_by_the_next_run(sandbox: Served, tmp_path: Path) -> None:
    sandbox.fault(target="bytebase", method="POST", path="/bytebase.v1.Setting", times=1000, fault="status", status=403)
    code, text = finish(*ALL, "--format", "json")
    assert code == 4, text
    assert states(text)["bytebase"] == "failed"
    assert states(text)["definitions"] == "done"
    sandbox.heal()
    code, text = finish(*ALL)
    assert code == 0, text
    assert made(sandbox)[0] == 1
    assert made(sandbox)[2] == 1


def test_a_person_is_asked_about_each_thing_that_cannot_be_undone(sandbox: Served, tmp_path: Path) -> None:
    answers = [
        ("Publish a version of the app cli_sandbox?", "y"),
        ("Apply this step?", "y"),
        ("Apply this step?", "y"),
        ("Create the definition stage-gate? It can never be deleted.", "n"),
    ]
    code, said = conversed(tmp_path, answers, "bootstrap")
    assert code == 3, said
    assert "it was not agreed to" in said
    assert made(sandbox) == (1, 1, 0)
    code, said = conversed(
        tmp_path, [("Create the definition stage-gate?", "y"), ("Apply this step?", "y")], "bootstrap"
    )
    assert code == 0, said
    assert made(sandbox) == (1, 1, 1)


def conversed(folder: Path, answers: list[tuple[str, str]], *arguments: str) -> tuple[int, str]:
    """Run on a terminal and answer each question as it comes."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, **SECRETS, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said, seen, left = "", 0, list(answers)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            said += os.read(ours, 65_536).decode("utf-8", "replace")
        except OSError:
            break
        if left and (at := said.find(left[0][0], seen)) >= 0 and "[y/N]" in said[at:]:
            os.write(ours, f"{left[0][1]}\n".encode())
            seen = at + len(left.pop(0)[0])
    os.close(ours)
    assert not left, said
    return process.wait(30), said
