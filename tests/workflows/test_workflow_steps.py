"""What the workflows' own scripts do: credentials, exit codes, one comment, one issue, exactly the plan that was shown."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from workflows.runner import Runner

BOT = {"login": "github-actions[bot]"}
PLAN = "<!-- reconciler:plan -->\n### `acme`: changes\n\nDigest `{digest}`\n"
CREDENTIALS = "# of the planner\nGIVEN_KEY=a=b c\n\nGIVEN_STORE=postgresql://u:p@h/d"
FIRST, SECOND = "1" * 64, "2" * 64
STEPS = [("plan.yml", "plan", "Plan"), ("apply.yml", "apply", "Apply"), ("drift.yml", "drift", "Look for drift")]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("jq") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("jq is not installed on CI")
        pytest.skip("jq is not installed; the workflows' own scripts need it")
    return Runner(tmp_path)


def answer(runner: Runner, name: str, value: object) -> None:
    (runner.answers / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize(("code", "ends_with"), [(0, 0), (2, 0), (1, 1), (3, 3)])
def test_a_plan_with_changes_passes_and_a_refused_one_does_not(runner: Runner, code: int, ends_with: int) -> None:
    ran = runner.run(
        "plan.yml", "plan", "Plan", prints="the plan\n", ends_with=code, SPECS="specs/", CREDENTIALS=CREDENTIALS
    )
    assert ran.code == ends_with
    assert ran.summary == "the plan\n"
    assert (ran.folder / "shown" / "plan.md").read_text() == "the plan\n"
    assert (ran.folder / "shown" / "plan.json").exists()
    assert ran.calls[0].startswith("plan --file specs/ --untrusted --baseline origin/main ")


@pytest.mark.parametrize(("workflow", "job", "step"), STEPS)
def test_credentials_reach_the_program_as_they_are_and_are_masked(
    runner: Runner, workflow: str, job: str, step: str
) -> None:
    ran = runner.run(workflow, job, step, SPECS="specs/", DIGESTS=FIRST, CREDENTIALS=CREDENTIALS)
    assert ran.calls[1:] == ["GIVEN_KEY=a=b c", "GIVEN_STORE=postgresql://u:p@h/d"]
    assert ran.stdout.splitlines() == ["::add-mask::a=b c", "::add-mask::postgresql://u:p@h/d"]


@pytest.mark.parametrize(("workflow", "job", "step"), STEPS)
def test_credentials_pasted_on_windows_and_with_percent_signs_are_taken_as_they_are(
    runner: Runner, workflow: str, job: str, step: str
) -> None:
    given = "GIVEN_KEY=50%0Aoff\r\nGIVEN_EMPTY=\r\n"
    ran = runner.run(workflow, job, step, SPECS="specs/", DIGESTS=FIRST, CREDENTIALS=given)
    assert ran.calls[1:] == ["GIVEN_EMPTY=", "GIVEN_KEY=50%0Aoff"]
    assert ran.stdout.splitlines() == ["::add-mask::50%250Aoff"]


@pytest.mark.parametrize(("workflow", "job", "step"), STEPS)
@pytest.mark.parametrize("line", ["-----BEGIN KEY-----", "canary", "a b=canary", "=canary"])
def test_a_line_that_is_no_credential_stops_the_step_and_is_not_shown(
    runner: Runner, workflow: str, job: str, step: str, line: str
) -> None:
    ran = runner.run(workflow, job, step, SPECS="specs/", DIGESTS=FIRST, CREDENTIALS=f"GIVEN_KEY=x\n{line}")
    assert ran.code == 1
    assert ran.calls == []
    assert ran.stdout.splitlines() == ["::add-mask::x", "::error::line 2 of RECONCILER_CREDENTIALS is not NAME=value"]


def test_without_a_digest_nothing_is_applied(runner: Runner) -> None:
    """An output that holds something masked does not reach the next job: then nothing was agreed to either."""
    ran = runner.run("apply.yml", "apply", "Apply", SPECS="specs/", DIGESTS="", CREDENTIALS="")
    assert (ran.code, ran.calls) == (3, [])
    assert "::error::" in ran.stdout


def test_the_first_plan_writes_a_comment(runner: Runner) -> None:
    answer(
        runner, "comments", [{"id": 1, "user": BOT, "body": "hello"}, {"id": 2, "user": {"login": "eve"}, "body": PLAN}]
    )
    (runner.work / "plan.md").write_text(PLAN)
    ran = runner.run("plan.yml", "comment", "Write the comment, or the one that is already there", NUMBER="7", RUN="u")
    assert ran.code == 0, ran.stdout
    assert ran.calls[-1].startswith("api --silent --method POST repos/acme/databases/issues/7/comments")
    assert ran.body == PLAN


def test_the_next_plan_changes_that_comment(runner: Runner) -> None:
    answer(runner, "comments", [{"id": 5, "user": BOT, "body": PLAN}, {"id": 6, "user": BOT, "body": PLAN}])
    (runner.work / "plan.md").write_text(PLAN)
    ran = runner.run("plan.yml", "comment", "Write the comment, or the one that is already there", NUMBER="7", RUN="u")
    assert ran.calls[-1].startswith("api --silent --method PATCH repos/acme/databases/issues/comments/5")


@pytest.mark.parametrize("left", [None, "", "<!-- reconciler:plan -->\n"])
def test_where_there_is_no_plan_the_comment_leads_to_the_log(runner: Runner, left: str | None) -> None:
    answer(runner, "comments", [])
    if left is not None:
        (runner.work / "plan.md").write_text(left)
    ran = runner.run(
        "plan.yml", "comment", "Write the comment, or the one that is already there", NUMBER="7", RUN="https://x/1"
    )
    assert ran.code == 0, ran.stdout
    assert ran.body is not None
    assert ran.body.startswith("<!-- reconciler:plan -->\n### There is no plan")
    assert "https://x/1" in ran.body


def test_the_digests_come_from_the_bots_comment_on_the_merged_pull_request(runner: Runner) -> None:
    answer(runner, "pulls", [{"number": 6, "merged_at": None}, {"number": 7, "merged_at": "2026-01-01T00:00:00Z"}])
    two = PLAN.format(digest=FIRST) + f"### `other`\n\nDigest `{SECOND}`\n"
    forged = {"id": 1, "user": {"login": "eve"}, "body": PLAN.format(digest="f" * 64)}
    answer(runner, "comments", [forged, {"id": 2, "user": BOT, "body": two}])
    ran = runner.run("apply.yml", "shown", "Read the digests of the plan that the pull request showed")
    assert ran.code == 0, ran.stdout
    assert ran.outputs == f"digests={FIRST} {SECOND} \n"


@pytest.mark.parametrize(
    ("pulls", "comments"),
    [
        ([], []),
        ([{"number": 7, "merged_at": None}], []),
        ([{"number": 7, "merged_at": "2026-01-01T00:00:00Z"}], []),
        ([{"number": 7, "merged_at": "2026-01-01T00:00:00Z"}], [{"user": BOT, "body": "<!-- reconciler:plan -->\n### There is no plan"}]),
    ],
)  # fmt: skip
def test_without_a_plan_that_was_shown_nothing_is_applied(runner: Runner, pulls: list, comments: list) -> None:
    answer(runner, "pulls", pulls)
    answer(runner, "comments", comments)
    ran = runner.run("apply.yml", "shown", "Read the digests of the plan that the pull request showed")
    assert (ran.code, ran.outputs) == (3, "")
    assert "::error::" in ran.stdout


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_apply_expects_every_digest_and_ends_as_the_program_does(runner: Runner, code: int) -> None:
    ran = runner.run(
        "apply.yml", "apply", "Apply", prints="what became of it\n", ends_with=code, SPECS="s.yaml",
        DIGESTS=f"{FIRST} {SECOND} ", CREDENTIALS="",
    )  # fmt: skip
    assert ran.calls == [f"apply --file s.yaml --yes --expect {FIRST} --expect {SECOND} --format markdown"]
    assert (ran.code, ran.summary) == (code, "what became of it\n")


@pytest.mark.parametrize(("code", "said"), [(0, "drifted=no\n"), (2, "drifted=yes\n"), (1, ""), (3, "")])
def test_only_a_drift_that_could_be_told_is_told(runner: Runner, code: int, said: str) -> None:
    ran = runner.run("drift.yml", "drift", "Look for drift", ends_with=code, SPECS="specs/", CREDENTIALS="")
    assert ran.outputs == said
    assert ran.code == (0 if said else code)


DRIFT = "<!-- reconciler:drift -->\n### `acme`: drift\n"
OPEN = [{"number": 3, "user": BOT, "body": DRIFT, "pull_request": {}}, {"number": 4, "user": BOT, "body": None}, {"number": 9, "user": BOT, "body": DRIFT}]  # fmt: skip


@pytest.mark.parametrize(
    ("drifted", "issues", "call"),
    [
        ("yes", [], "--method POST repos/acme/databases/issues --raw-field title="),
        ("yes", OPEN, "--method PATCH repos/acme/databases/issues/9 --field body="),
        ("no", OPEN, "--method PATCH repos/acme/databases/issues/9 --raw-field state=closed"),
        ("no", [], None),
    ],
)
def test_drift_is_one_issue_that_is_opened_updated_and_closed(
    runner: Runner, drifted: str, issues: list, call: str | None
) -> None:
    answer(runner, "issues", issues)
    (runner.work / "drift.md").write_text(DRIFT)
    ran = runner.run("drift.yml", "issue", "Open, update or close the issue", DRIFTED=drifted)
    assert ran.code == 0, ran.stdout
    written = ran.calls[1:]
    assert written == [] if call is None else call in written[0]
    assert ran.body == (None if call is None else DRIFT)
