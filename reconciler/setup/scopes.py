"""Scopes: the three that the guide names are needed; others serve one feature each and are never a failure. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.desired.feishu import CARD_SCOPE
from reconciler.desired.feishu import SCOPES as REQUIRED
from reconciler.setup.check import Check, Item
from reconciler.setup.facts import Console, Read, ScopeState, Unread
from reconciler.spec.models.integration import Spec

SELF_MANAGE = "application:application:self_manage"


@dataclass(frozen=True, slots=True)
class _Optional:
    """A scope that one feature needs; `instead` are wider ones that serve as well."""

    name: str
    serves: str
    without: str
    instead: tuple[str, ...] = ()


_URGENT = _Optional("im:message.urgent", "buzzing people who are reminded", "reminders do not buzz")
_CARDS = _Optional(
    CARD_SCOPE,
    "the cards of spec.notify, and reminders by card",
    "no card is sent, and people are reminded by a mention on the request",
    ("im:message",),
)
_OWN_RECORD = _Optional(
    SELF_MANAGE,
    "seeing icon, version, availability, events and whether the app is enabled",
    "steps 2, 5 and 6 cannot be verified",
    ("admin:app.info:readonly",),
)
_LIST = _Optional(
    "approval:approval.list:readonly",
    "a quicker sync --adopt",
    "sync --adopt reads request by request",
)
_PATCH = _Optional(
    "application:application:patch",
    "applying spec.feishu.appConfiguration",
    "apply and bootstrap cannot change the app, although the spec says appConfiguration: {manage: true}",
)


def required_scopes(item: Item, scopes: Read[tuple[ScopeState, ...]], console: Console) -> Check:
    """The guide's step: all three are granted."""
    if isinstance(scopes, Unread):
        return item.unread(scopes, link=console.scopes(REQUIRED))
    states = {scope.name: scope.granted for scope in scopes}
    missing = [name for name in REQUIRED if not states.get(name, False)]
    if not missing:
        return item.ok(", ".join(REQUIRED))
    said = [f"{name} ({'waits for an administrator' if name in states else 'not declared'})" for name in missing]
    return item.failed(
        f"not granted: {', '.join(said)}",
        fix="grant them in the console and publish a version of the app: a scope counts once its version is online",
        link=console.scopes(missing),
    )


def optional_scopes(spec: Spec, scopes: Read[tuple[ScopeState, ...]], console: Console) -> Iterator[Check]:
    """One line for each scope beyond the three: granted, not needed, or missing and what that means."""
    for scope, is_wanted in _wanted(spec).items():
        item = _item(scope)
        link = console.scopes([scope.name])
        if isinstance(scopes, Unread):
            yield item.unread(scopes, link=link)
        elif {each.name for each in scopes if each.granted} & {scope.name, *scope.instead}:
            yield item.ok(f"granted, for {scope.serves}")
        elif not is_wanted:
            yield item.ok(f"not granted, and not needed: {scope.without}")
        else:
            yield item.unverifiable(
                f"not granted, so {scope.without}",
                fix=f"grant it for {scope.serves}, and publish a version of the app",
                link=link,
            )


def optional_scope_items(spec: Spec) -> list[Item]:
    """The same lines, before anything is known."""
    return [_item(scope) for scope in _wanted(spec)]


def _wanted(spec: Spec) -> dict[_Optional, bool]:
    """The scopes to speak of, and whether something in the spec calls for each."""
    wanted = {_CARDS: bool(spec.notify), _URGENT: False, _OWN_RECORD: True, _LIST: False}
    if spec.feishu is not None and spec.feishu.app_configuration.manage:
        wanted[_PATCH] = True
    return wanted


def _item(scope: _Optional) -> Item:
    return Item(f"scope/{scope.name}", f"Optional scope {scope.name}")
