"""`bytebase/binding`: one member holds one role, in one project or in the workspace. Others' members are never touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, Resource

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class Binding(Resource):
    """The presence of `member` (`user:`, `group:`, `serviceAccount:`, `workloadIdentity:` + e-mail) under `role`.

    `project` None means the workspace. Conditional bindings of the same member do not count as this one.
    """

    kind: ClassVar[str] = "bytebase/binding"
    marks: ClassVar[Mapping[str, Mark]] = {"present": Mark.PLAIN}

    role: str
    member: str
    project: str | None = None

    @property
    def scope(self) -> str:
        """The project's id, or `workspace`."""
        return self.project or WORKSPACE

    @property
    def name(self) -> str:
        """`<role>:<member>:<project|workspace>`."""
        return f"{self.role}:{self.member}:{self.scope}"

    def over(self, observed: Self) -> Self:
        """Itself: a binding without a project is one of the workspace, not one whose project is left open."""
        del observed
        return self

    def fields(self) -> Mapping[str, Json]:
        """Presence is all there is."""
        return {"present": True}
