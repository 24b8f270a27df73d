"""APP_IM: write-only entries, replaced whole; the mask only says what is validated live (facts §7.1)."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.bytebase.call import INVALID, Call, Message, RpcError

_KEYS = {
    "SLACK": "slack",
    "FEISHU": "feishu",
    "WECOM": "wecom",
    "LARK": "lark",
    "DINGTALK": "dingtalk",
    "TEAMS": "teams",
}
_PATHS = {f"value.app_im.{key}": kind for kind, key in _KEYS.items() if kind != "TEAMS"}
_PATHS["value.app_im_setting_value.teams"] = "TEAMS"
_HOSTS = {"FEISHU": "open.feishu.cn", "LARK": "open.larksuite.com"}


def checked_im(call: Call, given: Message, credentials: Callable[[str, str, str], bool] | None) -> Message:
    """The list as it is stored and read: types with empty payloads. Dials for every type that the mask names."""
    entries = given.get("settings", [])
    kinds = [entry.get("type", "") for entry in entries]
    for kind in kinds:
        if kind not in _KEYS:
            raise RpcError(INVALID, f"unsupported im type {kind or 'IM_TYPE_UNSPECIFIED'}")
        if kinds.count(kind) > 1:
            raise RpcError(INVALID, f"duplicate im type {kind}")
    for path in call.mask or ():
        if path not in _PATHS:
            raise RpcError(INVALID, f"invalid update mask path {path}")
        kind = _PATHS[path]
        if kind not in kinds:
            raise RpcError(INVALID, f"cannot found {_KEYS[kind]} setting")
        _dial(kind, entries[kinds.index(kind)].get(_KEYS[kind], {}), credentials)
    return {"settings": [{"type": kind, _KEYS[kind]: {}} for kind in kinds]}


def _dial(kind: str, payload: Message, credentials: Callable[[str, str, str], bool] | None) -> None:
    host = _HOSTS.get(kind)
    if host is None:
        raise RpcError(INVALID, f"validation failed: {kind} cannot be reached: no such host")
    if credentials is None:
        url = f"https://{host}/open-apis/auth/v3/tenant_access_token/internal"
        dial = f'Post "{url}": dial tcp: lookup {host} on 192.0.2.53:53: no such host'
        raise RpcError(INVALID, f"validation failed: failed to refresh token: POST {url}: {dial}")
    if not credentials(kind, payload.get("appId", ""), payload.get("appSecret", "")):
        raise RpcError(INVALID, "validation failed: failed to get tenant access token, code 10014, app secret invalid")
