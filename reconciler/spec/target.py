"""One target: an integration, and where each part of it was written."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.errors import FilePosition
from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.locate import Path, dotted, find
from reconciler.spec.models.integration import Integration, Spec
from reconciler.spec.source import Source
from reconciler.spec.yaml import Document


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An integration with its origin: the file, the document in it, and the place of every field.

    Paths are keys as written in the file, from the document's root: `("spec", "gates", 0, "name")`.
    """

    integration: Integration
    source: Source = field(repr=False)
    document: Document = field(repr=False)
    index: int

    @property
    def name(self) -> str:
        """The target's name, `metadata.name`."""
        return self.integration.metadata.name

    @property
    def spec(self) -> Spec:
        """What the document declares."""
        return self.integration.spec

    @property
    def file(self) -> str:
        """The file that holds the document, as the user named it."""
        return self.source.file

    def origin(self, *path: str | int) -> FilePosition:
        """The place of a field's key or a list's item; of the nearest parent when the field is not written."""
        return self.source.position(find(self.document, path).key_at)

    def written(self, *path: str | int) -> bool:
        """Whether the file writes this field itself."""
        return find(self.document, path).reached

    def diagnostic(self, path: Path, message: str, hint: str = "") -> Diagnostic:
        """A finding about a field, pointing at its value, or at the nearest parent when it is not written."""
        place = find(self.document, path)
        at = place.value_at if place.reached else place.key_at
        return Diagnostic(self.source.position(at), dotted(path), message, hint, self.source.excerpt(at))
