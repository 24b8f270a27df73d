"""`feishu/subscription`: whether the app receives the events of a definition.

It cannot be read; subscribing again is answered with "already subscribed". What is known comes from the store's record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, Resource, declared


@dataclass(frozen=True, slots=True)
class Subscription(Resource):
    """The subscription to one definition, by its spec name.

    `subscribed` is the token of the code that was subscribed; None while nothing is recorded.
    """

    kind: ClassVar[str] = "feishu/subscription"
    marks: ClassVar[Mapping[str, Mark]] = {"subscribed": Mark.WRITE_ONLY}

    definition: str
    subscribed: str | None = None

    @property
    def name(self) -> str:
        """The definition's spec name."""
        return self.definition

    def fields(self) -> Mapping[str, Json]:
        """The token."""
        return declared(subscribed=self.subscribed)

    def with_tokens(self, tokens: Mapping[str, str]) -> Self:
        """With the recorded token."""
        return replace(self, subscribed=tokens.get("subscribed"))
