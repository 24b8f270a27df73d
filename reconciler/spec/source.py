"""A spec file's text, and what editors call its places: lines and columns that count from one, in characters."""

from __future__ import annotations

import bisect
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reconciler.errors import FilePosition

# What editors count as line ends. The YAML library also counts U+0085, U+2028 and U+2029, so its own lines are not used.
_LINE_END = re.compile(r"\r\n|\r|\n")
_WIDEST = 160
_BEFORE_CARET = 100


@dataclass(frozen=True, slots=True)
class SpecText:
    """One spec file as read: its name as the user wrote it, its text without byte order mark, the digest of its bytes."""

    name: str
    text: str
    sha256: str

    @classmethod
    def of(cls, name: str, text: str) -> SpecText:
        """A text that does not come from a file; the digest is that of its UTF-8 bytes."""
        return cls(name, text, hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Source:
    """Turns offsets of one text into positions and excerpts.

    `hidden` are the offsets of values that may be secrets: no excerpt shows a line from there on, whatever it is about.
    """

    file: str
    text: str
    hidden: frozenset[int] = frozenset()
    _starts: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        object.__setattr__(self, "_starts", starts)

    def position(self, at: int) -> FilePosition:
        """The place of a character offset."""
        line = bisect.bisect_right(self._starts, at) - 1
        return FilePosition(self.file, line + 1, at - self._starts[line] + 1)

    def hiding(self, offsets: Iterable[int]) -> Source:
        """The same text, with what stands at these offsets kept out of every excerpt."""
        return replace(self, hidden=self.hidden | frozenset(offsets))

    def excerpt(self, at: int, *, hide_from: int | None = None) -> str:
        """The line of an offset with a caret below it; what stands at or after `hide_from` is not shown either."""
        place = self.position(at)
        start = self._starts[place.line - 1]
        end = self._starts[place.line] if place.line < len(self._starts) else len(self.text)
        line = self.text[start:end].rstrip("\r\n")
        secret = [offset for offset in self.hidden if start <= offset < start + len(line)]
        secret += [hide_from] if hide_from is not None and hide_from - start < len(line) else []
        if secret:
            line = line[: max(min(secret) - start, 0)] + "***"
        before, rest = line[: place.column - 1], line[place.column - 1 :]
        if len(before) > _BEFORE_CARET:
            before = "…" + before[-_BEFORE_CARET:]
        if len(before) + len(rest) > _WIDEST:
            rest = rest[: _WIDEST - len(before)] + "…"
        before = visible(before)
        padding = "".join(_blank(character) for character in before)
        return f"{place.line:>5} | {before}{visible(rest)}\n      | {padding}^"


def visible(text: str) -> str:
    """The text with control, format and bidirectional characters replaced, so that it cannot drive a terminal."""
    return "".join(
        c if c == "\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def _blank(character: str) -> str:
    """As much room as the character takes on a terminal; wide ones take two cells."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
