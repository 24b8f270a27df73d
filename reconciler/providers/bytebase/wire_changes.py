"""Messages about changes: issues and their comments, plans and checks, sheets and releases, rollouts and task runs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field

from reconciler.providers.bytebase.channel import Page
from reconciler.providers.bytebase.wire import Wire, Word


class WireApprover(Wire):
    """Who answered a step of the flow, and how; the place in the list is the step."""

    status: Word = ""
    principal: str = ""


class WireFlow(Wire):
    """The roles whose holders answer, one after another."""

    roles: tuple[str, ...] = ()


class WireTemplate(Wire):
    """The approval template that was found for an issue."""

    flow: WireFlow = WireFlow()
    title: str = ""
    description: str = ""


class WireIssue(Wire):
    """An issue (facts §8.1). It is DONE as soon as its rollout exists."""

    name: str
    title: str = ""
    description: str = ""
    type: Word = ""
    status: Word = ""
    approvers: tuple[WireApprover, ...] = ()
    approval_template: WireTemplate | None = None
    approval_status: Word = ""
    creator: str = ""
    plan: str = ""
    risk_level: Word = ""
    labels: tuple[str, ...] = ()
    draft: bool = False
    create_time: datetime | None = None
    update_time: datetime | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the approval flow; empty where there is none."""
        return self.approval_template.flow.roles if self.approval_template else ()

    @property
    def pending_role(self) -> str | None:
        """The role that answers next. PENDING alone does not mean that there is one (facts §7.2)."""
        is_pending = self.approval_status == "PENDING" and len(self.approvers) < len(self.roles)
        return self.roles[len(self.approvers)] if is_pending else None


class WireIssues(Page[WireIssue]):
    """A page of issues."""

    issues: tuple[WireIssue, ...] = ()

    @property
    def items(self) -> Sequence[WireIssue]:
        """The issues."""
        return self.issues


class WireComment(Wire):
    """An entry of an issue's timeline; a plain comment has none of the events."""

    name: str
    comment: str = ""
    creator: str = ""
    create_time: datetime
    update_time: datetime | None = None
    approval: Mapping[str, object] | None = None
    issue_update: Mapping[str, object] | None = None
    plan_update: Mapping[str, object] | None = None
    plan_spec_update: Mapping[str, object] | None = None
    review_submission: Mapping[str, object] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether somebody wrote it, and it is not the record of an event."""
        events = (self.approval, self.issue_update, self.plan_update, self.plan_spec_update, self.review_submission)
        return all(event is None for event in events)


class WireComments(Page[WireComment]):
    """A page of comments, oldest first."""

    issue_comments: tuple[WireComment, ...] = ()

    @property
    def items(self) -> Sequence[WireComment]:
        """The comments."""
        return self.issue_comments


class WireChangeConfig(Wire):
    """What a change spec does to which databases."""

    targets: tuple[str, ...] = ()
    sheet: str = ""
    release: str = ""
    enable_prior_backup: bool = False


class WireCreateConfig(Wire):
    """A database to be created."""

    target: str = ""
    database: str = ""
    environment: str = ""


class WireSpec(Wire):
    """One spec of a plan; exactly one kind is set."""

    id: str = ""
    change_database_config: WireChangeConfig | None = None
    create_database_config: WireCreateConfig | None = None


class WireStatusCount(Wire):
    """How many tasks of a stage have a status."""

    status: Word = ""
    count: int = 0


class WireStageSummary(Wire):
    """A stage in a plan's summary (3.17+), in rollout order."""

    stage: str
    task_status_counts: tuple[WireStatusCount, ...] = ()


class WirePlan(Wire):
    """A plan (facts §9.1)."""

    name: str
    state: Word = ""
    issue: str = ""
    title: str = ""
    description: str = ""
    specs: tuple[WireSpec, ...] = ()
    creator: str = ""
    create_time: datetime
    update_time: datetime | None = None
    plan_check_run_status_count: Mapping[str, int] = Field(default_factory=dict)
    has_rollout: bool = False
    approval_status: Word = ""
    issue_status: Word = ""
    rollout_stage_summaries: tuple[WireStageSummary, ...] = ()


class WirePlans(Page[WirePlan]):
    """A page of plans, newest first."""

    plans: tuple[WirePlan, ...] = ()

    @property
    def items(self) -> Sequence[WirePlan]:
        """The plans."""
        return self.plans


class WireSummaryReport(Wire):
    """What a check found out about a statement."""

    statement_types: tuple[Word, ...] = ()
    affected_rows: int = 0


class WireCheckResult(Wire):
    """One line of a plan check."""

    status: Word = ""
    title: str = ""
    content: str = ""
    code: int = 0
    target: str = ""
    type: Word = ""
    sql_summary_report: WireSummaryReport | None = None


class WireCheckRun(Wire):
    """The plan's checks."""

    name: str
    status: Word = ""
    results: tuple[WireCheckResult, ...] = ()
    error: str = ""


class WireSheet(Wire):
    """A statement. `content` may be cut at 2 MiB; `content_size` is its whole size in bytes."""

    name: str
    content: str = Field(default="", repr=False)
    content_size: int = 0

    @property
    def raw(self) -> bytes:
        """The bytes that were sent; empty where they are not base64."""
        try:
            return base64.b64decode(self.content, validate=True)
        except binascii.Error:
            return b""

    @property
    def is_complete(self) -> bool:
        """Whether the content is all there is."""
        return len(self.raw) >= self.content_size


class WireReleaseFile(Wire):
    """One file of a release."""

    path: str = ""
    version: str = ""
    sheet: str = ""
    sheet_sha256: str = Field(default="", alias="sheetSha256")


class WireRelease(Wire):
    """A release: versioned files, of which each database gets those it has not had."""

    name: str
    type: Word = ""
    files: tuple[WireReleaseFile, ...] = ()
    creator: str = ""


class WireDatabaseUpdate(Wire):
    """What a migration task runs."""

    sheet: str = ""
    release: str = ""
    enable_prior_backup: bool = False


class WireDatabaseCreate(Wire):
    """What a create-database task runs."""

    sheet: str = ""


class WireTask(Wire):
    """A task of a stage (facts §10.1)."""

    name: str
    spec_id: str = ""
    status: Word = ""
    skipped_reason: str = ""
    type: Word = ""
    target: str = ""
    database_create: WireDatabaseCreate | None = None
    database_update: WireDatabaseUpdate | None = None
    database_data_export: WireDatabaseCreate | None = None
    run_time: datetime | None = None


class WireStage(Wire):
    """A stage: the tasks of one environment."""

    name: str
    id: str = ""
    environment: str = ""
    tasks: tuple[WireTask, ...] = ()


class WireRollout(Wire):
    """A rollout with its stages in order; a stage of a deleted environment is not shown (facts §7.4)."""

    name: str
    title: str = ""
    stages: tuple[WireStage, ...] = ()
    update_time: datetime | None = None


class WireRollouts(Page[WireRollout]):
    """A page of rollouts, newest first."""

    rollouts: tuple[WireRollout, ...] = ()

    @property
    def items(self) -> Sequence[WireRollout]:
        """The rollouts."""
        return self.rollouts


class WireTaskRun(Wire):
    """An attempt of a task; `creator` is empty for runs that Bytebase started by itself."""

    name: str
    creator: str = ""
    status: Word = ""
    detail: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None


class WireTaskRuns(Wire):
    """The runs of a rollout, oldest first, never paged."""

    task_runs: tuple[WireTaskRun, ...] = ()
