"""What an export works on and what it makes: the facts that were read, the document, and what its reader must be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from reconciler.resources.base import Json, Key, Resource
from reconciler.resources.record import AppliedRecord
from reconciler.spec.models.base import SpecModel
from reconciler.spec.target import Target

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Exported:
    """The spec document as plain data; `notes` are sentences by dotted path, `left_out` what it could not take in."""

    document: Mapping[str, Json]
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The spec that gave the connection, everything live, and what the store remembers; gathers what is to be told."""

    target: Target
    live: Sequence[Resource]
    records: Mapping[Key, AppliedRecord] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def of(self, kind: type[R]) -> list[R]:
        """The live resources of one kind, each key once."""
        return list({each.key: each for each in reversed(self.live) if isinstance(each, kind)}.values())[::-1]

    def token(self, key: Key, path: str) -> str:
        """The token that is recorded for a write-only field, '' for none."""
        record = self.records.get(key)
        return record.tokens.get(path, "") if record is not None else ""

    def note(self, path: str, sentence: str) -> None:
        """Tell the reader something at a part of the document."""
        self.notes.setdefault(path, []).append(sentence)


def written(model: SpecModel | None) -> dict[str, Json]:
    """What an author wrote of a part, as he could write it again; defaults stay unwritten."""
    if model is None:
        return {}
    plain: dict[str, Json] = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return plain


def is_writable(model: type[SpecModel], entry: Mapping[str, Json]) -> bool:
    """Whether a spec could say this: something live may hold what no author may write."""
    try:
        model.model_validate(entry)
    except ValidationError:
        return False
    return True
