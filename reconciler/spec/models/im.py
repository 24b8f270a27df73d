"""Bytebase's list of messaging apps, which the server replaces as a whole and never shows again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, StrictBool, StrictInt

from reconciler.spec.models.base import SpecModel, label_of, tag
from reconciler.spec.models.references import SecretRef
from reconciler.spec.models.scalars import Text

_Version = Annotated[StrictInt, Field(ge=1)]


class SlackIm(SpecModel):
    """Slack's token."""

    type: Literal["SLACK"]
    token: SecretRef
    version: _Version = 1


class FeishuIm(SpecModel):
    """A Feishu or Lark app: the one of `spec.feishu`, or another with its own secret.

    `version` without a value is that of the app it comes from.
    """

    type: Literal["FEISHU", "LARK"]
    from_: Annotated[Literal["feishu"] | None, Field(alias="from")] = None
    app_id: Text | None = None
    app_secret: SecretRef | None = None
    version: _Version | None = None


class WecomIm(SpecModel):
    """A WeCom app."""

    type: Literal["WECOM"]
    corp_id: Text
    agent_id: Text
    secret: SecretRef
    version: _Version = 1


class DingtalkIm(SpecModel):
    """A DingTalk app."""

    type: Literal["DINGTALK"]
    client_id: Text
    client_secret: SecretRef
    robot_code: Text
    version: _Version = 1


class TeamsIm(SpecModel):
    """A Microsoft Teams app."""

    type: Literal["TEAMS"]
    tenant_id: Text
    client_id: Text
    client_secret: SecretRef
    version: _Version = 1


_BY_TYPE = {
    "SLACK": SlackIm,
    "FEISHU": FeishuIm,
    "LARK": FeishuIm,
    "WECOM": WecomIm,
    "DINGTALK": DingtalkIm,
    "TEAMS": TeamsIm,
}


def _choose(value: object) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    model = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    return label_of(model) if model else None


ImSetting = Annotated[
    Annotated[SlackIm, tag(SlackIm)]
    | Annotated[FeishuIm, tag(FeishuIm)]
    | Annotated[WecomIm, tag(WecomIm)]
    | Annotated[DingtalkIm, tag(DingtalkIm)]
    | Annotated[TeamsIm, tag(TeamsIm)],
    Discriminator(
        _choose,
        custom_error_type="choice",
        custom_error_message="expected a mapping whose type is one of SLACK, FEISHU, LARK, WECOM, DINGTALK and TEAMS",
    ),
]
"""The credentials of one messaging app."""


class InstantMessaging(SpecModel):
    """The whole list of messaging apps. `undeclared` says what happens to live types that it does not name."""

    settings: tuple[ImSetting, ...]
    undeclared: Literal["refuse", "erase"] = "refuse"
    verify: StrictBool = True
    """Whether Bytebase tries the credentials at the messaging service before it stores them."""
