"""What is wrong, or doubtful, in spec files: one value per finding, and the error that carries all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import FilePosition, SpecError


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning: where it lies, which field it is about, what is meant and what to write instead.

    `path` is dotted, from the document's root; `excerpt` is the line with a caret below it, empty for a whole file.
    """

    position: FilePosition
    path: str
    message: str
    hint: str = ""
    excerpt: str = ""
    related: str = ""

    def sentence(self) -> str:
        """The finding in one line, without place and excerpt."""
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def render(self, severity: str) -> str:
        """The finding as compilers print one: place, sentence, line, caret."""
        lines = [f"{self.position}: {severity}: {self.sentence()}"]
        if self.excerpt:
            lines.append(self.excerpt)
        if self.related:
            lines.append(self.related)
        return "\n".join(lines)


class InvalidSpecError(SpecError):
    """The spec files hold errors: all of them are in `diagnostics`, the first one is what the message says."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        first = diagnostics[0]
        more = f" (and {len(diagnostics) - 1} more)" if len(diagnostics) > 1 else ""
        super().__init__(
            first.sentence() + more,
            where=first.position,
            next_step="run 'reconciler validate' to see every error with its line",
        )
        self.diagnostics = tuple(diagnostics)
