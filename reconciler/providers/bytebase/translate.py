"""From Bytebase's messages to facts about a change. Pure: words not heard of become UNKNOWN, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.ids import last_segment
from reconciler.providers.bytebase.wire import email_of
from reconciler.providers.bytebase.wire_changes import (
    WireCheckResult,
    WireCheckRun,
    WireComment,
    WireIssue,
    WireRelease,
    WireRollout,
    WireTask,
    WireTaskRun,
)
from reconciler.subjects.change import (
    ACTIVE,
    CheckFinding,
    Checks,
    CheckStatus,
    Comment,
    Issue,
    ReviewStatus,
    StepAnswer,
    Task,
    TaskRun,
    TaskStatus,
)

_CHECK_LEVELS = {"SUCCESS": CheckStatus.SUCCESS, "WARNING": CheckStatus.WARNING, "ERROR": CheckStatus.ERROR}
_WEIGHTS = [CheckStatus.SUCCESS, CheckStatus.WARNING, CheckStatus.ERROR]
_RUN_AS_TASK = {"AVAILABLE": "PENDING"}


def task_status(word: str) -> TaskStatus:
    """A task's or run's status; UNKNOWN for any other word."""
    try:
        return TaskStatus(_RUN_AS_TASK.get(word, word))
    except ValueError:
        return TaskStatus.UNKNOWN


def newest_runs(runs: Sequence[WireTaskRun]) -> Mapping[str, WireTaskRun]:
    """The newest run of each task by the task's name; runs come oldest first (facts §10.3)."""
    return {run.name.partition("/taskRuns/")[0]: run for run in runs}


def agrees(rollout: WireRollout, runs: Mapping[str, WireTaskRun]) -> bool:
    """Whether statuses and runs were read at one moment: a task shows its newest run's status (facts §10.2)."""
    return all(_fits(task, runs.get(task.name)) for stage in rollout.stages for task in stage.tasks)


def _fits(task: WireTask, run: WireTaskRun | None) -> bool:
    status = task_status(task.status)
    if status in (TaskStatus.SKIPPED, TaskStatus.UNKNOWN):
        return True
    of_run = task_status(run.status) if run is not None else TaskStatus.NOT_STARTED
    return status is of_run or of_run is TaskStatus.UNKNOWN or (status in ACTIVE and of_run in ACTIVE)


def task_of(task: WireTask, run: WireTaskRun | None, releases: Mapping[str, WireRelease]) -> Task:
    """The facts about one task. `releases` holds those that tasks refer to."""
    update = task.database_update
    created = task.database_create or task.database_data_export
    release = update.release if update is not None else ""
    sheet = update.sheet if update is not None else created.sheet if created is not None else ""
    return Task(
        name=task.name,
        target=task.target,
        type=task.type,
        status=task_status(task.status),
        sheet=sheet or None,
        release=release or None,
        release_files=release_files(releases[release]) if release else (),
        prior_backup=update.enable_prior_backup if update is not None else False,
        newest_run=TaskRun(run.name, email_of(run.creator), run.detail) if run is not None else None,
    )


def release_files(release: WireRelease) -> tuple[tuple[str, str, str], ...]:
    """A release's files as (path, version, digest of the SQL)."""
    return tuple((file.path, file.version, file.sheet_sha256 or file.sheet) for file in release.files)


def issue_of(issue: WireIssue) -> Issue:
    """The facts about an issue."""
    try:
        review = ReviewStatus(issue.approval_status)
    except ValueError:
        review = ReviewStatus.UNKNOWN
    return Issue(
        name=issue.name,
        number=last_segment(issue.name),
        title=issue.title,
        creator=email_of(issue.creator),
        status=issue.status,
        review=review,
        roles=issue.roles,
        answers=tuple(StepAnswer(email_of(each.principal), each.status == "APPROVED") for each in issue.approvers),
        labels=tuple(sorted(issue.labels)),
        risk=issue.risk_level,
    )


def checks_of(run: WireCheckRun | None) -> Checks:
    """The facts about a plan's checks. A run that failed or was cancelled counts as an error: nothing was proved."""
    if run is None:
        return Checks(CheckStatus.NONE)
    if run.status == "RUNNING":
        return Checks(CheckStatus.RUNNING)
    levels = [_CHECK_LEVELS.get(result.status, CheckStatus.ERROR) for result in run.results]
    findings = [_finding(result) for result in run.results]
    if run.status != "DONE":
        levels.append(CheckStatus.ERROR)
        findings.append(
            CheckFinding(CheckStatus.ERROR, "", f"the checks ended as {run.status or 'nothing'}", run.error)
        )
    reports = [result.sql_summary_report for result in run.results if result.sql_summary_report is not None]
    return Checks(
        status=max(levels, key=_WEIGHTS.index, default=CheckStatus.NONE),
        findings=tuple(finding for finding in findings if finding.status is not CheckStatus.SUCCESS),
        statement_types=tuple(sorted({kind for report in reports for kind in report.statement_types})),
        affected_rows=sum(report.affected_rows for report in reports) if reports else None,
    )


def _finding(result: WireCheckResult) -> CheckFinding:
    level = _CHECK_LEVELS.get(result.status, CheckStatus.ERROR)
    return CheckFinding(level, result.target, result.title, result.content)


def comment_of(comment: WireComment) -> Comment:
    """The facts about a plain comment."""
    edited = comment.update_time is not None and comment.update_time != comment.create_time
    return Comment(comment.name, email_of(comment.creator), comment.comment, comment.create_time, edited)
