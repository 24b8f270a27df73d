"""The base of every Bytebase message: read-only, unknown fields ignored, enumeration words kept as text."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A message as Bytebase sends it. Fields at their default are left out there, so every field but a name has one."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


_PREFIX = re.compile(r"^[A-Za-z]+[/:]")


def _text_of(word: object) -> object:
    # A server shows an enumeration value that it has no name for as a number.
    return str(word) if isinstance(word, int) and not isinstance(word, bool) else word


Word = Annotated[str, BeforeValidator(_text_of)]
"""An enumeration value. Kept as text, so that a word of a newer server is shown and not a crash."""


class Empty(Wire):
    """An answer whose content nobody needs."""


def email_of(name: str) -> str:
    """The e-mail in a principal's or group's name (`users/…`, `user:…`, `groups/…`), in lower case; '' for Bytebase itself."""
    return _PREFIX.sub("", name.strip(), count=1).strip().lower()
