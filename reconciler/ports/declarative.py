"""Ports of plan, apply, drift and export. Readers have no method that writes; only apply is ever handed writers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.resources.access import Access
from reconciler.resources.base import Key, Origin, Resource
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.resources.record import AppliedRecord, Author
from reconciler.secret import Secret
from reconciler.spec.models.references import SecretRef
from reconciler.subjects.instance import Resolution


@dataclass(frozen=True, slots=True)
class Observation:
    """What a reader found: the asked-for resources that exist, other live ones of the kind, and what is worth saying."""

    live: tuple[Resource, ...] = ()
    others: tuple[Resource, ...] = ()
    warnings: tuple[Finding, ...] = ()
    refusals: tuple[Finding, ...] = ()


class ResourceReader(Protocol):
    """Reads the resources of one kind."""

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """Read what stands upstream for these desired resources; with `inventory` also the others of the kind.

        A failed read raises; absence is a fact.
        """
        ...


class FactsReader(Protocol):
    """Tells what Bytebase this is."""

    async def facts(self) -> UpstreamFacts:
        """Version, licence, workspace and our account. RefusedError for a version that is too old."""
        ...


class AccessReader(Protocol):
    """Reads who may do what."""

    async def access(self, projects: Sequence[str], *, most: int | None) -> Access:
        """Roles, groups, and the bindings of the workspace and of these projects.

        They are ids, or patterns in which `*` stands for anything. Of the visible projects that only a pattern means, the
        first `most` are read (None: all); the rest is named in `unread`. A project that does not exist is left out.
        """
        ...


class CatalogReader(Protocol):
    """Lists what can be declared."""

    async def projects(self) -> Sequence[str]:
        """Ids of the projects our account sees, the default project left out, sorted."""
        ...

    async def environments(self) -> Sequence[str]:
        """Ids of the environments, in the order of stages."""
        ...


class PeopleReader(Protocol):
    """Finds people of Bytebase in Feishu."""

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """Map Bytebase e-mails to open ids by the spec's rules."""
        ...


class AuditReader(Protocol):
    """Reads the audit log: a hint, never the truth."""

    async def authors(self, keys: Sequence[Key]) -> Mapping[Key, Author]:
        """Who last wrote these resources, as far as the licence keeps a log; never raises for want of one."""
        ...


class AppliedReader(Protocol):
    """What the store remembers of one integration."""

    async def records(self, integration: str) -> Mapping[Key, AppliedRecord]:
        """The last writes by kind and name; empty where there is no store yet."""
        ...

    async def workspace(self, identity: str) -> str | None:
        """The workspace first met under an identity."""
        ...


class AppliedRecords(AppliedReader, Protocol):
    """The same, for apply to write. Each call is durable when it returns."""

    async def put(self, record: AppliedRecord) -> None:
        """Remember a write, or the intent of a creation, in place of what was remembered of that resource."""
        ...

    async def put_new(self, record: AppliedRecord) -> bool:
        """Remember an intent unless the resource has a record already; False then. Of two callers at once one gets True."""
        ...

    async def forget(self, integration: str, key: Key) -> None:
        """Remember nothing of a resource any more."""
        ...

    async def remember_workspace(self, identity: str, workspace: str) -> None:
        """From now on this workspace stands behind the identity."""
        ...


class LockLoss(Protocol):
    """Tells whether a lock that was held is lost."""

    def is_set(self) -> bool:
        """Whether somebody else may hold it by now."""
        ...


class ApplyLock(Protocol):
    """Lets one apply at a time write through a store."""

    def hold(self) -> AbstractAsyncContextManager[LockLoss]:
        """Hold it while the block runs. RefusedError, with holder and age, while somebody else does."""
        ...


class SecretSource(Protocol):
    """Resolves references."""

    async def resolve(self, reference: SecretRef, origin: Origin) -> Secret:
        """The value. CredentialsError or RefusedError, naming the reference, never the value."""
        ...


class SpecWriter(Protocol):
    """Writes into the spec's own file."""

    async def write_code(self, definition: str, code: str) -> None:
        """Put the approval code of a definition there. SpecError, naming the line to edit, when it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One change to make real. `desired` is None for a deletion, `observed` None for a creation.

    `paths` are the fields that change; `secrets` the values of the write-only ones.
    """

    desired: Resource | None
    observed: Resource | None
    paths: frozenset[str] = frozenset()
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write tells: the code of a definition, a word for the reader, and whether it takes effect only later."""

    code: str | None = None
    note: str = ""
    settles_later: bool = False


class ResourceWriter(Protocol):
    """Writes the resources of one kind."""

    async def write(self, write: Write) -> Written:
        """Make the change. May raise an ambiguous UnavailableError: the write may have taken effect."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """Everything a plan is made through, for one target. `people` and the `feishu/…` kinds are absent without an app.

    Readers may share what they read; `forget` makes them read anew, so that a plan never rests on an older one's reads.
    """

    facts: FactsReader
    resources: Mapping[str, ResourceReader]
    access: AccessReader
    applied: AppliedReader
    audit: AuditReader
    catalog: CatalogReader
    forget: Callable[[], None]
    people: PeopleReader | None = None


@dataclass(frozen=True, slots=True)
class Writers:
    """Everything apply has beyond the readers, for one target."""

    resources: Mapping[str, ResourceWriter]
    records: AppliedRecords
    lock: ApplyLock
    secrets: SecretSource
    spec: SpecWriter
