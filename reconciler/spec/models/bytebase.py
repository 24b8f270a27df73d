"""What a spec says about Bytebase: the connection, and the settings, policies, projects and roles it declares."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from reconciler.spec.models.base import SpecModel, chosen_by_key, tag
from reconciler.spec.models.im import InstantMessaging
from reconciler.spec.models.references import SecretRef, TokenRef
from reconciler.spec.models.scalars import BaseUrl, Email, Interval, Member, ResourceId, RoleName, Text

Use = Literal["plan", "apply", "sync"]
"""What an account is used for: `plan` reads only (also drift, export, doctor, explain)."""


class ServiceAccountCredential(SpecModel):
    """A Bytebase service account and its key."""

    service_account: Email
    key: SecretRef


class WorkloadIdentityCredential(SpecModel):
    """A Bytebase workload identity and the OIDC token it exchanges."""

    workload_identity: Email
    token: TokenRef


AccountCredential = Annotated[
    Annotated[ServiceAccountCredential, tag(ServiceAccountCredential)]
    | Annotated[WorkloadIdentityCredential, tag(WorkloadIdentityCredential)],
    chosen_by_key(
        {"serviceAccount": ServiceAccountCredential, "workloadIdentity": WorkloadIdentityCredential},
        error="choice",
        message="expected {serviceAccount: …, key: …} or {workloadIdentity: …, token: …}",
    ),
]
"""One account of ours in Bytebase."""


class SplitCredentials(SpecModel):
    """Separate accounts for planning, applying and running; a use without an account is not possible."""

    plan: AccountCredential | None = None
    apply: AccountCredential | None = None
    sync: AccountCredential | None = None


Credentials = Annotated[
    Annotated[ServiceAccountCredential, tag(ServiceAccountCredential)]
    | Annotated[WorkloadIdentityCredential, tag(WorkloadIdentityCredential)]
    | Annotated[SplitCredentials, tag(SplitCredentials)],
    chosen_by_key(
        {
            "serviceAccount": ServiceAccountCredential,
            "workloadIdentity": WorkloadIdentityCredential,
            "plan": SplitCredentials,
            "apply": SplitCredentials,
            "sync": SplitCredentials,
        },
        error="choice",
        message="expected {serviceAccount: …, key: …}, {workloadIdentity: …, token: …} or {plan: …, apply: …, sync: …}",
    ),
]
"""One account for everything, or one for each use."""


class ServiceAccountReviewer(ServiceAccountCredential):
    """The service account that answers the review steps of one role."""

    role: RoleName


class WorkloadIdentityReviewer(WorkloadIdentityCredential):
    """The workload identity that answers the review steps of one role."""

    role: RoleName


Reviewer = Annotated[
    Annotated[ServiceAccountReviewer, tag(ServiceAccountReviewer)]
    | Annotated[WorkloadIdentityReviewer, tag(WorkloadIdentityReviewer)],
    chosen_by_key(
        {"serviceAccount": ServiceAccountReviewer, "workloadIdentity": WorkloadIdentityReviewer},
        error="choice",
        message="expected {role: …, serviceAccount: …, key: …} or {role: …, workloadIdentity: …, token: …}",
    ),
]
"""The account of one review role."""


class Tls(SpecModel):
    """How Bytebase's certificate is judged."""

    ca: Text
    """A file of certificates to trust, in PEM."""


class BytebasePoll(SpecModel):
    """How often Bytebase is asked, and the most calls a minute."""

    every: Interval = timedelta(seconds=5)
    calls_per_minute: Annotated[StrictInt, Field(ge=1, le=100_000)] = 600


class RolloutPolicy(SpecModel):
    """Who may run the stages of an environment; a field that is not written is not managed."""

    automatic: StrictBool | None = None
    roles: tuple[RoleName, ...] | None = None


class Environment(SpecModel):
    """An environment, by its id, and the policy declared for it."""

    name: ResourceId
    rollout_policy: RolloutPolicy | None = None


class Webhook(SpecModel):
    """A webhook of a project, known by its title and type; a field that is not written is not managed."""

    title: Text
    type: Literal["SLACK", "DISCORD", "TEAMS", "DINGTALK", "FEISHU", "WECOM", "LARK", "GOOGLE_CHAT"]
    url: SecretRef | None = None
    version: Annotated[StrictInt, Field(ge=1)] = 1
    """Raise it when the URL behind the reference has changed: the value itself cannot be compared."""
    direct_message: StrictBool | None = None
    events: (
        tuple[
            Literal[
                "ISSUE_CREATED",
                "ISSUE_APPROVAL_REQUESTED",
                "ISSUE_SENT_BACK",
                "ISSUE_APPROVED",
                "PIPELINE_FAILED",
                "PIPELINE_COMPLETED",
            ],
            ...,
        ]
        | None
    ) = None


class Project(SpecModel):
    """A project, by its id; it is never created or deleted, and a flag that is not written is not managed."""

    name: ResourceId
    require_issue_approval: StrictBool | None = None
    allow_self_approval: StrictBool | None = None
    webhooks: tuple[Webhook, ...] | None = None


class ApprovalRule(SpecModel):
    """One rule of the ordered list that says who reviews an issue; without `source` it is a fallback."""

    source: Literal["CHANGE_DATABASE", "CREATE_DATABASE", "REQUEST_ROLE", "REQUEST_ACCESS"] | None = None
    condition: Text
    title: Text | None = None
    description: str | None = None
    roles: tuple[RoleName, ...]


class CustomRole(SpecModel):
    """A role of the workspace, by its id; a field that is not written is not managed."""

    id: ResourceId
    title: Text | None = None
    description: str | None = None
    permissions: tuple[Text, ...] | None = None


class Binding(SpecModel):
    """One member that holds one role, in a project or, without one, in the workspace."""

    role: RoleName
    member: Member
    project: ResourceId | None = None


class Bytebase(SpecModel):
    """One Bytebase: how it is reached, and what is declared in it."""

    url: BaseUrl
    identity: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    credentials: Credentials
    reviewers: tuple[Reviewer, ...] = ()
    tls: Tls | None = None
    poll: BytebasePoll = BytebasePoll()
    im: InstantMessaging | None = None
    environments: tuple[Environment, ...] = ()
    projects: tuple[Project, ...] = ()
    approval_rules: tuple[ApprovalRule, ...] | None = None
    roles: tuple[CustomRole, ...] = ()
    bindings: tuple[Binding, ...] = ()

    def credential(self, use: Use) -> ServiceAccountCredential | WorkloadIdentityCredential | None:
        """The account for a use; None when separate accounts are declared and this one is not."""
        if isinstance(self.credentials, SplitCredentials):
            chosen: ServiceAccountCredential | WorkloadIdentityCredential | None = getattr(self.credentials, use)
            return chosen
        return self.credentials
