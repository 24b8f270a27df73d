"""`feishu/definition`, adopted: a definition made in the console. Its shape is checked; it is never written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from reconciler.resources.base import Json, Mark, OnDifference, Resource, declared, normalise

TEXT = "text"
"""The one thing a mapped widget must be: a single or multi-line text."""


@dataclass(frozen=True, slots=True)
class AdoptedDefinition(Resource):
    """What an adopted definition must offer: an approval node of the declared kind, and a text widget per mapped field.

    `form` maps our field ids to what was found (`text`, another widget type, or nothing at all); `widgets` maps them to
    the console's own widget ids.
    """

    kind: ClassVar[str] = "feishu/definition"
    marks: ClassVar[Mapping[str, Mark]] = {"decision": Mark.PLAIN, "node": Mark.PLAIN, "form": Mark.PLAIN}

    spec_name: str
    code: str
    node: str
    widgets: tuple[tuple[str, str], ...]
    decision: str | None = None
    form: tuple[tuple[str, str], ...] | None = None

    def __post_init__(self) -> None:
        normalise(self, widgets=tuple(sorted(self.widgets)))
        if self.form is None:
            normalise(self, form=tuple((ours, TEXT) for ours, _ in self.widgets))

    @property
    def name(self) -> str:
        """The spec name."""
        return self.spec_name

    @property
    def on_difference(self) -> OnDifference:
        """It must fit and is never written."""
        return OnDifference.REFUSE

    def fields(self) -> Mapping[str, Json]:
        """Decision, node and the type of each mapped widget."""
        return declared(decision=self.decision, node=self.node, form=dict(self.form or ()))
