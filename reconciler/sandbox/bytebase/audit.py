"""The audit log: what was called, by whom, with which outcome (facts §13.3)."""

from __future__ import annotations

import json

from reconciler.sandbox.bytebase.access import project_of_resource
from reconciler.sandbox.bytebase.call import Call, Message, RpcError
from reconciler.sandbox.bytebase.times import stamp
from reconciler.sandbox.bytebase.wire.shapes import camel
from reconciler.sandbox.bytebase.world import new_uuid

_SECRET_FIELDS = frozenset({"password", "token", "accessToken", "refreshToken", "license"})
_WITH_RESOURCE = {
    "SettingService/UpdateSetting": ("setting", "name"),
    "ProjectService/SetIamPolicy": ("resource", ""),
    "WorkspaceService/SetIamPolicy": ("resource", ""),
    "AuthService/Login": ("email", ""),
}


def record(call: Call, response: Message | None, error: RpcError | None, *, seconds: float) -> None:
    """Append an entry. The request is stored as it came: 3.21.1 does not redact the secrets of APP_IM there."""
    project = project_of_resource(_object(call.message))
    parent = f"projects/{project}" if project in call.world.projects else call.world.workspace
    entry: Message = {
        "name": f"{parent}/auditLogs/{new_uuid()}",
        "createTime": stamp(call.now),
        "user": call.caller.name if call.caller is not None else f"users/{call.text('email')}",
        "method": f"/bytebase.v1.{call.method}",
        "severity": "INFO",
        "resource": _resource(call),
        "request": json.dumps(_redacted(_with_mask(call)), ensure_ascii=False, separators=(",", ":")),
        "response": json.dumps(_redacted(response or {}), ensure_ascii=False, separators=(",", ":"))
        if response
        else "",
        "latency": f"{seconds:.6f}s",
    }
    if error is not None:
        entry["status"] = {"code": error.code, "message": error.message}
    call.world.audit.append(entry)


def _with_mask(call: Call) -> Message:
    if call.mask is None:
        return call.message
    paths = (".".join(camel(part) for part in path.split(".")) for path in call.mask)
    return {**call.message, "updateMask": ",".join(paths)}


def _resource(call: Call) -> str:
    field, inner = _WITH_RESOURCE.get(call.method, ("", ""))
    value = call.message.get(field, "")
    if inner and isinstance(value, dict):
        value = value.get(inner, "")
    return str(value)


def _object(message: Message) -> str:
    for key in ("name", "parent", "resource", "project"):
        if isinstance(message.get(key), str):
            return str(message[key])
    for value in message.values():
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return ""


def _redacted(message: Message) -> Message:
    return {key: "" if key in _SECRET_FIELDS and isinstance(value, str) else value for key, value in message.items()}
