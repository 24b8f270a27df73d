"""The world a sandbox begins with: what a seed file may say, and how its text becomes a `Seed`.

Keys are camelCase and unknown ones are refused. What is absent is as in a new workspace: environments `test` and `prod`,
the fallback approval rule, no policies.
"""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from reconciler.errors import SpecError
from reconciler.sandbox.seed_text import locate, read_yaml

FALLBACK_RULE: dict[str, Any] = {
    "template": {
        "flow": {"roles": ["roles/projectOwner"]},
        "title": "Fallback Rule",
        "description": "Requires project owner approval when no other rules match.",
    },
    "condition": {"expression": "true"},
}
"""The approval rule every new workspace has, in API shape."""


class SeedModel(BaseModel):
    """Base of every part of a seed: camelCase keys, nothing unknown, nothing coerced, never changed."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


class SeedPerson(SeedModel):
    """A human user of Bytebase."""

    email: str = Field(min_length=3)
    password: str = Field(min_length=1, repr=False)
    title: str = ""


class SeedServiceAccount(SeedModel):
    """A service account; its e-mail is `<id>@service.bytebase.com`."""

    id: str = Field(min_length=1)
    key: str = Field(min_length=1, repr=False)
    title: str = ""

    @property
    def email(self) -> str:
        """The address by which the account logs in."""
        return f"{self.id}@service.bytebase.com"


class SeedGroupMember(SeedModel):
    """One member of a group."""

    email: str
    role: Literal["OWNER", "MEMBER"] = "MEMBER"


def _unique(what: str, names: list[str]) -> set[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what}: {', '.join(twice)} occurs more than once")
    return set(names)


def _known(where: str, name: str, names: set[str], kind: str) -> None:
    if name not in names:
        raise ValueError(f"{where}: there is no {kind} {name!r}")


def _member(value: object) -> object:
    return {"email": value} if isinstance(value, str) else value


class SeedGroup(SeedModel):
    """A group of Bytebase users; a member may be written as a bare e-mail."""

    email: str
    title: str = ""
    members: list[Annotated[SeedGroupMember, BeforeValidator(_member)]] = []


class SeedRole(SeedModel):
    """A custom role."""

    id: str
    title: str = ""
    description: str = ""
    permissions: list[str] = []


class SeedBinding(SeedModel):
    """A role and who holds it, as in an IAM policy: `user:`, `group:`, `serviceAccount:`, `allUsers`."""

    role: str
    members: list[str]


class SeedEnvironment(SeedModel):
    """One environment; the list's order is the order of stages."""

    id: str
    title: str = ""


class SeedRolloutPolicy(SeedModel):
    """Who may run a stage in an environment, or that it runs by itself."""

    automatic: bool = False
    roles: list[str] = []


class SeedProject(SeedModel):
    """A project with its flags and role bindings."""

    id: str
    title: str = ""
    require_issue_approval: bool = False
    allow_self_approval: bool = False
    iam: list[SeedBinding] = []


class SeedDatabase(SeedModel):
    """One database of an instance and the project it belongs to."""

    name: str
    project: str = "default"


class SeedInstance(SeedModel):
    """A database server; `data_sources` are in API shape."""

    id: str
    title: str = ""
    environment: str
    activation: bool = False
    data_sources: list[dict[str, Any]] = []
    databases: list[SeedDatabase] = []


class SeedFailingStatement(SeedModel):
    """A task whose SQL contains `contains` fails with `detail`, until `until_run` has run in its database."""

    contains: str = Field(min_length=1)
    detail: str = "ERROR: statement failed (SQLSTATE XX000)"
    syntax_error: bool = False
    until_run: str | None = None


def _failing(value: object) -> object:
    return {"contains": value} if isinstance(value, str) else value


class SeedSlowStatement(SeedModel):
    """A task whose SQL contains `contains` stays RUNNING for `seconds`."""

    contains: str = Field(min_length=1)
    seconds: float = Field(ge=0)


class SeedPlanCheck(SeedModel):
    """What the plan checks report about SQL that contains `contains`; other SQL succeeds."""

    contains: str = Field(min_length=1)
    status: Literal["ERROR", "WARNING", "SUCCESS"]
    title: str = ""


class BytebaseSeed(SeedModel):
    """The Bytebase workspace at the beginning."""

    licence: Literal["FREE", "TEAM", "ENTERPRISE"] = "FREE"
    external_url: str = "http://bytebase.example"
    users: list[SeedPerson] = []
    service_accounts: list[SeedServiceAccount] = []
    groups: list[SeedGroup] = []
    roles: list[SeedRole] = []
    workspace_iam: list[SeedBinding] = []
    environments: list[SeedEnvironment] = [
        SeedEnvironment(id="test", title="Test"),
        SeedEnvironment(id="prod", title="Prod"),
    ]
    rollout_policies: dict[str, SeedRolloutPolicy] = {}
    approval_rules: list[dict[str, Any]] = [FALLBACK_RULE]
    projects: list[SeedProject] = []
    instances: list[SeedInstance] = []
    failing_statements: list[Annotated[SeedFailingStatement, BeforeValidator(_failing)]] = []
    slow_statements: list[SeedSlowStatement] = []
    plan_checks: list[SeedPlanCheck] = []

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        environments = _unique("environments", [item.id for item in self.environments])
        projects = _unique("projects", [item.id for item in self.projects]) | {"default"}
        _unique("instances", [item.id for item in self.instances])
        _unique("users", [item.email.lower() for item in self.users])
        _unique("serviceAccounts", [item.id for item in self.service_accounts])
        _unique("groups", [item.email.lower() for item in self.groups])
        _unique("roles", [item.id for item in self.roles])
        for name in self.rollout_policies:
            _known("rolloutPolicies", name, environments, "environment")
        for instance in self.instances:
            _known(f"instance {instance.id}", instance.environment, environments, "environment")
            _unique(f"databases of instance {instance.id}", [item.name for item in instance.databases])
            for database in instance.databases:
                _known(f"database {instance.id}/{database.name}", database.project, projects, "project")
        return self


class SeedApp(SeedModel):
    """One custom app of the Feishu tenant."""

    id: str = Field(min_length=1)
    secret: str = Field(min_length=1, repr=False)
    bot: bool = True
    published: bool = True
    scopes: list[str] = ["approval:approval", "approval:approval:readonly", "contact:user.id:readonly"]
    events: list[str] = ["approval_instance", "approval_task"]


class SeedFeishuUser(SeedModel):
    """A person of the Feishu tenant; `open_id` holds for the first app, absent = the stand-in makes one."""

    email: str = Field(min_length=3)
    open_id: str | None = None
    name: str = ""
    visible: bool = True


class SeedTenant(SeedModel):
    """Tenant-wide switches; `withdrawal`: submitters may withdraw requests."""

    withdrawal: bool = True


class FeishuSeed(SeedModel):
    """The Feishu tenant at the beginning."""

    apps: list[SeedApp] = []
    users: list[SeedFeishuUser] = []
    tenant: SeedTenant = SeedTenant()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _unique("apps", [item.id for item in self.apps])
        _unique("users", [item.email.lower() for item in self.users])
        _unique("users' openId", [item.open_id for item in self.users if item.open_id])
        return self


class Seed(SeedModel):
    """A whole sandbox world: both stand-ins' beginnings."""

    bytebase: BytebaseSeed = BytebaseSeed()
    feishu: FeishuSeed = FeishuSeed()


def load_seed(text: str, name: str) -> Seed:
    """Read a seed file's text; `name` is how messages call the file. Raises `SpecError` that names every bad key."""
    content = read_yaml(text, name)
    try:
        return Seed.model_validate(content if content is not None else {})
    except ValidationError as error:
        problems = [(_path(item["loc"]), _reason(item["type"], item["msg"])) for item in error.errors()]
        listed = "; ".join(f"{path}: {reason}" if path else reason for path, reason in problems)
        raise SpecError(
            "this seed cannot be used",
            where=locate(text, name, error.errors()[0]["loc"]),
            why=listed,
            next_step="correct these keys; docs/sandbox.md lists every key a seed may have",
        ) from error


def demo_seed() -> Seed:
    """The demo's world: a small company, its two environments and its Feishu app."""
    name = "demo.yaml"
    return load_seed(resources.files("reconciler.sandbox").joinpath(name).read_text("utf-8"), name)


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _reason(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "is required"
    return message.removeprefix("Value error, ")
