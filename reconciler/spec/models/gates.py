"""Gates: which stage or review step is decided where, by whom, and under which policies."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from reconciler.spec.models.base import SpecModel, chosen_by_key, tag
from reconciler.spec.models.scalars import Duration, Email, Like, Moment, Name, PathName, ResourceId, RoleName, Text


class Match(SpecModel):
    """Which subjects a gate holds; a part that is empty or absent matches anything."""

    projects: tuple[
        Annotated[str, Like(r"[^/\s?\[\]]{1,100}", "a project's id, in which '*' stands for anything")], ...
    ] = ()
    environments: tuple[ResourceId, ...] = ()
    roles: tuple[RoleName, ...] = ()
    issue_labels: tuple[Text, ...] = ()
    project_labels: dict[str, str] = Field(default_factory=dict)


class DecideByDefinition(SpecModel):
    """The gate is decided in Feishu, by a definition of this spec."""

    definition: Name


class DecideByNode(SpecModel):
    """The gate is decided by an external node of this spec."""

    external_node: PathName


Decide = Annotated[
    Annotated[DecideByDefinition, tag(DecideByDefinition)] | Annotated[DecideByNode, tag(DecideByNode)],
    chosen_by_key(
        {"definition": DecideByDefinition, "externalNode": DecideByNode},
        error="choice",
        message="expected {definition: NAME} or {externalNode: NAME}",
    ),
]
"""Where a gate is decided."""


class Fallback(SpecModel):
    """Who is asked when the source yields nobody."""

    users: Annotated[tuple[Email, ...], Field(min_length=1)]


class Approvers(SpecModel):
    """Who is asked: one source, at most `limit` people. Without a source it is `from` the gate's own kind."""

    from_: Annotated[Literal["rolloutPolicy", "flow"] | None, Field(alias="from")] = None
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)] | None = None
    users: Annotated[tuple[Email, ...], Field(min_length=1)] | None = None
    groups: Annotated[tuple[Email, ...], Field(min_length=1)] | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=200)] = 20
    fallback: Fallback | None = None


class Gate(SpecModel):
    """One gate. The first that matches a subject holds it; policies are explained in docs/spec.md."""

    name: Name
    at: Literal["stage", "review"]
    match: Match = Match()
    since: Moment | None = None
    decide: Decide
    approvers: Approvers = Approvers()
    send: Literal["automatically", "onRequest", "byOrigin"] = "automatically"
    self_approval: StrictBool = False
    hold_on_checks: Literal["error", "warning", "off"] = "error"
    on_reject: Literal["hold", "skip"] = "hold"
    on_failure: Literal["hold", "askAgain"] = "hold"
    transferred: Literal["recheck", "refuse"] = "recheck"
    on_approvers_added: Literal["keep", "replace"] = "keep"
    settle: Duration = timedelta(seconds=60)
    approval_valid_for: Duration = timedelta(hours=24)
    remind_after: Duration = timedelta(hours=4)
    expire_after: Duration = timedelta(days=3)
    paused: StrictBool = False

    def approver_source(self) -> tuple[Literal["rolloutPolicy", "flow", "roles", "users", "groups"], tuple[str, ...]]:
        """Whom the gate asks: the kind of source, and the names for roles, users and groups."""
        asked = self.approvers
        if asked.roles is not None:
            return "roles", asked.roles
        if asked.users is not None:
            return "users", asked.users
        if asked.groups is not None:
            return "groups", asked.groups
        return asked.from_ or ("rolloutPolicy" if self.at == "stage" else "flow"), ()
