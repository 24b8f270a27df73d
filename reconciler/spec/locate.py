"""From pydantic's location of an error to the place in the file.

A location is no path: it also holds the labels of union members (`<EnvRef>`), and the name of a field that is missing or
unknown. The JSON schema is walked beside the value; only where it has a union is an element taken for a label, so a key
that looks like a label is still a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.spec.schema import spec_schema
from reconciler.spec.yaml import Document

Path = tuple[str | int, ...]
"""Keys and indexes from a document's root."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: offsets of the key (or list item) and of the value, and the fields allowed there.

    `reached` is false when the path goes on where the file does not.
    """

    path: Path
    key_at: int
    value_at: int
    fields: frozenset[str]
    reached: bool


def locate(document: Document, location: Sequence[str | int]) -> Place:
    """The deepest place in the document that a pydantic location leads to."""
    schema: Mapping[str, Any] = spec_schema()
    span, key_at = document.span, document.span.at
    path: list[str | int] = []
    reached = True
    for element in location:
        schema = resolved(schema)
        if "oneOf" in schema:
            schema = member(schema["oneOf"], str(element))
            continue
        if element not in span.children:
            reached = False
            break
        key_at, span = span.children[element]
        path.append(element)
        schema = below(schema, element)
    return Place(tuple(path), key_at, span.at, frozenset(resolved(schema).get("properties", ())), reached)


def find(document: Document, path: Path) -> Place:
    """The place of a path of keys and indexes; the nearest parent that is written where the file has less."""
    span, key_at = document.span, document.span.at
    for depth, element in enumerate(path):
        if element not in span.children:
            return Place(path[:depth], key_at, span.at, frozenset(), reached=False)
        key_at, span = span.children[element]
    return Place(path, key_at, span.at, frozenset(), reached=True)


def dotted(path: Sequence[str | int]) -> str:
    """A path as people read it: `spec.gates[0].match`."""
    text = ""
    for element in path:
        if isinstance(element, int):
            text += f"[{element}]"
        else:
            text += f".{element}" if text else element
    return text


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind references and behind an optional value."""
    while True:
        if "$ref" in schema:
            schema = spec_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
            continue
        present = [member for member in schema.get("anyOf", ()) if member.get("type") != "null"]
        if len(present) != 1:
            return schema
        schema = present[0]


def member(members: Sequence[Mapping[str, Any]], label: str) -> Mapping[str, Any]:
    """The union member of a label such as `<EnvRef>`; a member that is no mapping has nothing below it."""
    wanted = f"/{label[1:-1]}"
    return next((member for member in members if member.get("$ref", "").endswith(wanted)), {})


def below(schema: Mapping[str, Any], element: str | int) -> Mapping[str, Any]:
    """The schema of what stands under a key or index; empty where nothing may."""
    if isinstance(element, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(element, schema.get("additionalProperties"))
    return below if isinstance(below, Mapping) else {}
