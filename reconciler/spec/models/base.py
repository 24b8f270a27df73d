"""What all spec models share: the base class, and how a union's member is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Discriminator, Tag
from pydantic.alias_generators import to_camel


class SpecModel(BaseModel):
    """A mapping that authors write: camelCase, unknown fields refused, immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


def label_of(model: type) -> str:
    """The name by which pydantic reports a union's member; the brackets tell it from a key of the file."""
    return f"<{model.__name__}>"


def tag(model: type) -> Tag:
    """Marks a model as a member of a union."""
    return Tag(label_of(model))


def chosen_by_key(members: Mapping[str, type], *, error: str, message: str, other: str | None = None) -> Discriminator:
    """Chooses a union's member by the key that is present; `other` is the label of what is no mapping."""

    def choose(value: object) -> str | None:
        if isinstance(value, Mapping):
            return next((label_of(model) for key, model in members.items() if key in value), None)
        if isinstance(value, SpecModel):
            return label_of(type(value))
        return other

    return Discriminator(choose, custom_error_type=error, custom_error_message=message)
