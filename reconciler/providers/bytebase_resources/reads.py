"""Reads that several kinds need, made once for all of them, until something is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from reconciler.errors import NotFoundError
from reconciler.ports.declarative import ResourceWriter, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire_people import WireIamPolicy, WireRole
from reconciler.providers.bytebase.wire_workspace import WireEnvironment, WireProject

T = TypeVar("T")


class SharedReads:
    """Projects, roles, policies and environments of one client, each read once between two writes."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client
        self._known: dict[str, asyncio.Future[Any]] = {}

    async def project(self, name: str) -> WireProject | None:
        """The project of that id; None where there is none."""
        return await self._once(f"project {name}", lambda: _or_none(self._client.projects.get(f"projects/{name}")))

    async def visible_projects(self) -> Sequence[str]:
        """Ids of the projects our account sees, sorted. The default project takes no settings and is left out."""
        found = await self._once("projects", self._client.projects.visible)
        names = sorted(project.name.removeprefix("projects/") for project in found)
        return [name for name in names if not name.startswith("default")]

    async def roles(self) -> tuple[WireRole, ...]:
        """All roles."""
        return await self._once("roles", self._client.iam.roles)

    async def environments(self) -> tuple[WireEnvironment, ...]:
        """All environments, in the order of stages."""
        return await self._once("environments", self._client.settings.environments)

    async def policy(self, project: str | None) -> WireIamPolicy | None:
        """The bindings of a project, or of the workspace; None where there is no such project."""
        scope = await scope_name(self._client, project)
        if not scope:
            return WireIamPolicy()
        return await self._once(f"policy {scope}", lambda: _or_none(self._client.iam.policy(scope)))

    def forget(self) -> None:
        """Read anew from now on."""
        self._known.clear()

    async def _once(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = asyncio.ensure_future(read())
        # One reader's cancellation must not take the answer from the others.
        return cast("T", await asyncio.shield(known))


async def scope_name(client: BytebaseClient, project: str | None) -> str:
    """The resource whose policy holds a scope's bindings; '' for the workspace of a server that has no id for it."""
    return f"projects/{project}" if project is not None else (await client.server()).workspace


async def _or_none(read: Awaitable[T]) -> T | None:
    try:
        return await read
    except NotFoundError:
        return None


class Forgetting:
    """A writer after whose writes the shared reads are made anew."""

    def __init__(self, writer: ResourceWriter, reads: SharedReads) -> None:
        self._writer = writer
        self._reads = reads

    async def write(self, write: Write) -> Written:
        """Make the change."""
        try:
            return await self._writer.write(write)
        finally:
            self._reads.forget()
