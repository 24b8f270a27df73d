"""Ports of doctor. Nothing here writes, the probe's port apart, which is handed over only where a probe was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from reconciler.errors import ReconcilerError
from reconciler.ports.declarative import AppliedReader, Readers
from reconciler.setup.facts import AppState, BotState, DefinitionState, Read, ScopeState, VersionState
from reconciler.subjects.instance import CancelResult, Instance, InstanceRequest, LiveDefinition, NodeTask


class FeishuSetupReader(Protocol):
    """Feishu as doctor reads it: one thing at a time."""

    def code_of(self, error: ReconcilerError) -> int | None:
        """Feishu's own code behind an error."""
        ...

    async def sign_in(self) -> None:
        """Have id and secret accepted."""
        ...

    async def bot(self) -> BotState:
        """The app's bot."""
        ...

    async def scopes(self) -> tuple[ScopeState, ...]:
        """The declared scopes; Feishu allows about one call a minute."""
        ...

    async def app(self) -> AppState:
        """The app's own record."""
        ...

    async def version(self, version_id: str) -> VersionState:
        """One version of the app."""
        ...

    async def connections(self) -> int:
        """How many long connections are open."""
        ...

    async def offer_connection(self) -> None:
        """Have Feishu say where a long connection would be made; none is made."""
        ...

    async def definition(self, name: str) -> DefinitionState | None:
        """The live definition behind a spec name; None where no code of it is known."""
        ...

    async def recent(self, name: str, *, since: datetime, most: int) -> tuple[tuple[str, ...], ...]:
        """The texts in the forms of a definition's newest requests."""
        ...

    async def availability(self, open_ids: Sequence[str]) -> Mapping[str, bool]:
        """Whether the app is available to each person."""
        ...


class Hearing(Protocol):
    """What came over a long connection so far."""

    async def is_connected(self, *, within: float) -> bool:
        """Whether the connection was made, after at most so many seconds."""
        ...

    async def hears(self, instance: str, *, within: float) -> bool:
        """Whether an event of the instance arrived, after at most so many seconds."""
        ...


class ProbePort(Protocol):
    """Feishu as the probe needs it: the only part of doctor that writes."""

    async def bot(self) -> str:
        """The bot's open id."""
        ...

    async def definition(self, name: str) -> LiveDefinition:
        """The live definition behind a spec name; `problem` set where it cannot be used."""
        ...

    async def create(self, request: InstanceRequest) -> str:
        """Create an instance and return its code. ConflictError: the uuid is taken. May raise an ambiguous error."""
        ...

    async def read(self, code_or_uuid: str) -> Instance:
        """Read an instance by code or uuid. NotFoundError when it does not exist."""
        ...

    async def approve(self, instance: Instance, task: NodeTask) -> None:
        """Approve a task of the bot. May raise an ambiguous error: read the instance."""
        ...

    async def cancel(self, instance: Instance) -> CancelResult:
        """Withdraw an instance as its submitter."""
        ...

    def listening(self) -> AbstractAsyncContextManager[Hearing]:
        """Listen for events while a block runs."""
        ...

    def link(self, instance: str) -> str:
        """A link that opens the instance for a person."""
        ...


@dataclass(frozen=True, slots=True)
class OtherAccount:
    """One more account of the spec. `sign_in` raises where Bytebase refuses it; `lacks` is why its secret is not here."""

    purpose: str
    email: str
    sign_in: Callable[[], Awaitable[None]]
    lacks: ReconcilerError | None = None


@dataclass(frozen=True, slots=True)
class DoctorPorts:
    """Everything doctor reads through, for one target. An upstream that could not be connected is its error.

    `feishu` is None where the spec declares no app; `probe` is there only where a probe was asked for. `skews` tells our time less the upstreams', in seconds; `secrets`
    holds the references that only events need, by their place in the spec.
    """

    bytebase: Readers | ReconcilerError
    feishu: FeishuSetupReader | ReconcilerError | None
    applied: AppliedReader
    skews: Callable[[], Mapping[str, float]]
    now: Callable[[], datetime]
    last_event: Callable[[], Awaitable[datetime | None]]
    accounts: Sequence[OtherAccount] = ()
    probe: ProbePort | None = None
    secrets: Mapping[str, Read[None]] = field(default_factory=dict)
