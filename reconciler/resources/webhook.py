"""`bytebase/webhook`: a webhook of a project, found again by project, title and type.

Its URL holds a secret and newer servers do not return it, so it is write-only: a declared version stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, Resource, declared, listed, normalise, sorted_unique


@dataclass(frozen=True, slots=True)
class Webhook(Resource):
    """One webhook. `id` is the server's own (`projects/p/webhooks/n`); empty on the desired side."""

    kind: ClassVar[str] = "bytebase/webhook"
    marks: ClassVar[Mapping[str, Mark]] = {
        "directMessage": Mark.PLAIN,
        "events": Mark.UNORDERED,
        "url": Mark.WRITE_ONLY,
    }

    project: str
    title: str
    type: str
    direct_message: bool | None = None
    events: tuple[str, ...] | None = None
    url_token: str | None = None
    id: str = ""

    def __post_init__(self) -> None:
        if self.events is not None:
            normalise(self, events=sorted_unique(self.events))

    @property
    def name(self) -> str:
        """`<project>/<title>/<type>`."""
        return f"{self.project}/{self.title}/{self.type}"

    def fields(self) -> Mapping[str, Json]:
        """Direct messages, events, and the token of the URL."""
        return declared(directMessage=self.direct_message, events=listed(self.events), url=self.url_token)

    def with_tokens(self, tokens: Mapping[str, str]) -> Self:
        """With the recorded token."""
        return replace(self, url_token=tokens.get("url"))
