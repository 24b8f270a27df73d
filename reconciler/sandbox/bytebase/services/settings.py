"""Workspace settings: each name with its own rules (facts §7)."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.sandbox.bytebase.access import require
from reconciler.sandbox.bytebase.call import INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.setting_approval import check_rules
from reconciler.sandbox.bytebase.services.setting_environment import checked_environments
from reconciler.sandbox.bytebase.services.setting_im import checked_im
from reconciler.sandbox.bytebase.services.setting_profile import merged_profile

NAMES = (
    "WORKSPACE_PROFILE", "WORKSPACE_APPROVAL", "APP_IM", "AI", "DATA_CLASSIFICATION", "SEMANTIC_TYPES", "ENVIRONMENT", "EMAIL",
)  # fmt: skip
_OWN_PERMISSIONS = {"ENVIRONMENT": "Environment", "WORKSPACE_PROFILE": "WorkspaceProfile"}


def handlers(deps: Deps) -> Handlers:
    """Read, list, write."""
    return {
        "SettingService/GetSetting": get,
        "SettingService/ListSettings": list_settings,
        "SettingService/UpdateSetting": lambda call: update(call, deps.im_credentials),
    }


def _name(text: str) -> str:
    name = text.removeprefix("settings/")
    if name not in NAMES:
        raise RpcError(INVALID, f"invalid setting name: invalid setting name: {name}")
    return name


def _message(name: str, value: Message) -> Message:
    return {"name": f"settings/{name}", "value": value}


def get(call: Call) -> Message:
    """One setting, under the permission that its name has."""
    name = _name(call.text("name"))
    require(call, f"bb.settings.get{_OWN_PERMISSIONS.get(name, '')}")
    if name not in call.world.settings:
        raise RpcError(NOT_FOUND, f"setting {name} not found")
    return _message(name, call.world.settings[name])


def list_settings(call: Call) -> Message:
    """All settings that exist."""
    return {"settings": [_message(name, value) for name, value in call.world.settings.items()]}


def update(call: Call, im_credentials: Callable[[str, str, str], bool] | None) -> Message:
    """Replace or merge, as the setting's own rules say; `validateOnly` answers and stores nothing."""
    setting = call.part("setting")
    name = _name(setting.get("name", ""))
    require(call, f"bb.settings.set{_OWN_PERMISSIONS.get(name, '')}")
    if name not in call.world.settings and not call.message.get("allowMissing"):
        raise RpcError(NOT_FOUND, f"setting {name} not found")
    value = setting.get("value", {})
    match name:
        case "APP_IM":
            stored: Message = {"appIm": checked_im(call, value.get("appIm", {}), im_credentials)}
        case "WORKSPACE_APPROVAL":
            stored = {"workspaceApproval": check_rules(call, value.get("workspaceApproval", {}))}
        case "WORKSPACE_PROFILE":
            stored = {"workspaceProfile": merged_profile(call, value.get("workspaceProfile", {}))}
        case "ENVIRONMENT":
            stored = {"environment": checked_environments(call, value.get("environment", {}))}
        case _:
            stored = value
    if not call.message.get("validateOnly"):
        call.world.settings[name] = stored
    return _message(name, stored)
