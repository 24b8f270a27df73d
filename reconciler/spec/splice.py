"""Writes a definition's `code` into a spec's text: that value and nothing else, proved by reading the result again."""

from __future__ import annotations

import re

from reconciler.errors import FilePosition, SpecError
from reconciler.spec.locate import Path, find
from reconciler.spec.source import Source, SpecText
from reconciler.spec.yaml import Document, Span, YamlProblemError, YamlValue, load_documents, plain_scalar

_SAFE_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def splice_code(file: SpecText, *, document: int, definition: str, code: str) -> str:
    """The text with `code` as the code of the named definition in the given document, all other characters as before.

    Quotes in place are kept. A definition without `code` gets one behind its name. Raises SpecError, with the line to
    edit by hand, when the value cannot be written without touching anything else.
    """
    source = Source(file.name, file.text)
    try:
        before = load_documents(file.text)
    except YamlProblemError as error:
        raise _by_hand(source.position(error.at), definition, code, "the file is no YAML any more") from None
    path = _definition_path(before[document], definition) if document < len(before) else None
    if path is None:
        raise _by_hand(FilePosition(file.name, 1, 1), definition, code, "the file does not declare it any more")
    place = find(before[document], (*path, "code"))
    here = source.position(place.value_at if place.reached else place.key_at)
    text = _spliced(file.text, _span(before[document], path), code)
    if text is None or not _only_code_differs(before, text, document, path, code):
        raise _by_hand(here, definition, code, "the place cannot be written without touching more than this value")
    return text


def _by_hand(place: FilePosition, definition: str, code: str, why: str) -> SpecError:
    return SpecError(
        f"the code of definition '{definition}' could not be written into the spec",
        where=place,
        why=why,
        next_step=f"write 'code: {code}' for definition '{definition}' by hand and commit it",
    )


def _definition_path(document: Document, name: str) -> Path | None:
    """Where the definition stands; None when it is not declared, or not in the usual form."""
    value: YamlValue = document.value
    for key in ("spec", "feishu", "definitions"):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        return None
    for index, definition in enumerate(value):
        if isinstance(definition, dict) and definition.get("name") == name:
            return ("spec", "feishu", "definitions", index)
    return None


def _span(document: Document, path: Path) -> Span:
    span = document.span
    for element in path:
        span = span.children[element][1]
    return span


def _spliced(text: str, definition: Span, code: str) -> str | None:
    """The changed text; None where the value stands in a form that is not edited."""
    if "code" in definition.children:
        value = definition.children["code"][1]
        if value.tagged or value.style not in {"plain", "'", '"'} or text[value.at : value.at + 1] == "*":
            return None
        gap = " " if value.at == value.end and not text[value.at - 1].isspace() else ""
        return text[: value.at] + gap + _scalar(code, value.style) + text[value.end :]
    key_at, name = definition.children["name"]
    if name.style in {"|", ">"}:
        return None
    if definition.style == "flow":
        return f"{text[: name.end]}, code: {_scalar(code, 'plain')}{text[name.end :]}"
    line_start = max(text.rfind("\n", 0, key_at), text.rfind("\r", 0, key_at)) + 1
    indent = " " * (key_at - line_start)
    line_end = re.compile(r"\r\n|\r|\n").search(text, name.end)
    ending = _line_ending(text)
    added = f"{indent}code: {_scalar(code, 'plain')}"
    if line_end is None:
        return f"{text}{ending}{added}"
    return f"{text[: line_end.end()]}{added}{ending}{text[line_end.end() :]}"


def _line_ending(text: str) -> str:
    found = re.search(r"\r\n|\r|\n", text)
    return found[0] if found else "\n"


def _scalar(value: str, style: str) -> str:
    """The value as a scalar in the style in place; plain only when it would be read as text."""
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == "plain" and _SAFE_PLAIN.fullmatch(value) and isinstance(plain_scalar(value), str):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _only_code_differs(before: list[Document], text: str, document: int, path: Path, code: str) -> bool:
    try:
        after = load_documents(text)
    except YamlProblemError:
        return False
    wanted = [entry.value for entry in before]
    wanted[document] = _with(wanted[document], (*path, "code"), code)
    return [entry.value for entry in after] == wanted


def _with(value: YamlValue, path: Path, leaf: str) -> YamlValue:
    """A copy of the value with `leaf` at `path`."""
    if not path:
        return leaf
    head, *tail = path
    if isinstance(value, dict) and isinstance(head, str):
        return {**value, head: _with(value.get(head), tuple(tail), leaf)}
    if isinstance(value, list) and isinstance(head, int):
        return [_with(item, tuple(tail), leaf) if index == head else item for index, item in enumerate(value)]
    return value
