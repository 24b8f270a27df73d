"""Facts about one change in Bytebase: its plan, issue, checks, rollout, stages and tasks. Data only.

Shapes follow Bytebase 3.14+: a change is a plan; its stages exist once it has a rollout, and its issue is DONE from then on.
People are Bytebase e-mails in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TaskStatus(StrEnum):
    """A task's status as Bytebase shows it; UNKNOWN stands for any word this version has not heard of."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"


FINISHED = frozenset({TaskStatus.DONE, TaskStatus.SKIPPED})
RUNNABLE = frozenset({TaskStatus.NOT_STARTED, TaskStatus.FAILED, TaskStatus.CANCELED})
ACTIVE = frozenset({TaskStatus.PENDING, TaskStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class TaskRun:
    """The newest attempt of a task: its full name, the e-mail that started it ('' = Bytebase itself) and its error text."""

    name: str
    creator: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a stage. `release_files` are (path, version, sha256) of a release's files; exactly one source is set."""

    name: str
    target: str
    type: str
    status: TaskStatus
    sheet: str | None = None
    release: str | None = None
    release_files: tuple[tuple[str, str, str], ...] = ()
    prior_backup: bool = False
    newest_run: TaskRun | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a rollout, named `projects/*/plans/*/rollout/stages/*`, with its environment's rollout policy."""

    name: str
    environment: str
    title: str
    tasks: tuple[Task, ...]
    automatic: bool = False
    policy_roles: tuple[str, ...] = ()

    @property
    def runnable(self) -> tuple[Task, ...]:
        """Tasks that `batchRun` would start."""
        return tuple(task for task in self.tasks if task.status in RUNNABLE)

    @property
    def is_finished(self) -> bool:
        """Whether every task is DONE or SKIPPED."""
        return all(task.status in FINISHED for task in self.tasks)


class CheckStatus(StrEnum):
    """The worst outcome of the plan's checks; NONE when there are none."""

    NONE = "none"
    RUNNING = "running"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One line of a plan check worth showing to an approver."""

    status: CheckStatus
    target: str
    title: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Checks:
    """The plan's checks: worst status, findings, statement types and affected rows where Bytebase reports them."""

    status: CheckStatus
    findings: tuple[CheckFinding, ...] = ()
    statement_types: tuple[str, ...] = ()
    affected_rows: int | None = None


class ReviewStatus(StrEnum):
    """The issue's approval status; UNKNOWN for words not heard of."""

    CHECKING = "CHECKING"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """How one step of a review was answered, and by whom; '' where Bytebase does not say."""

    email: str
    is_approval: bool


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """The step of an issue's review that is to be answered, named `projects/*/issues/*#<index>`.

    `flow` are the roles of all steps in order, empty while Bytebase has not found the flow yet. `tasks` are what would
    run, one per target and statement; they exist in no rollout. `environments` are those of the targets.
    """

    name: str
    index: int
    flow: tuple[str, ...]
    template: str
    environments: tuple[str, ...]
    tasks: tuple[Task, ...]

    @property
    def role(self) -> str:
        """The role that may answer it, '' while the flow is not known."""
        return self.flow[self.index] if self.index < len(self.flow) else ""


Question = Stage | ReviewStep
"""What an approver is asked about."""


@dataclass(frozen=True, slots=True)
class Issue:
    """The issue of a change. `number` is what people call it (`#101`); `answers` are those of its review, by step."""

    name: str
    number: str
    title: str
    creator: str
    status: str
    review: ReviewStatus
    roles: tuple[str, ...] = ()
    answers: tuple[StepAnswer, ...] = ()
    labels: tuple[str, ...] = ()
    risk: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Everything known about one change at one moment, read whole or not at all.

    `stages` are in rollout order and empty while there is no rollout. `step` is what its review waits for, None where it
    waits for nothing. `by_pipeline`: its creator is no person but a service account or workload identity.
    """

    plan: str
    project: str
    title: str
    creator: str
    created: datetime
    is_active: bool
    checks: Checks
    stages: tuple[Stage, ...]
    issue: Issue | None = None
    step: ReviewStep | None = None
    project_title: str = ""
    project_labels: tuple[tuple[str, str], ...] = ()
    by_pipeline: bool = False
    link: str = ""

    @property
    def display_title(self) -> str:
        """The title people know the change by."""
        return self.issue.title if self.issue else self.title

    @property
    def number(self) -> str:
        """`#101` for an issue, `plan 101` without one."""
        return f"#{self.issue.number}" if self.issue else f"plan {self.plan.rsplit('/', 1)[-1]}"

    @property
    def requesters(self) -> frozenset[str]:
        """Everyone who asked for this change: the plan's and the issue's creator."""
        return frozenset({self.creator, self.issue.creator} if self.issue else {self.creator}) - {""}

    @property
    def frontier(self) -> Stage | None:
        """The first stage with an unfinished task, in rollout order; None when all is done or nothing exists."""
        return next((stage for stage in self.stages if not stage.is_finished), None)

    def question(self, subject: str) -> Question | None:
        """The stage or the pending review step of that name, if there is one now."""
        if self.step is not None and self.step.name == subject:
            return self.step
        return self.stage(subject)

    def stage(self, name: str) -> Stage | None:
        """The stage of that full name, if the rollout still shows it."""
        return next((stage for stage in self.stages if stage.name == name), None)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL that tasks run: its text (possibly cut), its full size in bytes, and the tasks that run it."""

    text: str
    size: int
    tasks: tuple[str, ...]
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue. `edited` is true when it was changed after it was written."""

    name: str
    creator: str
    text: str
    created: datetime
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Who may decide a subject now, by Bytebase e-mail, and what could not be understood while finding out.

    `notes` say what failed closed (an unknown group, a condition not understood): people may be missing for it.
    `too_many`: more people than the gate's limit, or `allUsers`; then nobody is asked, whoever `people` names.
    """

    people: frozenset[str]
    notes: tuple[str, ...] = ()
    too_many: bool = False
