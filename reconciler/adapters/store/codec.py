"""Frozen dataclasses to JSON text and back, without loss: the one form in which the store keeps facts.

Every field is written. Reading ignores fields it does not know and leaves missing ones at their default, so rows written by
an older or newer version stay readable. Text is escaped to ASCII, so that lone surrogates and NUL survive any database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from reconciler.errors import UnavailableError

T = TypeVar("T")
_Decoder = Callable[[object], object]


def encode(value: object) -> str:
    """JSON text of a dataclass made of text, numbers, moments, enumerations, tuples, frozen sets, mappings and other dataclasses."""
    return json.dumps(_plain(value), ensure_ascii=True, separators=(",", ":"))


def decode(kind: type[T], text: str) -> T:
    """The value that `encode` was given. Raises UnavailableError for text that no version of ours wrote."""
    try:
        return cast("T", _decoder(cast("Hashable", kind))(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnavailableError(
            f"a {kind.__name__} in the store cannot be read",
            why=type(error).__name__,
            next_step="restore the store from a copy, or move it aside and start `reconciler sync --adopt`",
        ) from error


def _plain(value: object) -> object:
    match value:
        case StrEnum():
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case tuple():
            return [_plain(item) for item in value]
        case frozenset():
            return sorted((_plain(item) for item in value), key=str)
        case Mapping():
            return {str(name): _plain(value[name]) for name in sorted(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"the store keeps no {type(value).__name__}")


@cache
def _decoder(kind: Hashable) -> _Decoder:
    """How a value of that annotation is read."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        (inner,) = (part for part in parts if part is not NoneType)
        return _optional(_decoder(inner))
    if origin is tuple:
        return _list(_decoder(parts[0])) if len(parts) == 2 and parts[1] is ... else _row(parts)
    if origin is frozenset:
        return _set(_decoder(parts[0]))
    if origin is Mapping:
        return _mapping(_decoder(parts[1]))
    if kind is datetime:
        return lambda value: datetime.fromisoformat(_text(value)).astimezone(UTC)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda value: kind(_text(value))
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    if kind in {str, bool, int}:
        return _exactly(cast("type", kind))
    if kind is float:
        return lambda value: float(cast("float", value))
    raise TypeError(f"the store reads no {kind}")


def _optional(inner: _Decoder) -> _Decoder:
    return lambda value: None if value is None else inner(value)


def _list(inner: _Decoder) -> _Decoder:
    return lambda value: tuple(inner(item) for item in _items(value))


def _set(inner: _Decoder) -> _Decoder:
    return lambda value: frozenset(inner(item) for item in _items(value))


def _mapping(inner: _Decoder) -> _Decoder:
    return lambda value: {name: inner(item) for name, item in _object(value).items()}


def _row(parts: tuple[object, ...]) -> _Decoder:
    inner = tuple(_decoder(part) for part in parts)
    return lambda value: tuple(read(item) for read, item in zip(inner, _items(value), strict=True))


def _exactly(kind: type) -> _Decoder:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}")
        return value

    return read


def _record(kind: type) -> _Decoder:
    hints = get_type_hints(kind)
    readers = {field.name: _decoder(hints[field.name]) for field in fields(kind)}

    def read(value: object) -> object:
        found = _object(value)
        return kind(**{name: reader(found[name]) for name, reader in readers.items() if name in found})

    return read


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return value


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return value
