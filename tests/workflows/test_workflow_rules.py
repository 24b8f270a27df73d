"""Every workflow keeps the rules that no single reviewer can be trusted to remember."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.pages import ROOT, blocks
from workflows.runner import FOLDER, load

WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))
PAGE = ROOT / "docs" / "ci.md"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_begin_with_none_and_are_given_per_job(name: str) -> None:
    workflow = load(name)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_leave_no_git_credentials(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)
    for job in load(name)["jobs"].values():
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@pytest.mark.parametrize("name", ["plan.yml", "apply.yml", "drift.yml"])
def test_no_job_that_can_write_to_github_sees_credentials_and_no_other_way_round(name: str) -> None:
    for job in load(name)["jobs"].values():
        rights = {right for right, value in job["permissions"].items() if value == "write"} - {"id-token"}
        sees = "secrets.RECONCILER_CREDENTIALS" in str(job)
        assert not (rights and sees)


@pytest.mark.parametrize("name", ["plan.yml", "apply.yml", "drift.yml"])
def test_the_tool_is_installed_before_and_outside_of_the_checkout(name: str) -> None:
    for job in load(name)["jobs"].values():
        kinds = [step.get("name") or step["uses"].partition("@")[0] for step in job["steps"]]
        if "actions/checkout" in kinds:
            install = job["steps"][kinds.index("Install")]
            assert kinds.index("Install") < kinds.index("actions/checkout")
            assert install["working-directory"] == "${{ runner.temp }}"


def test_a_fork_gets_no_credentials() -> None:
    jobs = load("plan.yml")["jobs"]
    with_credentials = [job for job in jobs.values() if "secrets." in str(job)]
    assert with_credentials == [jobs["plan"]]
    assert jobs["plan"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_the_projects_own_checks_are_the_readmes_command() -> None:
    runs = [step.get("run") for step in load("ci.yml")["jobs"]["tests"]["steps"]]
    assert "./.ci/run" in runs
    assert set(load("ci.yml")["jobs"]["gate"]["needs"]) == {"tests", "demo"}


@pytest.mark.parametrize("name", ["plan.yml", "apply.yml", "drift.yml"])
def test_the_page_grants_each_workflow_exactly_what_its_jobs_need(name: str) -> None:
    called = load_block("github")["jobs"][name.removesuffix(".yml")]
    assert name in called["uses"]
    needed: dict[str, str] = {}
    for job in load(name)["jobs"].values():
        for right, value in job["permissions"].items():
            needed[right] = "write" if "write" in (value, needed.get(right)) else value
    assert called["permissions"] == needed
    inputs = load(name)["on"]["workflow_call"]["inputs"]
    assert set(called["with"]) <= set(inputs)
    assert {key for key, value in inputs.items() if value.get("required") == "true"} <= set(called["with"])


def load_block(which: str) -> dict:
    import yaml

    for language, text in blocks(PAGE):
        if language == "yaml" and which in text.splitlines()[0]:
            return yaml.load(text, Loader=yaml.BaseLoader)
    raise AssertionError(f"no example for {which}")


@pytest.mark.slow
@pytest.mark.parametrize(("first", "schema"), [("github", "vendor.github-workflows"), ("gitlab", "vendor.gitlab-ci")])
def test_the_pages_examples_are_valid(first: str, schema: str, tmp_path: Path) -> None:
    text = next(text for language, text in blocks(PAGE) if language == "yaml" and first in text.splitlines()[0])
    file = tmp_path / "example.yml"
    file.write_text(text, encoding="utf-8")
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([checker, "--builtin-schema", schema, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
