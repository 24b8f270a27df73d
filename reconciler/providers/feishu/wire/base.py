"""What all wire models share: unknown fields are ignored, null means absent, times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


class Wire(BaseModel):
    """Something Feishu answers: tolerant of more fields than documented, and of null where a field is absent elsewhere."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


class Body(BaseModel):
    """Something we send: only declared fields, None is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def encoded(self) -> bytes:
        """The JSON to send."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()


class Nothing(Wire):
    """A payload of which nothing is needed."""


def _millis(value: object) -> object:
    """Milliseconds as text or number; "0" and "" stand for "not yet"."""
    if value in ("", "0", 0):
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(float(value) / 1000, UTC)
        except (OverflowError, OSError):
            return value
    return value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Moment = Annotated[datetime | None, BeforeValidator(_millis)]
"""A time sent as milliseconds in text; None while it has not come."""

Id = Annotated[str, BeforeValidator(_as_text)]
"""An identifier that may come as a number; it is kept as text."""
