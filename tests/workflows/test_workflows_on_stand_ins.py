"""The workflows' steps with the real program on stand-ins: proposed, shown, merged, applied, watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.declarative_sandbox import SECRETS, Served, served
from workflows.runner import Ran, Runner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("jq") is None and os.environ.get("CI") != "true",
        reason="jq is not installed; the workflows' own scripts need it",
    ),
]

PROGRAM = Path(sys.executable).with_name("reconciler")
CREDENTIALS = "".join(f"{name}={value}\n" for name, value in SECRETS.items())
BOT = {"login": "github-actions[bot]"}
COMMENT = "Write the comment, or the one that is already there"
ISSUE = "Open, update or close the issue"


@pytest.fixture
def sandbox() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def runner(tmp_path: Path, sandbox: Served) -> Runner:
    """A checkout of a repository whose spec was applied once by a person, who committed the code of the definition."""
    origin = tmp_path / "origin"
    (origin / "specs").mkdir(parents=True)
    spec = sandbox.write_spec(origin / "specs")
    spec.write_text(spec.read_text("utf-8").replace("      settings:", "      verify: false\n      settings:"), "utf-8")
    subprocess.run(
        [PROGRAM, "apply", "--yes", "--create-definition", "stage-gate", "--store", f"sqlite:///{tmp_path}/own.db"],
        cwd=origin, env={**os.environ, **SECRETS}, check=True, capture_output=True,
    )  # fmt: skip
    git(origin, "init", "-q", "-b", "main")
    git(origin, "add", "-A")
    commit(origin, "the spec")
    made = Runner(tmp_path / "machine", program=PROGRAM)
    made.work.rmdir()
    git(tmp_path, "clone", "-q", str(origin), str(made.work))
    return made


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "-a", "-m", message)


def propose(runner: Runner, old: str, new: str) -> None:
    spec = runner.work / "specs" / "acme.yaml"
    text = spec.read_text("utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), "utf-8")
    commit(runner.work, "a proposal")


def plan(runner: Runner) -> Ran:
    shutil.rmtree(runner.temp / "shown", ignore_errors=True)
    return runner.run("plan.yml", "plan", "Plan", SPECS="specs/", CREDENTIALS=CREDENTIALS)


def comment(runner: Runner) -> str:
    """What the pull request shows, after the artefact was handed from one job to the next."""
    (runner.answers / "comments.json").write_text("[]")
    shutil.copy(runner.temp / "shown" / "plan.md", runner.work / "plan.md")
    ran = runner.run("plan.yml", "comment", COMMENT, NUMBER="7", RUN="https://ci.example/1")
    (runner.work / "plan.md").unlink()
    assert ran.code == 0, ran.stdout
    assert ran.body is not None
    return ran.body


def digests(runner: Runner, body: str) -> str:
    (runner.answers / "pulls.json").write_text(json.dumps([{"number": 7, "merged_at": "2026-01-01T00:00:00Z"}]))
    (runner.answers / "comments.json").write_text(json.dumps([{"id": 1, "user": BOT, "body": body}]))
    ran = runner.run("apply.yml", "shown", "Read the digests of the plan that the pull request showed")
    assert ran.code == 0, ran.stdout
    return ran.outputs.removeprefix("digests=").strip()


def apply(runner: Runner, shown: str) -> Ran:
    return runner.run("apply.yml", "apply", "Apply", SPECS="specs/", DIGESTS=shown, CREDENTIALS=CREDENTIALS)


def drift(runner: Runner) -> Ran:
    shutil.rmtree(runner.temp / "shown", ignore_errors=True)
    return runner.run("drift.yml", "drift", "Look for drift", SPECS="specs/", CREDENTIALS=CREDENTIALS)


def edit_live(sandbox: Served) -> None:
    with sandbox.admin() as admin:
        body = {"allowSelfApproval": True, "requireIssueApproval": False}
        masks = {"update_mask": "allow_self_approval,require_issue_approval"}
        admin.patch("/v1/projects/demo", params=masks, json=body).raise_for_status()


def test_a_proposal_is_shown_merged_applied_and_watched(sandbox: Served, runner: Runner) -> None:
    assert runner.run("plan.yml", "validate", "Validate", SPECS="specs/").code == 0
    propose(runner, "roles: [roles/projectReleaser]", "roles: [roles/projectOwner]")
    planned = plan(runner)
    assert planned.code == 0, planned.stdout
    assert "::notice file=specs/acme.yaml,line=" in planned.stdout
    body = comment(runner)
    assert "1 to update" in body.replace("\\", "")
    shown = digests(runner, body)
    applied = apply(runner, shown)
    assert applied.code == 0, applied.stdout
    assert "1 of 1 applied" in applied.summary
    assert drift(runner).outputs == "drifted=no\n"
    edit_live(sandbox)
    found = drift(runner)
    assert (found.code, found.outputs) == (0, "drifted=yes\n")
    shutil.copy(runner.temp / "shown" / "drift.md", runner.work / "drift.md")
    (runner.answers / "issues.json").write_text("[]")
    issue = runner.run("drift.yml", "issue", ISSUE, DRIFTED="yes")
    assert "bytebase/project/demo" in (issue.body or "")
    assert all("canary" not in text and "bbs_sandbox" not in text for text in (body, issue.body, applied.summary))


def test_what_moved_after_it_was_shown_is_not_applied(sandbox: Served, runner: Runner) -> None:
    propose(runner, "roles: [roles/projectReleaser]", "roles: [roles/projectOwner]")
    plan(runner)
    shown = digests(runner, comment(runner))
    edit_live(sandbox)
    start = sandbox.seen()
    refused = apply(runner, shown)
    assert refused.code == 3
    assert "### `acme`: refused" in refused.summary
    assert not [each for each in sandbox.requests(start) if each["method"] == "PATCH"]


def test_a_proposal_that_leads_elsewhere_is_refused_before_any_call_and_says_so_in_the_log(
    sandbox: Served, runner: Runner
) -> None:
    propose(runner, f"url: {sandbox.bytebase}", "url: https://evil.example")
    start = sandbox.seen()
    refused = plan(runner)
    assert refused.code == 3
    assert "spec.bytebase.url" in refused.stdout
    assert sandbox.requests(start) == []
    assert "There is no plan" in comment(runner)


def test_a_target_that_cannot_be_read_is_told_in_the_comment(sandbox: Served, runner: Runner) -> None:
    sandbox.fault(target="bytebase", method="GET", path="/v1/", times=1000, fault="status", status=403)
    failed = plan(runner)
    assert failed.code == 1
    body = comment(runner)
    assert "### `acme`: failed" in body
    assert "Digest" not in body
