"""How single values are shown: foreign text made harmless, JSON values on one line, counts in words."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.resources.base import Json
from reconciler.sync.foreign import one_line

AGAIN = "Run it again when the cause is gone: it looks first at what is there, and does only what is left."
"""What to do after an apply that did not finish."""

_SYMBOLS: Mapping[str, str] = {"create": "+", "update": "~", "delete": "-", "replace": "±", "keep": "="}


def symbol(action: str) -> str:
    """One character for an action."""
    return _SYMBOLS[action]


def plain(text: str, limit: int = 1_000) -> str:
    """Foreign text on one line: control, bidi and invisible characters shown as symbols."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text and text.strip() == text:
        return text  # most text is harmless, and looking at every character takes its time
    return one_line(text[: 4 * limit], limit)


def value(content: Json, limit: int = 300) -> str:
    """A value as compact JSON; None is `(none)`."""
    if content is None:
        return "(none)"
    return plain(json.dumps(content, ensure_ascii=False, separators=(", ", ": ")), limit)


def summary_sentence(summary: Mapping[str, int]) -> str:
    """`1 to create, 2 to update, 5 unchanged; 1 cannot be verified`."""
    words = [("create", "to create"), ("update", "to update"), ("replace", "to replace"), ("delete", "to delete")]
    parts = [f"{summary[key]} {word}" for key, word in words if summary[key]]
    parts.append(f"{summary['keep']} unchanged")
    sentence = ", ".join(parts)
    if summary["unverifiable"]:
        sentence += f"; {summary['unverifiable']} cannot be verified in part"
    return sentence


def counted(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
