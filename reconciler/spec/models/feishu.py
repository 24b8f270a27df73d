"""What a spec says about Feishu or Lark: the platform, the app, and the approval definitions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StrictBool, StrictInt, Tag, model_validator

from reconciler.spec.models.base import SpecModel, label_of, tag
from reconciler.spec.models.references import SecretRef
from reconciler.spec.models.scalars import ApprovalCode, Interval, Name, OriginUrl, Text


class PlatformHosts(SpecModel):
    """The servers of a private Feishu; `accounts` and `appLink` are `openApi` where they are not written."""

    open_api: OriginUrl
    accounts: OriginUrl | None = None
    app_link: OriginUrl | None = None


_KNOWN_HOSTS = {
    "feishu": PlatformHosts(
        openApi="https://open.feishu.cn", accounts="https://accounts.feishu.cn", appLink="https://applink.feishu.cn"
    ),
    "lark": PlatformHosts(
        openApi="https://open.larksuite.com",
        accounts="https://accounts.larksuite.com",
        appLink="https://applink.larksuite.com",
    ),
}

_NAMED = "<name>"


def _choose_platform(value: object) -> str:
    return label_of(PlatformHosts) if isinstance(value, Mapping | PlatformHosts) else _NAMED


Platform = Annotated[
    Annotated[Literal["feishu", "lark"], Tag(_NAMED)] | Annotated[PlatformHosts, tag(PlatformHosts)],
    Discriminator(_choose_platform),
]
"""Feishu, Lark, or the hosts of a private one."""


class App(SpecModel):
    """The custom app that asks, reads and withdraws."""

    id: Text
    secret: SecretRef
    version: Annotated[StrictInt, Field(ge=1)] = 1
    """Raise it when the secret behind the reference has changed: the value itself cannot be compared."""


class Events(SpecModel):
    """How news of decisions arrives; `none` means that everything is polled."""

    transport: Literal["longConnection", "callback", "none"] = "longConnection"
    encrypt_key: SecretRef | None = None
    verification_token: SecretRef | None = None


class FeishuPoll(SpecModel):
    """How often Feishu is asked: `every` without events, `net` behind them."""

    every: Interval = timedelta(seconds=5)
    net: Interval = timedelta(minutes=15)
    calls_per_minute: Annotated[StrictInt, Field(ge=1, le=100_000)] = 700


class AppConfiguration(SpecModel):
    """Whether the app's own configuration (bot, scopes, events, availability) is applied, or only verified."""

    manage: StrictBool = False


class Title(SpecModel):
    """A definition's name in both languages; where only one is written, it serves for both."""

    en_us: Annotated[Text, Field(alias="en-US")] = "Database change"
    zh_cn: Annotated[Text, Field(alias="zh-CN")] = "数据库变更"

    @model_validator(mode="before")
    @classmethod
    def _one_serves_for_both(cls, value: object) -> object:
        if isinstance(value, Mapping):
            written = [value[key] for key in ("en-US", "zh-CN") if key in value]
            if len(written) == 1:
                return {"en-US": written[0], "zh-CN": written[0], **value}
        return value


class AdoptedForm(SpecModel):
    """Which widget of an adopted definition holds what; without the digest no approval could be trusted."""

    change: Text | None = None
    link: Text | None = None
    project: Text | None = None
    stage: Text | None = None
    requester: Text | None = None
    tasks: Text | None = None
    checks: Text | None = None
    sql: Text | None = None
    digest: Text


class Definition(SpecModel):
    """An approval definition: created and overwritten by us (`managed`), or made in the console (`adopted`)."""

    name: Name
    mode: Literal["managed", "adopted"] = "managed"
    code: ApprovalCode | None = None
    title: Title = Title()
    decision: Literal["any", "all", "sequential"] = "any"
    node: Text | None = None
    form: AdoptedForm | None = None


class Feishu(SpecModel):
    """One Feishu or Lark tenant, seen through one app."""

    platform: Platform = "feishu"
    app: App | None = None
    events: Events = Events()
    poll: FeishuPoll = FeishuPoll()
    app_configuration: AppConfiguration = AppConfiguration()
    definitions: tuple[Definition, ...] = ()

    def hosts(self) -> PlatformHosts:
        """The servers to talk to; all three are set."""
        if not isinstance(self.platform, PlatformHosts):
            return _KNOWN_HOSTS[self.platform]
        written = self.platform
        return PlatformHosts(
            openApi=written.open_api,
            accounts=written.accounts or written.open_api,
            appLink=written.app_link or written.open_api,
        )
