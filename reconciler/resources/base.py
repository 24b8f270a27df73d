"""What every resource is: a typed thing of one upstream with a kind, a name, and fields that know how they compare.

The desired and the observed side are the same type. A field that is None was not declared (desired) or cannot be read
(observed); it is never compared. Values are normalised when a resource is made, so equal meanings are equal values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

from reconciler.ids import canonical_json, sha256

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
"""Plain data as it stands in a document."""


class Mark(StrEnum):
    """How a field compares.

    PLAIN: as it is. UNORDERED: as a set. SERVER_OWNED: shown, never compared. WRITE_ONLY: can be sent and never read;
    its value here is a public token (a declared version), compared with the token recorded when it was last sent.
    """

    PLAIN = "plain"
    UNORDERED = "unordered"
    SERVER_OWNED = "serverOwned"
    WRITE_ONLY = "writeOnly"


class OnDifference(StrEnum):
    """What a difference leads to: a write, a warning (verified only), or a refusal (it must fit and is never written)."""

    WRITE = "write"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where in the spec something is declared; the line counts from one."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Kind and name: the identity of a resource within one target."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Resource(ABC):
    """The base of all kinds. Subclasses are frozen dataclasses and name the mark of every field they show."""

    __slots__ = ()
    kind: ClassVar[str]
    marks: ClassVar[Mapping[str, Mark]]
    creation_is_irreversible: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """The name within its kind and target."""

    @abstractmethod
    def fields(self) -> Mapping[str, Json]:
        """The declared or readable fields by their camelCase names, as plain data; unordered ones sorted."""

    @property
    def key(self) -> Key:
        """Kind and name."""
        return Key(self.kind, self.name)

    @property
    def on_difference(self) -> OnDifference:
        """What is done where the live side differs."""
        return OnDifference.WRITE

    def over(self, observed: Self) -> Self:
        """This desired resource with everything it does not declare taken from the observed one: what a write stores."""
        here = cast("DataclassInstance", self)
        missing = {each.name: getattr(observed, each.name) for each in fields(here) if getattr(self, each.name) is None}
        return cast("Self", replace(cast("Any", self), **missing)) if missing else self

    def erases(self, observed: Self) -> tuple[str, ...]:
        """Live things that writing this resource would remove because the upstream replaces the whole."""
        del observed
        return ()

    def with_tokens(self, tokens: Mapping[str, str]) -> Self:
        """This observed resource with the recorded tokens of its write-only fields, by field path."""
        del tokens
        return self

    def tokens(self) -> Mapping[str, str]:
        """The public tokens of the write-only fields this resource declares."""
        return {
            path: value
            for path, value in self.fields().items()
            if self.mark_of(path) is Mark.WRITE_ONLY and isinstance(value, str)
        }

    def fingerprint(self) -> str:
        """SHA-256 of what was read, server-owned fields and write-only tokens left out."""
        kept = {
            name: value
            for name, value in self.fields().items()
            if self.mark_of(name) not in {Mark.SERVER_OWNED, Mark.WRITE_ONLY}
        }
        return sha256(canonical_json({"kind": self.kind, "name": self.name, "fields": kept}))

    def mark_of(self, field: str) -> Mark:
        """The mark of a field; a dotted name has the mark of its first part."""
        return self.marks[field.partition(".")[0]]


def declared(**values: Json) -> Mapping[str, Json]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def sorted_unique(values: Iterable[str]) -> tuple[str, ...]:
    """The normal form of an unordered list of names."""
    return tuple(sorted(set(values)))


def listed(values: tuple[str, ...] | None) -> list[str] | None:
    """A tuple as a plain list; None stays None."""
    return None if values is None else list(values)


def normalise(resource: Resource, **values: object) -> None:
    """Put normal forms into a frozen resource while it is being made; only `__post_init__` calls this."""
    for name, value in values.items():
        object.__setattr__(resource, name, value)
