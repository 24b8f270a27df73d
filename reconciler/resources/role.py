"""`bytebase/role`: a custom role (ENTERPRISE)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from reconciler.resources.base import Json, Mark, Resource, declared, listed, normalise, sorted_unique


@dataclass(frozen=True, slots=True)
class Role(Resource):
    """A custom role (`oa`, not `roles/oa`). `built_in` is the server's word: such a role cannot be changed."""

    kind: ClassVar[str] = "bytebase/role"
    marks: ClassVar[Mapping[str, Mark]] = {
        "title": Mark.PLAIN,
        "description": Mark.PLAIN,
        "permissions": Mark.UNORDERED,
    }

    id: str
    title: str | None = None
    description: str | None = None
    permissions: tuple[str, ...] | None = None
    built_in: bool = False

    def __post_init__(self) -> None:
        if self.permissions is not None:
            normalise(self, permissions=sorted_unique(self.permissions))

    @property
    def name(self) -> str:
        """The role's id."""
        return self.id

    def fields(self) -> Mapping[str, Json]:
        """Title, description and permissions."""
        return declared(title=self.title, description=self.description, permissions=listed(self.permissions))
