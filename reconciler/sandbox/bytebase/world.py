"""Everything the stand-in knows: plain state of one workspace. No behaviour beyond numbering."""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.sandbox.bytebase.call import Message
from reconciler.sandbox.seed import BytebaseSeed

FIRST_NUMBER = 101


@dataclass
class Binding:
    """A role, who holds it, and under which condition (`{}`, or `{"expression": …}`)."""

    role: str
    members: list[str]
    condition: Message = field(default_factory=dict)


@dataclass
class IamPolicy:
    """Bindings and when they were last set; the e-tag is that time in milliseconds."""

    bindings: list[Binding]
    updated: datetime

    @property
    def etag(self) -> str:
        """The e-tag that a write may name."""
        return str(int(self.updated.timestamp() * 1000))


@dataclass
class User:
    """A person. `groups` is derived, `profile` holds the last login."""

    email: str
    password: str
    title: str
    is_active: bool = True
    phone: str = ""
    profile: Message = field(default_factory=dict)


@dataclass
class Account:
    """A service account or workload identity; `parent` is the workspace or a project. `title` as given."""

    email: str
    title: str
    parent: str
    key: str = ""
    is_active: bool = True
    config: Message = field(default_factory=dict)


@dataclass
class Group:
    """A group of users; members in API shape (`{"member": "users/…", "role": "OWNER"}`)."""

    email: str
    title: str
    description: str = ""
    members: list[Message] = field(default_factory=list)


@dataclass
class Role:
    """A role with its permissions; built-in ones cannot be changed."""

    id: str
    title: str
    description: str
    permissions: tuple[str, ...]
    is_built_in: bool = False


@dataclass
class Project:
    """A project: title, flags in API shape, webhooks in API shape (with `name` and `url`), bindings."""

    id: str
    title: str
    flags: Message
    iam: IamPolicy
    webhooks: list[Message] = field(default_factory=list)
    is_active: bool = True
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`projects/<id>`."""
        return f"projects/{self.id}"

    def number(self, kind: str) -> int:
        """The next number of a kind in this project."""
        value = self.counters.get(kind, FIRST_NUMBER)
        self.counters[kind] = value + 1
        return value


@dataclass
class Instance:
    """A database server; `data_sources` and `extra` in API shape."""

    id: str
    title: str
    environment: str
    activation: bool
    data_sources: list[Message]
    engine: str = "POSTGRES"
    extra: Message = field(default_factory=dict)


@dataclass
class Database:
    """A database, its project, and its own environment ('' = its instance's)."""

    instance: str
    name: str
    project: str
    environment: str = ""
    extra: Message = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`instances/<i>/databases/<d>`."""
        return f"instances/{self.instance}/databases/{self.name}"


@dataclass
class CheckRun:
    """The plan's check run: status, results in API shape, when it began."""

    status: str
    results: list[Message]
    created: datetime


@dataclass
class TaskRun:
    """One attempt of a task. `creator` is an e-mail, '' for Bytebase itself."""

    number: int
    status: str
    creator: str
    created: datetime
    updated: datetime
    detail: str = ""
    started: datetime | None = None
    run_time: str = ""
    waits_since: datetime | None = None


@dataclass
class Task:
    """One task of a rollout, in the environment its database had when the rollout was made."""

    number: int
    environment: str
    spec_id: str
    type: str
    target: str
    sheet: str = ""
    release: str = ""
    prior_backup: bool = False
    runs: list[TaskRun] = field(default_factory=list)
    is_skipped: bool = False
    skipped_reason: str = ""

    @property
    def status(self) -> str:
        """The status of its newest run, unless skipped (facts §10.2)."""
        if self.is_skipped:
            return "SKIPPED"
        if not self.runs:
            return "NOT_STARTED"
        status = self.runs[-1].status
        return "PENDING" if status == "AVAILABLE" else status


@dataclass
class Plan:
    """A plan, with its checks and, once it has a rollout, its tasks."""

    number: int
    project: str
    title: str
    description: str
    specs: list[Message]
    creator: str
    created: datetime
    updated: datetime
    is_active: bool = True
    issue: int | None = None
    checks: CheckRun | None = None
    has_rollout: bool = False
    rollout_updated: datetime | None = None
    tasks: list[Task] = field(default_factory=list)
    specs_version: int = 0

    @property
    def name(self) -> str:
        """`projects/<p>/plans/<n>`."""
        return f"projects/{self.project}/plans/{self.number}"


@dataclass
class Approver:
    """One answered step of a review: status and e-mail."""

    status: str
    email: str


@dataclass
class Issue:
    """An issue. `template` None: not found yet or none (`is_found` tells which)."""

    number: int
    project: str
    title: str
    description: str
    type: str
    creator: str
    created: datetime
    updated: datetime
    plan: int | None = None
    status: str = "OPEN"
    labels: list[str] = field(default_factory=list)
    is_draft: bool = False
    is_found: bool = False
    template: Message | None = None
    approvers: list[Approver] = field(default_factory=list)
    risk: str = ""
    comments: list[Message] = field(default_factory=list)
    found_version: int = -1
    extra: Message = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`projects/<p>/issues/<n>`."""
        return f"projects/{self.project}/issues/{self.number}"


@dataclass
class Sheet:
    """SQL by its hash; stored once for the workspace."""

    sha: str
    content: bytes


@dataclass
class World:
    """The whole workspace. Settings hold `value` messages by name."""

    seed: BytebaseSeed
    workspace_id: str
    created: datetime
    settings: dict[str, Message]
    iam: IamPolicy
    policies: dict[str, Message] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    sheets: dict[str, Sheet] = field(default_factory=dict)
    releases: dict[str, Message] = field(default_factory=dict)
    plans: dict[tuple[str, int], Plan] = field(default_factory=dict)
    issues: dict[tuple[str, int], Issue] = field(default_factory=dict)
    audit: list[Message] = field(default_factory=list)
    executed: dict[str, list[str]] = field(default_factory=dict)
    licence: str = "FREE"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def default_project(self) -> str:
        """The id of the project that every workspace has."""
        return f"default-{self.workspace_id}"

    @property
    def workspace(self) -> str:
        """`workspaces/<id>`."""
        return f"workspaces/{self.workspace_id}"

    @property
    def environments(self) -> list[str]:
        """Environment ids in stage order."""
        value = self.settings["ENVIRONMENT"]["environment"]["environments"]
        return [item["id"] for item in value]

    @property
    def external_url(self) -> str:
        """The base of every link: the server's flag, which the profile neither shows nor changes, else the profile's."""
        profile = self.settings["WORKSPACE_PROFILE"]["workspaceProfile"]
        return self.seed.external_url or str(profile.get("externalUrl", ""))

    def plan_of(self, issue: Issue) -> Plan | None:
        """The plan of an issue."""
        return self.plans.get((issue.project, issue.plan)) if issue.plan is not None else None

    def issue_of(self, plan: Plan) -> Issue | None:
        """The issue of a plan."""
        return self.issues.get((plan.project, plan.issue)) if plan.issue is not None else None


def new_id(length: int = 16) -> str:
    """A random id as Bytebase makes them."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_uuid() -> str:
    """A random uuid, for comments, webhooks and audit entries."""
    return str(uuid.uuid4())
