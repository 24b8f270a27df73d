"""Foreign text inside Markdown and annotations: shown as it is, never as markup, HTML, mention, reference or command."""

from __future__ import annotations

import re

from reconciler.report.values import plain

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+!|~.-])")
_ZERO_WIDTH = "\u200b"


def code(text: str, limit: int = 300) -> str:
    """A code span: nothing in it is interpreted. The fence is longer than any run of backticks inside."""
    shown = plain(text, limit).replace("<!--", f"<{_ZERO_WIDTH}!--")  # nobody forges the mark of our comment
    if not shown:
        return "` `"
    runs = re.findall(r"`+", shown)
    fence = "`" * (max((len(run) for run in runs), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str, limit: int = 2_000) -> str:
    """A sentence that may hold foreign text: punctuation escaped, mentions, references and links broken."""
    shown = plain(text, limit)
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _PUNCTUATION.sub(r"\\\1", shown)
    shown = shown.replace("@", f"@{_ZERO_WIDTH}").replace("\\#", f"\\#{_ZERO_WIDTH}")
    return shown.replace("://", f":{_ZERO_WIDTH}//").replace("www", f"ww{_ZERO_WIDTH}w")


def annotation_text(text: str) -> str:
    """The message of a workflow command."""
    return plain(text, 2_000).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def annotation_property(text: str) -> str:
    """A property of a workflow command."""
    return annotation_text(text).replace(":", "%3A").replace(",", "%2C")
