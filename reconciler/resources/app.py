"""`feishu/app`: what a custom app must have for approvals to work: a bot, scopes, events, an online version.

Always verified; changed only where the spec manages it. What cannot be read without a scope is None. To whom the app is
available is no field: whom that has to be follows from today's rights, not from the spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from reconciler.resources.base import Json, Mark, OnDifference, Resource, declared, listed, normalise, sorted_unique


@dataclass(frozen=True, slots=True)
class App(Resource):
    """An app by its id. On the desired side `scopes` and `events` name what is needed; more than that is no difference.

    `transport` is how events are to arrive (`websocket`, `webhook`); it is sent and never compared.
    """

    kind: ClassVar[str] = "feishu/app"
    marks: ClassVar[Mapping[str, Mark]] = {
        "bot": Mark.PLAIN,
        "published": Mark.PLAIN,
        "scopes": Mark.UNORDERED,
        "events": Mark.UNORDERED,
    }

    app_id: str
    bot: bool | None = None
    published: bool | None = None
    scopes: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None
    transport: str = ""
    is_managed: bool = False

    def __post_init__(self) -> None:
        for field, value in (("scopes", self.scopes), ("events", self.events)):
            if value is not None:
                normalise(self, **{field: sorted_unique(value)})

    @property
    def name(self) -> str:
        """The app's id."""
        return self.app_id

    @property
    def on_difference(self) -> OnDifference:
        """An app that is not managed is only verified."""
        return OnDifference.WRITE if self.is_managed else OnDifference.WARN

    def over(self, observed: Self) -> Self:
        """What is there already stays: scopes and events are only ever added."""
        return replace(
            self,
            bot=observed.bot if self.bot is None else self.bot,
            published=observed.published if self.published is None else self.published,
            scopes=_joined(self.scopes, observed.scopes),
            events=_joined(self.events, observed.events),
        )

    def fields(self) -> Mapping[str, Json]:
        """What is needed or was found."""
        return declared(
            bot=self.bot,
            published=self.published,
            scopes=listed(self.scopes),
            events=listed(self.events),
        )


def _joined(needed: tuple[str, ...] | None, found: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if needed is None or found is None:
        return needed if found is None else found
    return (*needed, *found)
