"""The frontier, told from a list, against a brute-force model; statuses and runs read at one moment; words not heard of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.bytebase.frontier import seen_in_plan, seen_in_rollout
from reconciler.providers.bytebase.translate import agrees, checks_of, issue_of, newest_runs, task_of, task_status
from reconciler.providers.bytebase.wire_changes import (
    WireCheckRun,
    WireIssue,
    WirePlan,
    WireRelease,
    WireRollout,
    WireTask,
    WireTaskRun,
)
from reconciler.subjects.change import (
    ACTIVE,
    Change,
    Checks,
    CheckStatus,
    ReviewStatus,
    Stage,
    Task,
    TaskStatus,
)

PLAN = "projects/demo/plans/101"
WORDS = ["NOT_STARTED", "PENDING", "RUNNING", "DONE", "FAILED", "CANCELED", "SKIPPED", "PONDERING"]
WHEN = "2026-11-22T15:00:00Z"

rollouts = st.lists(st.lists(st.sampled_from(WORDS), max_size=5), max_size=5)


def plan_of(stages: list[list[str]], **more: Any) -> WirePlan:
    summaries = [
        {
            "stage": f"{PLAN}/rollout/stages/env{n}",
            "taskStatusCounts": [{"status": word, "count": words.count(word)} for word in sorted(set(words))],
        }
        for n, words in enumerate(stages)
    ]
    return WirePlan.model_validate({"name": PLAN, "createTime": WHEN, "rolloutStageSummaries": summaries, **more})


def rollout_of(stages: list[list[str]]) -> WireRollout:
    return WireRollout.model_validate(
        {
            "name": f"{PLAN}/rollout",
            "stages": [
                {
                    "name": f"{PLAN}/rollout/stages/env{n}",
                    "tasks": [
                        {"name": f"{PLAN}/rollout/stages/env{n}/tasks/{i}", "status": word}
                        for i, word in enumerate(words)
                    ],
                }
                for n, words in enumerate(stages)
            ],
        }
    )


def brute_force_frontier(stages: list[list[str]]) -> str | None:
    """By the definition, word for word: no earlier stage has an unfinished task, and this one has."""
    for n, words in enumerate(stages):
        earlier_done = all(word in {"DONE", "SKIPPED"} for before in stages[:n] for word in before)
        if earlier_done and any(word not in {"DONE", "SKIPPED"} for word in words):
            return f"{PLAN}/rollout/stages/env{n}"
    return None


def change_of(stages: list[list[str]]) -> Change:
    wire = rollout_of(stages)
    return Change(
        plan=PLAN,
        project="projects/demo",
        title="",
        creator="",
        created=plan_of([]).create_time,
        is_active=True,
        checks=Checks(CheckStatus.NONE),
        stages=tuple(
            Stage(stage.name, stage.environment, "", tuple(task_of(task, None, {}) for task in stage.tasks))
            for stage in wire.stages
        ),
    )


@given(rollouts)
def test_list_rollout_and_observation_name_the_same_frontier_as_the_definition(stages: list[list[str]]) -> None:
    expected = brute_force_frontier(stages)
    observed = change_of(stages).frontier
    assert seen_in_plan(plan_of(stages)).frontier == expected
    assert seen_in_rollout(rollout_of(stages)).frontier == expected
    assert (observed.name if observed is not None else None) == expected


@given(rollouts)
def test_a_stage_waits_exactly_if_it_is_the_frontier_with_work_to_start_and_none_under_way(
    stages: list[list[str]],
) -> None:
    change = change_of(stages)
    for n, (stage, words) in enumerate(zip(change.stages, stages, strict=True)):
        waits = (
            change.frontier is stage and bool(stage.runnable) and not any(task.status in ACTIVE for task in stage.tasks)
        )
        by_force = (
            all(word in {"DONE", "SKIPPED"} for before in stages[:n] for word in before)
            and any(word in {"NOT_STARTED", "FAILED", "CANCELED"} for word in words)
            and not any(word in {"PENDING", "RUNNING"} for word in words)
        )
        assert waits == by_force


@given(rollouts, rollouts)
def test_the_signal_differs_exactly_when_the_stages_do(one: list[list[str]], other: list[list[str]]) -> None:
    same = [sorted(words) for words in one] == [sorted(words) for words in other]
    assert (seen_in_plan(plan_of(one)).sighting() == seen_in_plan(plan_of(other)).sighting()) == same


def test_the_signal_differs_when_the_plan_is_closed_or_the_rights_change() -> None:
    active = seen_in_plan(plan_of([["NOT_STARTED"]], state="ACTIVE"))
    closed = seen_in_plan(plan_of([["NOT_STARTED"]], state="DELETED"))
    assert active.sighting().signal != closed.sighting().signal
    assert active.sighting("alice").signal != active.sighting("bob").signal
    assert active.sighting().project == "projects/demo"


def test_counts_of_zero_do_not_keep_a_stage_open() -> None:
    body = {"stage": "s", "taskStatusCounts": [{"status": "FAILED"}, {"status": "DONE", "count": 2}]}
    plan = WirePlan.model_validate({"name": PLAN, "createTime": WHEN, "rolloutStageSummaries": [body]})
    assert seen_in_plan(plan).frontier is None


def run_of(number: int, status: str, task: str = f"{PLAN}/rollout/stages/env0/tasks/0", **more: Any) -> WireTaskRun:
    return WireTaskRun.model_validate({"name": f"{task}/taskRuns/{number}", "status": status, **more})


def test_the_newest_run_is_the_last_in_the_list() -> None:
    runs = newest_runs([run_of(9, "FAILED"), run_of(10, "DONE")])
    assert [run.name.rsplit("/", 1)[1] for run in runs.values()] == ["10"]


@pytest.mark.parametrize(
    ("task", "run", "fits"),
    [
        ("NOT_STARTED", None, True),
        ("NOT_STARTED", "PENDING", False),
        ("PENDING", "AVAILABLE", True),
        ("RUNNING", "PENDING", True),
        ("DONE", "RUNNING", False),
        ("DONE", "DONE", True),
        ("PENDING", None, False),
        ("FAILED", "DONE", False),
        ("SKIPPED", "FAILED", True),
        ("SKIPPED", None, True),
        ("PONDERING", None, True),
        ("DONE", "PONDERING", True),
    ],
)
def test_status_and_run_of_different_moments_are_noticed(task: str, run: str | None, fits: bool) -> None:
    assert agrees(rollout_of([[task]]), newest_runs([run_of(1, run)] if run else [])) is fits


def test_a_task_keeps_what_decides_about_it() -> None:
    wire = WireTask.model_validate(
        {
            "name": "t",
            "status": "FAILED",
            "type": "DATABASE_MIGRATE",
            "target": "instances/i/databases/d",
            "databaseUpdate": {"sheet": "projects/demo/sheets/a", "enablePriorBackup": True},
        }
    )
    run = WireTaskRun(name="t/taskRuns/7", creator="users/Bob@x.example", status="FAILED", detail="ERROR: boom")
    task = task_of(wire, run, {})
    assert isinstance(task, Task)
    assert (task.sheet, task.release, task.prior_backup) == ("projects/demo/sheets/a", None, True)
    assert task.newest_run is not None
    assert (task.newest_run.name, task.newest_run.creator, task.newest_run.detail) == (
        "t/taskRuns/7",
        "bob@x.example",
        "ERROR: boom",
    )


def test_a_run_that_bytebase_started_by_itself_has_no_creator() -> None:
    run = WireTaskRun(name="t/taskRuns/7", creator="users/", status="RUNNING")
    task = task_of(WireTask(name="t", status="RUNNING"), run, {})
    assert task.newest_run is not None
    assert task.newest_run.creator == ""


def test_a_release_task_carries_its_files_digests_and_a_created_database_its_sheet() -> None:
    release = WireRelease.model_validate(
        {"name": "projects/demo/releases/r", "files": [{"path": "1.sql", "version": "1", "sheetSha256": "ab"}]}
    )
    wire = WireTask.model_validate({"name": "t", "databaseUpdate": {"release": release.name}})
    task = task_of(wire, None, {release.name: release})
    assert (task.sheet, task.release, task.release_files) == (None, release.name, (("1.sql", "1", "ab"),))
    created = WireTask.model_validate({"name": "t", "databaseCreate": {"sheet": "projects/demo/sheets/c"}})
    assert task_of(created, None, {}).sheet == "projects/demo/sheets/c"


def test_words_not_heard_of_become_unknown() -> None:
    assert task_status("PONDERING") is TaskStatus.UNKNOWN
    assert task_status("") is TaskStatus.UNKNOWN
    assert issue_of(WireIssue(name="projects/demo/issues/1", approval_status="HMM")).review is ReviewStatus.UNKNOWN


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (None, CheckStatus.NONE),
        ({"status": "RUNNING"}, CheckStatus.RUNNING),
        ({"status": "DONE"}, CheckStatus.NONE),
        ({"status": "DONE", "results": [{"status": "SUCCESS"}]}, CheckStatus.SUCCESS),
        ({"status": "DONE", "results": [{"status": "SUCCESS"}, {"status": "WARNING"}]}, CheckStatus.WARNING),
        ({"status": "DONE", "results": [{"status": "ERROR"}, {"status": "WARNING"}]}, CheckStatus.ERROR),
        ({"status": "DONE", "results": [{"status": "PONDERING"}]}, CheckStatus.ERROR),
        ({"status": "FAILED", "error": "no connection"}, CheckStatus.ERROR),
        ({"status": "CANCELED", "results": [{"status": "SUCCESS"}]}, CheckStatus.ERROR),
        ({"status": "PONDERING"}, CheckStatus.ERROR),
    ],
)
def test_checks_are_as_bad_as_their_worst_line_and_unclear_ones_are_bad(run: Any, status: CheckStatus) -> None:
    wire = WireCheckRun.model_validate({"name": f"{PLAN}/planCheckRun", **run}) if run is not None else None
    assert checks_of(wire).status is status


def test_checks_tell_types_rows_and_only_what_went_wrong() -> None:
    run = WireCheckRun.model_validate(
        {
            "name": "c",
            "status": "DONE",
            "results": [
                {
                    "status": "SUCCESS",
                    "sqlSummaryReport": {"statementTypes": ["UPDATE", "DELETE"], "affectedRows": "12"},
                },
                {"status": "SUCCESS", "sqlSummaryReport": {"statementTypes": ["UPDATE"], "affectedRows": "30"}},
                {"status": "WARNING", "title": "No WHERE", "content": "…", "target": "instances/i/databases/d"},
            ],
        }
    )
    checks = checks_of(run)
    assert (checks.statement_types, checks.affected_rows) == (("DELETE", "UPDATE"), 42)
    assert [(finding.title, finding.target) for finding in checks.findings] == [("No WHERE", "instances/i/databases/d")]
    assert checks_of(WireCheckRun(name="c", status="DONE")).affected_rows is None
