"""How people in Bytebase are found in Feishu."""

from __future__ import annotations

from typing import Annotated, Literal

from reconciler.spec.models.base import SpecModel, chosen_by_key, tag
from reconciler.spec.models.scalars import Domain, Email, Text


class DomainRule(SpecModel):
    """People of one mail domain in Bytebase have another one in Feishu, with the same local part."""

    bytebase: Domain
    feishu: Domain


class EmailOverride(SpecModel):
    """One person's other address in Feishu."""

    bytebase: Email
    feishu: Email


class OpenIdOverride(SpecModel):
    """One person's open id in Feishu, as our app sees it."""

    bytebase: Email
    open_id: Text


Override = Annotated[
    Annotated[EmailOverride, tag(EmailOverride)] | Annotated[OpenIdOverride, tag(OpenIdOverride)],
    chosen_by_key(
        {"openId": OpenIdOverride, "feishu": EmailOverride},
        error="choice",
        message="expected {bytebase: …, feishu: …} or {bytebase: …, openId: …}",
    ),
]
"""Where one person is found in Feishu."""


class Users(SpecModel):
    """The mapping of people; `pinned` knows only the overrides."""

    match: Literal["email", "pinned"] = "email"
    domains: tuple[DomainRule, ...] = ()
    overrides: tuple[Override, ...] = ()
    unknown_requester: Literal["bot", "hold"] = "bot"
