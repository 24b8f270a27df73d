"""`bytebase/im`: the list of instant-messaging settings of a workspace.

Only the set of types can be read back; everything inside an entry is write-only, and a write replaces the whole list.
So an entry carries a public token (app id and declared version) that is compared with the one recorded at the last write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, Resource, normalise

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True, order=True)
class ImSetting:
    """One entry: its type, the token of its credentials, and its plain values (app id and the like) by wire name."""

    type: str
    token: str | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Im(Resource):
    """The whole list, sorted by type. `verify` false stores it without letting Bytebase dial the IM."""

    kind: ClassVar[str] = "bytebase/im"
    marks: ClassVar[Mapping[str, Mark]] = {"types": Mark.UNORDERED, "credentials": Mark.WRITE_ONLY}

    settings: tuple[ImSetting, ...]
    verify: bool = True

    def __post_init__(self) -> None:
        normalise(self, settings=tuple(sorted(self.settings)))

    @property
    def name(self) -> str:
        """There is one list in a workspace."""
        return WORKSPACE

    @property
    def types(self) -> tuple[str, ...]:
        """The types in the list, sorted."""
        return tuple(setting.type for setting in self.settings)

    def fields(self) -> Mapping[str, Json]:
        """The set of types, and the token of each entry whose token is known."""
        tokens = {f"credentials.{each.type}": each.token for each in self.settings if each.token is not None}
        return {"types": list(self.types), **tokens}

    def erases(self, observed: Self) -> tuple[str, ...]:
        """Live types that are not declared."""
        return tuple(sorted(set(observed.types) - set(self.types)))

    def with_tokens(self, tokens: Mapping[str, str]) -> Self:
        """Each entry with the token recorded for its type."""
        known = (replace(each, token=tokens.get(f"credentials.{each.type}")) for each in self.settings)
        return replace(self, settings=tuple(known))
