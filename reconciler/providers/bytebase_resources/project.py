"""Flags and webhooks of projects (facts §13): both are read from the project itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reconciler.errors import BugError
from reconciler.gather import all_of
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.projects import ProjectFlags, WebhookFields
from reconciler.providers.bytebase.wire_workspace import WireProject
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.resources.base import Resource
from reconciler.resources.finding import Finding
from reconciler.resources.project import Project
from reconciler.resources.webhook import Webhook


def _missing(kind: str, name: str, project: str) -> Finding:
    return Finding(
        "noSuchProject",
        kind,
        name,
        f"Bytebase has no project {project}; projects are never created here",
        "correct the name in spec.bytebase.projects, or create the project in Bytebase",
    )


class ProjectReader:
    """Reads the flags of projects."""

    def __init__(self, reads: SharedReads) -> None:
        self._reads = reads

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """The flags of each wanted project; a missing project is refused. Other projects are nobody's business."""
        del inventory
        found = await all_of([self._reads.project(each.name) for each in wanted])
        pairs = list(zip(wanted, found, strict=True))
        return Observation(
            live=tuple(_flags(each.name, project) for each, project in pairs if project is not None),
            refusals=tuple(_missing(Project.kind, each.name, each.name) for each, project in pairs if project is None),
        )


def _flags(name: str, project: WireProject) -> Project:
    return Project(
        name,
        require_issue_approval=project.require_issue_approval,
        allow_self_approval=project.allow_self_approval,
    )


class ProjectWriter:
    """Writes the flags that differ."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Write the changed flags and no others."""
        desired = write.desired
        if not isinstance(desired, Project):
            raise BugError("a project is never deleted", where=Project.kind)
        flags = ProjectFlags(
            require_issue_approval=desired.require_issue_approval if "requireIssueApproval" in write.paths else None,
            allow_self_approval=desired.allow_self_approval if "allowSelfApproval" in write.paths else None,
        )
        await self._client.projects.update(f"projects/{desired.project}", flags)
        return Written()


class WebhookReader:
    """Reads the webhooks of the projects that declare some; an inventory is of `projects`, or of all visible ones."""

    def __init__(self, reads: SharedReads, projects: Sequence[str] | None) -> None:
        self._reads = reads
        self._projects = projects

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """Each wanted webhook by project, title and type; two live ones under one name are refused."""
        hooks = [each for each in wanted if isinstance(each, Webhook)]
        names = sorted({each.project for each in hooks} | set(await self._listed() if inventory else ()))
        projects = dict(zip(names, await all_of([self._reads.project(name) for name in names]), strict=True))
        live = [
            _webhook(name, project, place)
            for name, project in projects.items()
            if project is not None
            for place in range(len(project.webhooks))
        ]
        counts = Counter(each.name for each in live)
        keys = {each.name for each in hooks}
        refusals = [_missing(Webhook.kind, each.name, each.project) for each in hooks if projects[each.project] is None]
        refusals += [_ambiguous(name, counts[name]) for name in sorted(keys) if counts[name] > 1]
        return Observation(
            live=tuple(each for each in live if each.name in keys and counts[each.name] == 1),
            others=tuple(each for each in live if each.name not in keys and inventory and counts[each.name] == 1),
            refusals=tuple(refusals),
        )

    async def _listed(self) -> Sequence[str]:
        return self._projects if self._projects is not None else await self._reads.visible_projects()


def _webhook(name: str, project: WireProject, place: int) -> Webhook:
    wire = project.webhooks[place]
    return Webhook(
        name,
        wire.title,
        wire.type,
        direct_message=wire.direct_message,
        events=wire.notification_types,
        id=wire.name,
    )


def _ambiguous(name: str, count: int) -> Finding:
    return Finding(
        "ambiguousWebhook",
        Webhook.kind,
        name,
        f"the project has {count} webhooks of this title and type, so it cannot be told which one is meant",
        "rename or remove all but one of them in Bytebase",
    )


class WebhookWriter:
    """Adds, changes and removes webhooks."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Add a whole webhook, or write the changed fields; the URL only where its version is among them."""
        desired, observed = write.desired, write.observed
        if desired is None and isinstance(observed, Webhook):
            await self._client.projects.remove_webhook(observed.id)
            return Written()
        if not isinstance(desired, Webhook):
            raise BugError("not a webhook", where=Webhook.kind)
        if observed is None:
            fields = WebhookFields(
                title=desired.title,
                url=write.secrets.get("url"),
                direct_message=desired.direct_message,
                events=desired.events,
            )
            await self._client.projects.add_webhook(f"projects/{desired.project}", desired.type, fields)
            return Written()
        if not isinstance(observed, Webhook):
            raise BugError("not a webhook", where=Webhook.kind)
        changed = WebhookFields(
            url=write.secrets.get("url") if "url" in write.paths else None,
            direct_message=desired.direct_message if "directMessage" in write.paths else None,
            events=desired.events if "events" in write.paths else None,
        )
        await self._client.projects.update_webhook(observed.id, changed)
        return Written()
