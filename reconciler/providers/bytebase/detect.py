"""Which Bytebase this is: its version and what follows from it, its licence, its workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.errors import CredentialsError, RefusedError
from reconciler.providers.bytebase.channel import Channel, asking, reading
from reconciler.providers.bytebase.wire_workspace import (
    WireActuator,
    WireAuditEntries,
    WireAuditEntry,
    WireDatabase,
    WireSubscription,
    WireWorkspace,
)

OLDEST = (3, 14)
"""The first version whose rollouts are what the product needs (facts §15)."""
SUPPORTED = (3, 17)
"""The first version that is fully supported; it lists stage summaries."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server's version means for a client. `version` is its own text; a development build counts as the newest."""

    version: str
    has_stage_summaries: bool
    has_workspaces: bool
    is_best_effort: bool


@dataclass(frozen=True, slots=True)
class Server:
    """One Bytebase as it presents itself. `external_url` is the base of links, '' if unset; `plan` the licence."""

    dialect: Dialect
    workspace: str
    external_url: str
    plan: str

    @property
    def has_reviews(self) -> bool:
        """Whether the licence evaluates approval rules at all."""
        return self.plan == "ENTERPRISE"


def dialect_of(version: str) -> Dialect:
    """The dialect of a version's text. Versions before 3.14 are refused by name; a text without numbers is a development build."""
    match = _VERSION.match(version)
    if match is None:
        return Dialect(version or "unknown", has_stage_summaries=True, has_workspaces=True, is_best_effort=not version)
    numbers = (int(match[1]), int(match[2]))
    if numbers < OLDEST:
        raise RefusedError(
            f"Bytebase {version} is too old",
            where="bytebase.url",
            why="stages cannot be told from reviews before 3.14",
            next_step="upgrade Bytebase to 3.17 or newer",
        )
    return Dialect(
        version,
        has_stage_summaries=numbers >= SUPPORTED,
        has_workspaces=numbers >= (3, 18),
        is_best_effort=numbers < SUPPORTED,
    )


class System:
    """The server itself: version, licence, workspace, databases and the audit log."""

    def __init__(self, channel: Channel, anonymous: Channel) -> None:
        self._channel = channel
        self._anonymous = anonymous

    async def server(self) -> Server:
        """Find out version, workspace and licence. RefusedError for a version that is too old, before anything else is asked."""
        actuator = await self.actuator()
        dialect = dialect_of(actuator.version)
        subscription = await self.subscription()
        workspace = actuator.workspace
        if not workspace and dialect.has_workspaces:
            workspace = (await self.workspace()).name
        return Server(dialect, workspace, actuator.external_url.rstrip("/"), subscription.plan)

    async def actuator(self) -> WireActuator:
        """What the server says of itself; without credentials where it allows that."""
        call = reading("actuator/info", what="read the version")
        try:
            return await self._anonymous.send(WireActuator, call)
        except CredentialsError:
            return await self._channel.send(WireActuator, call)

    async def subscription(self) -> WireSubscription:
        """The licence."""
        return await self._channel.send(WireSubscription, reading("subscription", what="read the licence"))

    async def workspace(self) -> WireWorkspace:
        """The workspace we are in (3.18+)."""
        return await self._channel.send(WireWorkspace, reading("workspaces/-", what="read the workspace"))

    async def database(self, name: str) -> WireDatabase:
        """A database, which tells the environment it is in."""
        return await self._channel.send(WireDatabase, reading(name, what="read the database"))

    async def audit(self, condition: str, *, limit: int = 100) -> tuple[WireAuditEntry, ...]:
        """The newest audit entries that fit the filter, in one call: a hint, never the truth. ForbiddenError on FREE."""
        body = {"filter": condition, "orderBy": "create_time desc"}
        call = asking("auditLogs:search", body, what="search the audit log", resource="auditLogs")
        return tuple((await self._channel.read_page(WireAuditEntries, call, size=limit)).items)
