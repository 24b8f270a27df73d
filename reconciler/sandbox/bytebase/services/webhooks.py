"""Webhooks of a project (facts §13.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from reconciler.sandbox.bytebase.call import (
    INTERNAL,
    INVALID,
    NOT_FOUND,
    PRECONDITION,
    Call,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.projects import project_message, project_named
from reconciler.sandbox.bytebase.world import Project, new_uuid

_HOSTS = {
    "SLACK": ("hooks.slack.com",),
    "DISCORD": ("discord.com",),
    "TEAMS": ("webhook.office.com", "logic.azure.com", "powerplatform.com"),
    "DINGTALK": ("oapi.dingtalk.com",),
    "FEISHU": ("open.feishu.cn",),
    "LARK": ("open.larksuite.com",),
    "WECOM": ("qyapi.weixin.qq.com",),
    "GOOGLE_CHAT": ("chat.googleapis.com",),
}
_PATHS = {"title": "title", "url": "url", "notification_type": "notificationTypes", "direct_message": "directMessage"}
"""Mask paths are not the field names: the event list is `notification_type`."""


def handlers(_: Deps) -> Handlers:
    """Add, change, remove, test; reading is by the project."""
    return {
        "ProjectService/AddWebhook": add,
        "ProjectService/UpdateWebhook": update,
        "ProjectService/RemoveWebhook": remove,
        "ProjectService/TestWebhook": test,
    }


def add(call: Call) -> Message:
    """A new webhook; its id is found by difference."""
    project = project_named(call, call.text("project"))
    return _add(call, project, call.part("webhook"))


def _add(call: Call, project: Project, given: Message) -> Message:
    if not call.world.external_url:
        raise RpcError(PRECONDITION, "external URL is not set")
    _check_url(given.get("type", ""), given.get("url", ""))
    project.webhooks.append({**given, "name": f"{project.name}/webhooks/{new_uuid()}"})
    return project_message(project)


def _check_url(kind: str, url: str) -> None:
    hosts = _HOSTS.get(kind)
    if hosts is None:
        raise RpcError(INVALID, f'webhook type "{kind}" is not supported')
    host = urlsplit(url).hostname or ""
    if not any(host == each or host.endswith(f".{each}") for each in hosts):
        allowed = " ".join(hosts)
        text = f'webhook URL domain "{host}" is not allowed for webhook type {kind} (allowed domains: [{allowed}])'
        raise RpcError(INVALID, f"invalid webhook URL: {text}")


def _find(call: Call, name: str) -> tuple[Project, Message | None]:
    project = project_named(call, name)
    return project, next((hook for hook in project.webhooks if hook["name"] == name), None)


def update(call: Call) -> Message:
    """Change what the mask names; `allowMissing` makes a new one with a new id."""
    given = call.part("webhook")
    project, hook = _find(call, given.get("name", ""))
    if hook is None:
        if call.message.get("allowMissing"):
            return _add(call, project, given)
        raise RpcError(NOT_FOUND, f'webhook "{given.get("name", "")}" not found')
    for path in call.mask or ():
        if path not in _PATHS:
            raise RpcError(INVALID, "type cannot be updated" if path == "type" else f'invalid field "{path}"')
    for path in call.mask or ():
        if path == "notification_type" and not given.get("notificationTypes"):
            raise RpcError(INVALID, "notification types should not be empty")
        if path == "url":
            _check_url(hook["type"], given.get("url", ""))
    for path in call.mask or ():
        hook[_PATHS[path]] = given.get(_PATHS[path])
    return project_message(project)


def remove(call: Call) -> Message:
    """Gone; a second removal is NOT_FOUND."""
    project, hook = _find(call, call.part("webhook").get("name", ""))
    if hook is None:
        raise RpcError(NOT_FOUND, f'webhook "{call.part("webhook").get("url", "")}" not found')
    project.webhooks.remove(hook)
    return project_message(project)


def test(call: Call) -> Message:
    """Dial the webhook: nothing outside can be reached from here; service accounts break it (facts §13.2)."""
    project_named(call, call.text("project"))
    if call.who.email in call.world.accounts:
        raise RpcError(INTERNAL, "failed to get the current user")
    return {"error": "failed to post webhook: no such host"}
