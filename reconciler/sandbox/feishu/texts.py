"""Texts in several languages: keys that begin with `@i18n@` and what they read in each locale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "@i18n@"
SHORTEST = 9


@dataclass(frozen=True, slots=True)
class Texts:
    """Locale → key → text; a key missing in a locale reads as in the default one, an unknown key stays a key."""

    default: str
    locales: Mapping[str, Mapping[str, str]]

    def read(self, key: str, locale: str | None) -> str:
        """The text of `key` for a reader of `locale` (None = the default)."""
        for name in (locale or self.default, self.default):
            if (text := self.locales.get(name, {}).get(key)) is not None:
                return text
        return key

    def has(self, key: str) -> bool:
        """Whether the default locale knows the key, as it must."""
        return key in self.locales.get(self.default, {})


NO_TEXTS = Texts("", {})


def is_key(value: object) -> bool:
    """Whether this can be a key at all: the prefix and at least nine characters."""
    return isinstance(value, str) and value.startswith(PREFIX) and len(value) >= SHORTEST


def read_texts(resources: Sequence[Mapping[str, Any]]) -> Texts | None:
    """Texts from `i18n_resources`; None unless exactly one locale is the default and knows every key, all well formed."""
    defaults = [item["locale"] for item in resources if item["is_default"]]
    if len(defaults) != 1:
        return None
    locales = {item["locale"]: {text["key"]: text["value"] for text in item["texts"]} for item in resources}
    keys = {key for texts in locales.values() for key in texts}
    complete = keys <= locales[defaults[0]].keys() and all(is_key(key) for key in keys)
    return Texts(defaults[0], locales) if complete else None
