"""YAML text into plain values with the place of each: one pass over parser events, YAML 1.2 meaning, hard limits.

Loaders of the usual kind read YAML 1.1 (`no` is false, `10:00` is 600), keep the last of two equal keys in silence, and
share aliased nodes so that a small file explodes later, when something walks it. Here plain scalars follow the 1.2 core
schema, duplicates are refused with both places, and every alias counts with all it expands to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import yaml
from yaml import events

MAX_DEPTH = 64
MAX_VALUES = 200_000

YamlValue = None | bool | int | float | str | list["YamlValue"] | dict[str, "YamlValue"]
"""A value as YAML means it; keys are always text, as written."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands in the text: `at` to `end` are character offsets (`end` holds for scalars and aliases).

    `style` is `plain`, `'`, `"`, `|`, `>` for scalars, `flow` or `block` for collections. `children` holds, per key of a
    mapping, the key's offset and the value's span; per item of a list, the item's offset and span.
    """

    at: int
    end: int
    style: str
    children: Mapping[str | int, tuple[int, Span]]
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value and where each part of it stands."""

    value: YamlValue
    span: Span


class YamlProblemError(Exception):
    """The text is no YAML that we accept; `at` is a character offset, `related` a second place worth showing."""

    def __init__(self, message: str, at: int, related: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.related = related


def load_documents(text: str, *, max_depth: int = MAX_DEPTH, max_values: int = MAX_VALUES) -> list[Document]:
    """Read every document of `text`, which must not begin with a byte order mark. Raises YamlProblemError."""
    if unprintable := yaml.reader.Reader.NON_PRINTABLE.search(text):
        # libyaml would refuse it too, but would name the place as a byte offset
        raise YamlProblemError(f"the character U+{ord(unprintable[0]):04X} is not allowed here", unprintable.start())
    builder = _Builder(text, max_depth=max_depth, max_values=max_values)
    try:
        return builder.documents()
    except yaml.MarkedYAMLError as error:
        mark, context = error.problem_mark or error.context_mark, error.context_mark
        at = mark.index if mark else 0
        related = (error.context, context.index) if error.context and context and context.index != at else None
        raise YamlProblemError(error.problem or "this is not YAML", min(at, len(text)), related) from None
    except yaml.YAMLError:
        raise YamlProblemError("this is not YAML", 0) from None
    finally:
        builder.close()


_WORDS: Mapping[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<decimal>[-+]?[0-9]+)|(?P<octal>0o[0-7]+)|(?P<hexadecimal>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)
_LONGEST_NUMBER = 40


def plain_scalar(text: str) -> bool | int | float | str | None:
    """What an unquoted scalar means by the YAML 1.2 core schema; infinities and not-a-number stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match.lastgroup == "decimal":
        return int(text)
    if match.lastgroup == "float":
        return float(text)
    return int(text, 0)


@dataclass(frozen=True, slots=True)
class _Node:
    value: YamlValue
    span: Span
    size: int


class _Parser(Protocol):
    def get_event(self) -> events.Event: ...

    def dispose(self) -> None: ...


class _Builder:
    """Builds documents from the parser's events, counting what they expand to."""

    def __init__(self, text: str, *, max_depth: int, max_values: int) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._parser = cast("_Parser", loader(text))
        self._max_depth = max_depth
        self._max_values = max_values
        self._anchors: dict[str, _Node] = {}
        self._total = 0

    def documents(self) -> list[Document]:
        found: list[Document] = []
        self._parser.get_event()
        while not isinstance(self._parser.get_event(), events.StreamEndEvent):
            self._anchors.clear()
            node = self._node(self._parser.get_event(), 0)
            found.append(Document(node.value, node.span))
            self._parser.get_event()
        return found

    def close(self) -> None:
        self._parser.dispose()

    def _count(self, values: int, at: int) -> None:
        self._total += values
        if self._total > self._max_values:
            raise YamlProblemError(f"the file expands to more than {self._max_values} values", at)

    def _node(self, event: events.Event, depth: int) -> _Node:
        at = _start(event)
        if isinstance(event, events.AliasEvent):
            anchored = self._anchors.get(event.anchor or "")
            if anchored is None:
                raise YamlProblemError(f"the alias *{event.anchor} is unknown here, or contains itself", at)
            self._count(anchored.size, at)
            return anchored
        if depth > self._max_depth:
            raise YamlProblemError(f"nested deeper than {self._max_depth} levels", at)
        self._count(1, at)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise YamlProblemError(f"the tag {tag} is not allowed", at)
        if isinstance(event, events.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, events.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._mapping(cast("events.MappingStartEvent", event), depth)
        anchor = cast("events.NodeEvent", event).anchor
        if anchor:
            self._anchors[anchor] = node
        return node

    def _scalar(self, event: events.ScalarEvent) -> _Node:
        plain = event.implicit[0] and event.tag is None
        value = plain_scalar(event.value) if plain else event.value
        tagged = event.tag is not None or event.anchor is not None
        return _Node(value, Span(_start(event), _end(event), event.style or "plain", {}, tagged), 1)

    def _sequence(self, event: events.SequenceStartEvent, depth: int) -> _Node:
        values: list[YamlValue] = []
        children: dict[str | int, tuple[int, Span]] = {}
        size = 1
        while not isinstance(item := self._parser.get_event(), events.SequenceEndEvent):
            node = self._node(item, depth + 1)
            children[len(values)] = (node.span.at, node.span)
            values.append(node.value)
            size += node.size
        return _Node(values, _collection_span(event, children), size)

    def _mapping(self, event: events.MappingStartEvent, depth: int) -> _Node:
        values: dict[str, YamlValue] = {}
        children: dict[str | int, tuple[int, Span]] = {}
        merges: list[tuple[_Node, int]] = []
        size = 1
        while not isinstance(key := self._parser.get_event(), events.MappingEndEvent):
            key_at = _start(key)
            if not isinstance(key, events.ScalarEvent):
                raise YamlProblemError("a key must be a plain value", key_at)
            self._count(1, key_at)
            node = self._node(self._parser.get_event(), depth + 1)
            size += node.size + 1
            if key.value == "<<" and key.implicit[0]:
                merges.append((node, key_at))
                continue
            if key.value in children:
                raise YamlProblemError(
                    f"the key '{key.value}' stands here twice", key_at, ("it first stands here", children[key.value][0])
                )
            values[key.value], children[key.value] = node.value, (key_at, node.span)
        for merged, key_at in merges:
            _merge(merged, key_at, values, children)
        return _Node(values, _collection_span(event, children), size)


def _start(event: events.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: events.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


def _collection_span(event: events.CollectionStartEvent, children: Mapping[str | int, tuple[int, Span]]) -> Span:
    style = "flow" if event.flow_style else "block"
    return Span(_start(event), _end(event), style, children, tagged=event.anchor is not None)


def _merge(
    merged: _Node, key_at: int, values: dict[str, YamlValue], children: dict[str | int, tuple[int, Span]]
) -> None:
    """Take over the keys of `<<: *other` that the mapping does not write itself."""
    if isinstance(merged.value, list):
        sources = [(value, merged.span.children[i][1]) for i, value in enumerate(merged.value)]
    else:
        sources = [(merged.value, merged.span)]
    for value, span in sources:
        if not isinstance(value, dict):
            raise YamlProblemError("'<<' takes a mapping or a list of mappings", key_at)
        for key in value:
            if key not in children:
                values[key], children[key] = value[key], span.children[key]
