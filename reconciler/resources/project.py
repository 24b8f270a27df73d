"""`bytebase/project`: the flags of a project that approvals rest on. A project is never created or deleted here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from reconciler.resources.base import Json, Mark, Resource, declared


@dataclass(frozen=True, slots=True)
class Project(Resource):
    """The declared flags of one project (`demo`, not `projects/demo`)."""

    kind: ClassVar[str] = "bytebase/project"
    marks: ClassVar[Mapping[str, Mark]] = {"requireIssueApproval": Mark.PLAIN, "allowSelfApproval": Mark.PLAIN}

    project: str
    require_issue_approval: bool | None = None
    allow_self_approval: bool | None = None

    @property
    def name(self) -> str:
        """The project's id."""
        return self.project

    def fields(self) -> Mapping[str, Json]:
        """The flags."""
        return declared(
            requireIssueApproval=self.require_issue_approval,
            allowSelfApproval=self.allow_self_approval,
        )
