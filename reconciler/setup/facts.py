"""What was seen of a set-up. A read that failed is a fact as well, so that it never hides what the others tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from reconciler.errors import ReconcilerError
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.subjects.instance import Resolution

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unread:
    """A read that failed; `code` is the upstream's own, where it gave one."""

    error: ReconcilerError
    code: int | None = None


Read: TypeAlias = T | Unread
"""What was read, or why it was not."""


@dataclass(frozen=True, slots=True)
class BotState:
    """The app's bot; `activate_status` as Feishu documents it, 2 = it works."""

    open_id: str
    activate_status: int


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope that the app declares, and whether it is granted."""

    name: str
    granted: bool


@dataclass(frozen=True, slots=True)
class AppState:
    """The app: `status` 0 disabled, 1 enabled, 2 not enabled; ids of the version that is online and of the one in review."""

    status: int
    icon: str
    online_version: str
    version_in_review: str
    is_custom: bool


@dataclass(frozen=True, slots=True)
class VersionState:
    """The online version: its number, its events (types, and bare names where Feishu shows no type), and who may see it."""

    number: str
    events: frozenset[str]
    nameless_events: int
    everyone: bool
    people: int
    others: int
    """Departments and groups: who is in them is not looked up."""


@dataclass(frozen=True, slots=True)
class DefinitionState:
    """A live definition: why no request can be made from it ('' if one can), and whether our own ids came back.

    `stranger` is the stamp on its node where another integration wrote it, '' else.
    """

    code: str
    problem: str = ""
    returns_ids: bool = True
    stranger: str = ""


@dataclass(frozen=True, slots=True)
class RecentUse:
    """Requests of our definitions that were made lately: how many were looked at, and whose they are besides ours."""

    looked_at: int
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeishuFacts:
    """What the app's credentials opened. Mappings are by spec name; `version` is None where none is online."""

    bot: Read[BotState]
    scopes: Read[tuple[ScopeState, ...]]
    app: Read[AppState]
    version: Read[VersionState] | None
    connections: Read[int]
    connection_offer: Read[None]
    definitions: Mapping[str, Read[DefinitionState] | None]
    recent: Read[RecentUse]
    people: Read[Resolution]
    availability: Read[Mapping[str, bool]]
    """Open id to whether the app is available to the person."""


@dataclass(frozen=True, slots=True)
class BytebaseFacts:
    """What the reading account opened; findings as a plan has them."""

    upstream: UpstreamFacts
    im_types: Read[tuple[str, ...]]
    rights: Read[tuple[Finding, ...]]
    people: Read[tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One more account of the spec: what it is for, its e-mail, and whether it signs in.

    `has_secret` is false where its key or token could not be had on this machine.
    """

    purpose: str
    email: str
    signs_in: Read[None]
    has_secret: bool = True


@dataclass(frozen=True, slots=True)
class NoAccess:
    """Nothing could be read: the credentials were not to be had, or were refused."""

    why: Unread


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """Everything seen of one target. `feishu` is None where the spec declares no app; skews in seconds by upstream.

    `subscribed` tells when the store recorded the subscription of a definition, `store` why it could not be read; `secrets`
    are references beyond the credentials that the transport of events needs, by their place in the spec.
    """

    bytebase: BytebaseFacts | NoAccess
    feishu: FeishuFacts | NoAccess | None
    accounts: tuple[AccountFacts, ...] = ()
    skews: Mapping[str, float] = field(default_factory=dict)
    subscribed: Mapping[str, datetime] = field(default_factory=dict)
    last_event: datetime | None = None
    store: Unread | None = None
    secrets: Mapping[str, Read[None]] = field(default_factory=dict)


class Console(Protocol):
    """Addresses of the pages on which a Feishu app is put right."""

    def page(self, name: str) -> str:
        """A page of the app in the developer console: `baseinfo`, `bot`, `event`, `version`."""
        ...

    def scopes(self, names: Iterable[str]) -> str:
        """The page that grants these scopes."""
        ...

    def admin(self) -> str:
        """Where the tenant's administrators approve and enable apps."""
        ...

    def approvals(self) -> str:
        """Where the tenant's administrators look after approval definitions."""
        ...
