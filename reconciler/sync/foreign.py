"""Text written by others, made harmless before it is shown: it stays readable, and can command nothing."""

from __future__ import annotations

import re
import unicodedata

_TAB = "\t"
_I18N_PREFIX = re.compile(r"@(?=i18n@)", re.IGNORECASE)
_MENTION = re.compile(r"<(?=/?at(?![a-z0-9]))", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&])")


def visible(text: str) -> str:
    """The text with Unix line ends, control and bidi characters shown as symbols, and no reserved prefix or mention."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(_shown_line(line) for line in text.split("\n"))
    text = _I18N_PREFIX.sub("@ ", text)
    text = _MENTION.sub("‹", text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def one_line(text: str, limit: int) -> str:
    """`visible` text on one line, cut to `limit` characters with an ellipsis."""
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """One line of foreign text that a Markdown renderer shows as it is: no markup, no HTML, no mention."""
    return _MARKDOWN.sub(r"\\\1", one_line(text, 500)).replace("\\@", "@\u200b")


def bounded(text: str, limit: int, *, note: str) -> str:
    """Head and tail of a long text with `note` in between; never longer than `limit` characters.

    `note` may hold ``{left}``, the number of characters left out.
    """
    if len(text) <= limit:
        return text
    room = max(limit - len(note.format(left=len(text))) - 2, 0)
    split = room * 2 // 3
    head, tail = text[:split].rstrip(), text[len(text) - (room - split) :].lstrip()
    middle = note.format(left=len(text) - len(head) - len(tail))
    return "\n".join(part for part in (head, middle, tail) if part)[:limit].rstrip()


def _shown_line(line: str) -> str:
    # Statements of megabytes are all but always printable; only what is not is looked at one by one.
    return line if line.replace("\t", "").isprintable() else "".join(map(_shown, line))


def _shown(character: str) -> str:
    if character == _TAB:
        return character
    category = unicodedata.category(character)
    if category == "Cc":
        code = ord(character)
        return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
    if category in ("Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character
