"""Whom we tell, and what we protect from deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StrictFloat, StrictInt, Tag

from reconciler.spec.models.base import SpecModel, label_of, tag
from reconciler.spec.models.scalars import Text


class Chat(SpecModel):
    """A Feishu group chat."""

    chat: Text


_PERSON = "<requester>"


def _choose_recipient(value: object) -> str:
    return label_of(Chat) if isinstance(value, Mapping | Chat) else _PERSON


Recipient = Annotated[
    Annotated[Literal["requester"], Tag(_PERSON)] | Annotated[Chat, tag(Chat)], Discriminator(_choose_recipient)
]
"""Who is told: the one who asked for the change, or a group chat."""


class Notify(SpecModel):
    """A card from the app's bot when one of these things happens to a change."""

    to: Recipient
    when: Annotated[tuple[Literal["held", "asked", "rejected", "ran", "failed", "expired"], ...], Field(min_length=1)]


class DeleteLimits(SpecModel):
    """The most deletions one apply may do: in number, and as a share of a kind's live resources."""

    max: Annotated[StrictInt, Field(ge=0)] = 3
    share: Annotated[StrictFloat, Field(ge=0, le=1)] = 0.3


class Protect(SpecModel):
    """Limits on deletion; `prune` names the kinds in which undeclared live resources are deleted."""

    prune: tuple[Literal["bytebase/webhook", "bytebase/role"], ...] = ()
    deletes: DeleteLimits = DeleteLimits()
