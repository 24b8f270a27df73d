"""Projects, their flags, and their webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from pydantic.alias_generators import to_camel

from reconciler.errors import NotFoundError, SpecError
from reconciler.providers.bytebase.channel import Call, Channel, asking, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire_workspace import WireProject, WireProjects, WireWebhook
from reconciler.providers.http_retry import Repeat
from reconciler.secret import Secret


@dataclass(frozen=True, slots=True)
class ProjectFlags:
    """Flags of a project to be written; None leaves one as it is. The names are the server's mask paths."""

    title: str | None = None
    require_issue_approval: bool | None = None
    allow_self_approval: bool | None = None
    require_plan_check_no_error: bool | None = None
    enforce_issue_title: bool | None = None
    enforce_sql_review: bool | None = None
    force_issue_labels: bool | None = None
    allow_request_role: bool | None = None
    parallel_tasks_per_rollout: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookFields:
    """Fields of a webhook to be written; None leaves one as it is. The type cannot be changed later (facts §13.2)."""

    title: str | None = None
    url: Secret | None = field(default=None, repr=False)
    direct_message: bool | None = None
    events: tuple[str, ...] | None = None


class Projects:
    """The projects that the account may see."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def get(self, name: str) -> WireProject:
        """One project with its webhooks."""
        return await self._channel.send(WireProject, reading(name, what="read the project"))

    async def visible(self) -> tuple[WireProject, ...]:
        """All projects in which the account has rights; works for an account that may not list projects (facts §5)."""
        call = asking("projects:search", {}, what="search the projects", resource="projects")
        return await self._channel.read_all(WireProjects, call)

    async def list_all(self) -> tuple[WireProject, ...]:
        """All projects of the workspace."""
        return await self._channel.read_all(WireProjects, reading("projects", what="list the projects"))

    async def update(self, name: str, flags: ProjectFlags) -> WireProject:
        """Write the given flags and no others."""
        values = {entry.name: getattr(flags, entry.name) for entry in fields(flags)}
        written = {key: value for key, value in values.items() if value is not None}
        body = {"name": name, **{to_camel(key): value for key, value in written.items()}}
        mask = (("update_mask", ",".join(written)),)
        call = Call("PATCH", f"/v1/{name}", _writing("change the project", name), Repeat.SAFE, mask, body)
        return await self._channel.send(WireProject, call)

    async def add_webhook(self, project: str, kind: str, webhook: WebhookFields) -> WireWebhook:
        """Add a webhook. Its id is found by comparing with what was there before: the server does not tell."""
        known = {entry.name for entry in (await self.get(project)).webhooks}
        body = {"webhook": {"type": kind, **_webhook_json(webhook)}}
        meaning = _writing("add the webhook", project)
        call = Call("POST", f"/v1/{project}:addWebhook", meaning, Repeat.UNSENT, (), body)
        after = (await self._channel.send(WireProject, call)).webhooks
        added = [entry for entry in after if entry.name not in known and entry.title == (webhook.title or "")]
        if not added:
            raise NotFoundError(
                "the webhook was added but cannot be found",
                where=project,
                next_step="look at the project's webhooks, then plan again",
            )
        return added[-1]

    async def update_webhook(self, name: str, webhook: WebhookFields) -> None:
        """Write the given fields of a webhook and no others."""
        body = {"name": name, **_webhook_json(webhook)}
        mask = (("update_mask", _webhook_mask(webhook)),)
        meaning = _writing("change the webhook", name)
        call = Call("PATCH", f"/v1/{name}:updateWebhook", meaning, Repeat.SAFE, mask, body)
        await self._channel.send(WireProject, call)

    async def remove_webhook(self, name: str) -> None:
        """Remove a webhook; gone already is fine."""
        body = {"webhook": {"name": name}}
        meaning = _writing("remove the webhook", name)
        call = Call("POST", f"/v1/{name}:removeWebhook", meaning, Repeat.SAFE, (), body)
        try:
            await self._channel.send(WireProject, call)
        except NotFoundError:
            return


def _writing(what: str, resource: str) -> CallMeaning:
    return CallMeaning(what, resource, acts=True, invalid=SpecError)


def _webhook_json(webhook: WebhookFields) -> dict[str, object]:
    values: dict[str, object | None] = {
        "title": webhook.title,
        "url": webhook.url.reveal() if webhook.url else None,
        "directMessage": webhook.direct_message,
        "notificationTypes": list(webhook.events) if webhook.events is not None else None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _webhook_mask(webhook: WebhookFields) -> str:
    parts = {
        "title": webhook.title,
        "url": webhook.url,
        "direct_message": webhook.direct_message,
        "notification_type": webhook.events,  # singular, unlike the field (facts §13.2)
    }
    return ",".join(part for part, value in parts.items() if value is not None)
