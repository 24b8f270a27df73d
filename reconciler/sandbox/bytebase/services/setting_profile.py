"""WORKSPACE_PROFILE: merged field by field, some behind a licence (facts §7.3)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, Call, Message, RpcError
from reconciler.sandbox.bytebase.services.licence import need
from reconciler.sandbox.bytebase.wire.shapes import camel, shapes, snake

_PREFIX = "value.workspace_profile."
_GATES = {
    "disallow_signup": ("DISALLOW_SELF_SERVICE_SIGNUP", "TEAM"),
    "enable_audit_log_stdout": ("AUDIT_LOG", "TEAM"),
    "require_mfa": ("TWO_FA", "ENTERPRISE"),
    "access_token_duration": ("TOKEN_DURATION_CONTROL", "ENTERPRISE"),
    "refresh_token_duration": ("TOKEN_DURATION_CONTROL", "ENTERPRISE"),
    "inactive_session_timeout": ("TOKEN_DURATION_CONTROL", "ENTERPRISE"),
    "announcement": ("DASHBOARD_ANNOUNCEMENT", "ENTERPRISE"),
    "enforce_identity_domain": ("USER_EMAIL_DOMAIN_RESTRICTION", "ENTERPRISE"),
    "disallow_password_signin": ("DISALLOW_PASSWORD_SIGNIN", "ENTERPRISE"),
    "watermark": ("WATERMARK", "ENTERPRISE"),
    "directory_sync_token": ("DIRECTORY_SYNC", "ENTERPRISE"),
    "password_restriction": ("PASSWORD_RESTRICTIONS", "ENTERPRISE"),
}


def merged_profile(call: Call, given: Message) -> Message:
    """The profile with what the mask names replaced."""
    if call.mask is None:
        raise RpcError(INVALID, "update mask is required")
    profile = dict(call.world.settings["WORKSPACE_PROFILE"]["workspaceProfile"])
    for path in call.mask:
        field = path.removeprefix(_PREFIX).partition(".")[0]
        name = camel(field)
        known = field == snake(name) and path.startswith(_PREFIX)
        if not known or shapes().field("WorkspaceProfileSetting", name) is None:
            raise RpcError(INVALID, f"invalid update mask path {path}")
        if field == "external_url" and call.world.seed.external_url:
            text = "external URL is managed via --external-url command-line flag and cannot be changed through the UI"
            raise RpcError(INVALID, text)
        if field in _GATES:
            need(call, *_GATES[field])
        if name in given:
            profile[name] = given[name].rstrip("/") if field == "external_url" else given[name]
        else:
            profile.pop(name, None)
    return profile
