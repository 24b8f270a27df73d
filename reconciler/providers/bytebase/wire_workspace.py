"""Messages about the workspace: settings, policies, projects, version, licence, audit entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field

from reconciler.providers.bytebase.channel import Page
from reconciler.providers.bytebase.wire import Wire, Word
from reconciler.providers.bytebase.wire_changes import WireTemplate
from reconciler.providers.bytebase.wire_people import WireExpr


class WireImEntry(Wire):
    """One configured IM; only its type can be read (facts §7.1)."""

    type: Word = ""


class WireIm(Wire):
    """The IM setting."""

    settings: tuple[WireImEntry, ...] = ()


class WireRule(Wire):
    """One approval rule; without a source it is a fallback rule."""

    source: Word = ""
    condition: WireExpr = WireExpr()
    template: WireTemplate = WireTemplate()


class WireRules(Wire):
    """The ordered approval rules."""

    rules: tuple[WireRule, ...] = ()


class WireEnvironment(Wire):
    """An environment; the order of the list is the order of every rollout."""

    id: str
    name: str = ""
    title: str = ""
    tags: Mapping[str, str] = Field(default_factory=dict)


class WireEnvironments(Wire):
    """The ordered environments."""

    environments: tuple[WireEnvironment, ...] = ()


class WireProfile(Wire):
    """The part of the workspace profile that concerns us."""

    external_url: str = ""


class WireSettingValue(Wire):
    """The value of one setting; exactly one part is set."""

    app_im: WireIm | None = None
    workspace_approval: WireRules | None = None
    environment: WireEnvironments | None = None
    workspace_profile: WireProfile | None = None


class WireSetting(Wire):
    """A setting."""

    name: str
    value: WireSettingValue = WireSettingValue()


class WireSettings(Wire):
    """All settings."""

    settings: tuple[WireSetting, ...] = ()


class WireRolloutPolicy(Wire):
    """Whether an environment's tasks start by themselves, and whose holders may run them."""

    automatic: bool = False
    roles: tuple[str, ...] = ()


class WirePolicy(Wire):
    """A policy of an environment."""

    name: str
    type: Word = ""
    rollout_policy: WireRolloutPolicy = WireRolloutPolicy()


class WirePolicies(Wire):
    """The policies written for an environment."""

    policies: tuple[WirePolicy, ...] = ()


class WireWebhook(Wire):
    """A webhook of a project."""

    name: str
    type: Word = ""
    title: str = ""
    url: str = Field(default="", repr=False)
    direct_message: bool = False
    notification_types: tuple[Word, ...] = ()


class WireLabel(Wire):
    """A label that issues of a project may carry."""

    value: str = ""


class WireProject(Wire):
    """A project and its flags; a flag that is false is left out by the server."""

    name: str
    title: str = ""
    state: Word = ""
    webhooks: tuple[WireWebhook, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    issue_labels: tuple[WireLabel, ...] = ()
    force_issue_labels: bool = False
    enforce_issue_title: bool = False
    enforce_sql_review: bool = False
    allow_self_approval: bool = False
    require_issue_approval: bool = False
    require_plan_check_no_error: bool = False
    allow_request_role: bool = False
    parallel_tasks_per_rollout: int = 0


class WireProjects(Page[WireProject]):
    """A page of projects."""

    projects: tuple[WireProject, ...] = ()

    @property
    def items(self) -> Sequence[WireProject]:
        """The projects."""
        return self.projects


class WireActuator(Wire):
    """What a server says of itself."""

    version: str = ""
    external_url: str = ""
    external_url_from_flag: bool = False
    workspace: str = ""
    default_project: str = ""
    saas: bool = False


class WireSubscription(Wire):
    """The licence plan: FREE, TEAM or ENTERPRISE."""

    plan: Word = ""
    expires_time: datetime | None = None


class WireWorkspace(Wire):
    """The workspace."""

    name: str
    title: str = ""


class WireDatabase(Wire):
    """A database and the environment it is in."""

    name: str
    project: str = ""
    effective_environment: str = ""


class WireAuditStatus(Wire):
    """How an audited call failed; absent on success."""

    code: int = 0
    message: str = ""


class WireAuditEntry(Wire):
    """One audited call; `request` is JSON text and may hold secrets (facts §7.1), so it is never shown."""

    name: str
    create_time: datetime
    user: str = ""
    method: str = ""
    resource: str = ""
    request: str = Field(default="", repr=False)
    status: WireAuditStatus | None = None


class WireAuditEntries(Page[WireAuditEntry]):
    """A page of audit entries."""

    audit_logs: tuple[WireAuditEntry, ...] = ()

    @property
    def items(self) -> Sequence[WireAuditEntry]:
        """The entries."""
        return self.audit_logs
