"""pydantic's errors, retold the way a compiler would: where, which field, what is expected, what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.locate import Path, Place, dotted, locate
from reconciler.spec.models.references import REFERENCE_LABELS
from reconciler.spec.source import Source, visible
from reconciler.spec.yaml import Document, YamlProblemError

_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}
_SHOWS_VALUE = {"duration", "moment", "form", "url", "choice"}
_SECRETIVE_NAME = re.compile(r"secret|token|password|passwd|key|auth", re.IGNORECASE)
_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_MOST_LISTED = 12
_LONGEST_VALUE = 60


def explain_validation(
    error: ValidationError, document: Document, source: Source
) -> tuple[list[tuple[Path, Diagnostic]], Source]:
    """Every error with the path it is about, in the order of the file, and the source as it may be quoted from then on.

    Nothing written below a secret is repeated, not even because another error stands on its line.
    """
    details = error.errors(include_url=False)
    source = source.hiding(at for detail in details if (at := _secret_at(detail, document)) is not None)
    found = [_explain(detail, document, source) for detail in details]
    found.sort(key=lambda item: item[0])
    return [(path, diagnostic) for _, path, diagnostic in found], source


def explain_syntax(error: YamlProblemError, source: Source) -> Diagnostic:
    """What keeps the text from being YAML."""
    hint = "indent with spaces, not tabs" if source.text[error.at : error.at + 1] == "\t" else ""
    related = ""
    if error.related:
        what, at = error.related
        related = f"{source.position(at)}: note: {what}\n{source.excerpt(at)}"
    return Diagnostic(source.position(error.at), "", visible(error.message), hint, source.excerpt(error.at), related)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` when something known is written almost like `word`, else nothing."""
    meant = closest(word, known)
    return f"did you mean '{meant}'?" if meant is not None else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """What is known and written almost like `word`."""
    lowered = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(word.lower().replace("_", ""), lowered, 1, 0.6)
    return lowered[close[0]] if close else None


def _secret_at(detail: ErrorDetails, document: Document) -> int | None:
    """Where the value stands that an error is about, if it may be a secret."""
    kind, location = detail["type"], detail["loc"]
    is_secret = kind in {"reference", "url_secret"} or any(label in REFERENCE_LABELS for label in location)
    if kind == "extra_forbidden" and not is_secret:
        name = str(location[-1])
        is_secret = bool(_SECRETIVE_NAME.search(name)) and not isinstance(detail["input"], dict | list)
    return locate(document, location).value_at if is_secret else None


def _explain(detail: ErrorDetails, document: Document, source: Source) -> tuple[int, Path, Diagnostic]:
    kind, location = detail["type"], detail["loc"]
    place = locate(document, location)
    hide_from = _secret_at(detail, document)
    path, at, hint = place.path, place.value_at, ""
    if kind == "missing":
        at, message = place.key_at, f"missing field '{location[-1]}'"
    elif kind == "extra_forbidden":
        parent = locate(document, location[:-1])
        name = str(location[-1])
        path, at, message = parent.path, place.key_at, f"unknown field '{_short(name)}'"
        hint = _unknown_field_hint(name, parent)
    else:
        message, hint = _wrong_value(detail, shows_value=hide_from is None)
    shown = source.excerpt(at, hide_from=hide_from)
    return at, place.path, Diagnostic(source.position(at), dotted(path), message, hint, shown)


def _unknown_field_hint(name: str, parent: Place) -> str:
    if meant := nearest(name, parent.fields):
        return meant
    if parent.fields and len(parent.fields) <= _MOST_LISTED:
        return "known here: " + ", ".join(sorted(parent.fields))
    return ""


def _wrong_value(detail: ErrorDetails, *, shows_value: bool) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    got = f", got {_described(value)}" if shows_value else ""
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}{got}", _type_hint(kind, value) if shows_value else ""
    if kind in {"choice", "reference"} and isinstance(value, dict):
        return detail["msg"], _choice_hint(detail["msg"], value)
    if kind == "literal_error":
        expected = str(context.get("expected", ""))
        hint = nearest(value, re.findall(r"'([^']+)'", expected)) if isinstance(value, str) and shows_value else ""
        return f"expected {expected}{got}", hint
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty", ""
    if kind in {"too_long", "string_too_long"}:
        return f"must not be longer than {context.get('max_length')}", ""
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = f"at least {context.get('ge')}" if "ge" in context else f"at most {context.get('le')}"
        return f"must be {bound}{got}", ""
    return detail["msg"] + (got if kind in _SHOWS_VALUE else ""), ""


def _type_hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return f'write "{_as_yaml(value)}" in quotes'
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _OLD_BOOLEANS:
        return f"write {_OLD_BOOLEANS[value.lower()]}: YAML 1.2 takes '{value}' for text"
    return ""


def _choice_hint(expected: str, written: dict[str, object]) -> str:
    """What was meant by a mapping that has none of the expected keys, or not one of the expected types."""
    kind = written.get("type")
    if "type" in expected and isinstance(kind, str):
        return nearest(kind, re.findall(r"\b[A-Z]{2,}\b", expected)) or f"got type '{_short(kind)}'"
    keys = re.findall(r"(\w+): ", expected)
    meant = (nearest(key, keys) for key in written)
    return next((hint for hint in meant if hint), "got " + (", ".join(map(_short, written)) or "an empty mapping"))


def _described(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(_short(value))
    return _as_yaml(value)


def _as_yaml(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _short(text: str) -> str:
    return visible(text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…")
