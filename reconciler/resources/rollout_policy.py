"""`bytebase/rolloutPolicy`: whether an environment's tasks start by themselves, and which roles may start them.

A policy that was never written reads as the default: manual, no roles. Roles are not checked by the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from reconciler.resources.base import Json, Mark, Resource, declared, listed, normalise, sorted_unique


@dataclass(frozen=True, slots=True)
class RolloutPolicy(Resource):
    """The rollout policy of one environment (`prod`, not `environments/prod`)."""

    kind: ClassVar[str] = "bytebase/rolloutPolicy"
    marks: ClassVar[Mapping[str, Mark]] = {"automatic": Mark.PLAIN, "roles": Mark.UNORDERED}

    environment: str
    automatic: bool | None = None
    roles: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.roles is not None:
            normalise(self, roles=sorted_unique(self.roles))

    @property
    def name(self) -> str:
        """The environment's id."""
        return self.environment

    def fields(self) -> Mapping[str, Json]:
        """`automatic` and `roles`."""
        return declared(automatic=self.automatic, roles=listed(self.roles))
