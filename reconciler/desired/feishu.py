"""What a spec declares in Feishu, as resources with their origins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from reconciler.desired.bytebase import origin
from reconciler.desired.declared import Declared
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.app import App
from reconciler.resources.definition import Definition
from reconciler.resources.subscription import Subscription
from reconciler.spec.models import feishu as written
from reconciler.spec.target import Target

SCOPES = ("approval:approval", "approval:approval:readonly", "contact:user.id:readonly")
"""What every integration needs."""
CARD_SCOPE = "im:message:send_as_bot"
"""What telling people by card needs."""
EVENTS = ("approval_instance", "approval_task")
"""The events that wake us."""


def declared_in_feishu(target: Target, codes: Mapping[str, str]) -> Iterator[Declared]:
    """Every resource under `spec.feishu`; `codes` are recorded approval codes by spec name, for those not written yet."""
    feishu = target.spec.feishu
    if feishu is None:
        return
    if feishu.app is not None:
        yield Declared(_app(target, feishu, feishu.app), origin(target, "spec", "feishu", "app"))
    for index, definition in enumerate(feishu.definitions):
        at = origin(target, "spec", "feishu", "definitions", index)
        code = definition.code or codes.get(definition.name)
        yield Declared(_definition(target, definition, code), at)
        if feishu.events.transport != "none":
            yield Declared(Subscription(definition.name, code), at)


def _app(target: Target, feishu: written.Feishu, app: written.App) -> App:
    scopes = (*SCOPES, CARD_SCOPE) if target.spec.notify else SCOPES
    return App(
        app.id,
        bot=True,
        published=True,
        scopes=scopes,
        events=EVENTS if feishu.events.transport != "none" else None,
        transport=_TRANSPORTS[feishu.events.transport],
        is_managed=feishu.app_configuration.manage,
    )


_TRANSPORTS: Mapping[str, Literal["websocket", "webhook", ""]] = {
    "longConnection": "websocket",
    "callback": "webhook",
    "none": "",
}


def _definition(target: Target, definition: written.Definition, code: str | None) -> Definition | AdoptedDefinition:
    if definition.mode == "adopted":
        form = definition.form.model_dump(by_alias=True, exclude_none=True) if definition.form is not None else {}
        return AdoptedDefinition(
            definition.name,
            code or "",
            definition.node or "",
            tuple((ours, str(theirs)) for ours, theirs in form.items()),
            definition.decision,
        )
    title = (("en-US", definition.title.en_us), ("zh-CN", definition.title.zh_cn))
    return Definition(definition.name, target.name, title, definition.decision, code)
