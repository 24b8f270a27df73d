"""One declared resource: what is wanted, where the spec says so, and where its write-only values are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.resources.base import Key, Origin, Resource
from reconciler.spec.models.references import SecretRef


@dataclass(frozen=True, slots=True)
class Declared:
    """A desired resource with its origin. `secrets` are references by the path the writer sends the value under."""

    resource: Resource
    origin: Origin
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Kind and name."""
        return self.resource.key
