"""The declared list of messaging apps: types, public tokens and plain values, with references to the secret ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from reconciler.desired.declared import Declared
from reconciler.resources.base import Origin
from reconciler.resources.im import Im, ImSetting
from reconciler.spec.models.im import DingtalkIm, FeishuIm, SlackIm, TeamsIm, WecomIm
from reconciler.spec.models.references import SecretRef
from reconciler.spec.target import Target


def declared_im(target: Target) -> Iterator[Declared]:
    """The IM list, where the spec declares one. Secrets are keyed `<type>.<wire field>`."""
    im = target.spec.bytebase.im
    if im is None:
        return
    settings = []
    secrets: dict[str, SecretRef] = {}
    for setting in im.settings:
        values, version, private = _entry(setting, target)
        secrets |= {f"{setting.type}.{field}": reference for field, reference in private.items()}
        token = ", ".join([*(f"{field} {value}" for field, value in values.items()), f"version {version}"])
        settings.append(ImSetting(setting.type, token, tuple(values.items())))
    position = target.origin("spec", "bytebase", "im")
    yield Declared(Im(tuple(settings), verify=im.verify), Origin(position.file, position.line), secrets)


_Entry = tuple[Mapping[str, str], int, Mapping[str, SecretRef]]


def _entry(setting: SlackIm | FeishuIm | WecomIm | DingtalkIm | TeamsIm, target: Target) -> _Entry:
    """The plain values by wire field, the declared version, and the secret values by wire field."""
    match setting:
        case SlackIm():
            return {}, setting.version, {"token": setting.token}
        case FeishuIm():
            return _feishu(setting, target)
        case WecomIm():
            return {"corpId": setting.corp_id, "agentId": setting.agent_id}, setting.version, {"secret": setting.secret}
        case DingtalkIm():
            plain = {"clientId": setting.client_id, "robotCode": setting.robot_code}
            return plain, setting.version, {"clientSecret": setting.client_secret}
        case TeamsIm():
            plain = {"tenantId": setting.tenant_id, "clientId": setting.client_id}
            return plain, setting.version, {"clientSecret": setting.client_secret}
        case _:
            assert_never(setting)


def _feishu(setting: FeishuIm, target: Target) -> _Entry:
    app = target.spec.feishu.app if target.spec.feishu is not None else None
    if setting.from_ is not None and app is not None:
        return {"appId": app.id}, setting.version or app.version, {"appSecret": app.secret}
    private = {"appSecret": setting.app_secret} if setting.app_secret is not None else {}
    return {"appId": setting.app_id or ""}, setting.version or 1, private
