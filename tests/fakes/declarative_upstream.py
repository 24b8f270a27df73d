"""An upstream in memory behind the declarative ports, with a log of writes and faults on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.errors import RefusedError, SpecError
from reconciler.operations.apply import ApplyPorts
from reconciler.ports.declarative import Observation, Readers, Write, Writers, Written
from reconciler.resources.access import Access
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.base import Key, Origin, Resource
from reconciler.resources.definition import Definition
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.im import Im
from reconciler.resources.record import AppliedRecord, Author
from reconciler.secret import Secret
from reconciler.spec.models.references import SecretRef
from reconciler.subjects.instance import Resolution

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KINDS = (
    "bytebase/role",
    "bytebase/project",
    "bytebase/rolloutPolicy",
    "bytebase/approvalRules",
    "bytebase/binding",
    "bytebase/im",
    "bytebase/webhook",
    "feishu/app",
    "feishu/definition",
    "feishu/subscription",
)

FACTS = UpstreamFacts("3.21.1", "ENTERPRISE", "workspaces/w", "serviceAccount:gitops@x")


@dataclass
class FakeUpstream:
    """What is live, by key; `faults` raise at the named call (`read KIND`, `write KIND`, `facts`, `people`, `access`)."""

    live: dict[Key, Resource] = field(default_factory=dict)
    facts_value: UpstreamFacts = FACTS
    access_value: Access = field(default_factory=Access)
    people: Mapping[str, str] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    lost_answers: set[str] = field(default_factory=set)
    written: list[str] = field(default_factory=list)
    secrets_seen: dict[str, str] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)
    created: int = 0

    def put(self, *resources: Resource) -> None:
        self.live |= {each.key: each for each in resources}

    def check(self, call: str) -> None:
        if call in self.faults:
            raise self.faults[call]


@dataclass
class FakeReader:
    upstream: FakeUpstream
    kind: str

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        self.upstream.check(f"read {self.kind}")
        keys = {each.key for each in wanted}
        found = [_readable(each) for key, each in self.upstream.live.items() if key.kind == self.kind]
        if self.kind == "feishu/definition":
            codes = {getattr(each, "code", None): each for each in wanted}
            found = [
                _named(each, codes[each.code]) for each in found if isinstance(each, Definition) and each.code in codes
            ]
            return Observation(live=tuple(found))
        return Observation(
            live=tuple(each for each in found if each.key in keys),
            others=tuple(each for each in found if each.key not in keys and inventory),
        )


def _named(found: Definition, wanted: Resource) -> Resource:
    if isinstance(wanted, AdoptedDefinition):
        return replace(wanted, decision=found.decision)
    assert isinstance(wanted, Definition)
    return replace(found, spec_name=wanted.spec_name, integration=wanted.integration)


def _readable(resource: Resource) -> Resource:
    return resource.with_tokens({}) if not isinstance(resource, Definition) else resource


@dataclass
class FakeWriter:
    upstream: FakeUpstream
    kind: str

    async def write(self, write: Write) -> Written:
        self.upstream.check(f"write {self.kind}")
        key = (write.desired or write.observed).key  # type: ignore[union-attr]
        self.upstream.written.append(f"{'delete' if write.desired is None else 'write'} {key}")
        self.upstream.secrets_seen |= {f"{key}:{path}": secret.reveal() for path, secret in write.secrets.items()}
        code = self._store(write, key)
        if f"write {self.kind}" in self.upstream.lost_answers:
            from reconciler.errors import UnavailableError

            raise UnavailableError("the answer was lost", ambiguous=True)
        return Written(code)

    def _store(self, write: Write, key: Key) -> str | None:
        desired = write.desired
        if desired is None:
            self.upstream.live.pop(key, None)
            return None
        if self.kind == "feishu/subscription":
            self.upstream.subscribed.add(getattr(desired, "subscribed", "") or "")
            return None
        code = None
        if isinstance(desired, Definition) and not desired.code:
            self.upstream.created += 1
            code = f"CODE-{self.upstream.created}"
            desired = replace(desired, code=code)
            self.upstream.live[Key(self.kind, code)] = desired
            return code
        if isinstance(desired, Definition):
            self.upstream.live[Key(self.kind, desired.code or "")] = desired
            return None
        live = write.observed
        self.upstream.live[key] = desired.over(live) if live is not None and not isinstance(desired, Im) else desired
        return code


class FakeRecords:
    """The store's records in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Key], AppliedRecord] = {}
        self.workspaces: dict[str, str] = {}

    async def records(self, integration: str) -> Mapping[Key, AppliedRecord]:
        return {key: record for (name, key), record in self.kept.items() if name == integration}

    async def workspace(self, identity: str) -> str | None:
        return self.workspaces.get(identity)

    async def put(self, record: AppliedRecord) -> None:
        self.kept[record.integration, record.key] = record

    async def put_new(self, record: AppliedRecord) -> bool:
        if (record.integration, record.key) in self.kept:
            return False
        await self.put(record)
        return True

    async def forget(self, integration: str, key: Key) -> None:
        self.kept.pop((integration, key), None)

    async def remember_workspace(self, identity: str, workspace: str) -> None:
        self.workspaces[identity] = workspace


class FakeLock:
    """Held by at most one; `lost` tells its holder so."""

    def __init__(self) -> None:
        self.held = False
        self.lost = False

    def is_set(self) -> bool:
        return self.lost

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[FakeLock]:
        if self.held:
            raise RefusedError("an apply is already running on this store", why="held by process 7 for 3 s")
        self.held = True
        try:
            yield self
        finally:
            self.held = False


class FakeSecrets:
    """Every reference has the value `canary-<path>`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: dict[str, Exception] = {}

    async def resolve(self, reference: SecretRef, origin: Origin) -> Secret:
        name = reference.env  # type: ignore[union-attr]
        self.asked.append(name)
        if name in self.faults:
            raise self.faults[name]
        return Secret(f"canary-{name}")


class FakeSpecFile:
    """Remembers the codes that were written."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.is_read_only = False

    async def write_code(self, definition: str, code: str) -> None:
        if self.is_read_only:
            raise SpecError(
                "the code could not be written", where="specs/a.yaml:12:9", next_step=f"write 'code: {code}'"
            )
        self.codes[definition] = code


@dataclass
class Simple:
    """The single-method readers."""

    upstream: FakeUpstream

    async def facts(self) -> UpstreamFacts:
        self.upstream.check("facts")
        return self.upstream.facts_value

    async def access(self, projects: Sequence[str], *, most: int | None) -> Access:
        self.upstream.check("access")
        return self.upstream.access_value

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        self.upstream.check("people")
        found = {each: self.upstream.people[each] for each in emails if each in self.upstream.people}
        return Resolution(found=found, missing={each: "unknown" for each in emails if each not in found})

    async def projects(self) -> Sequence[str]:
        return sorted(key.name for key in self.upstream.live if key.kind == "bytebase/project")

    async def environments(self) -> Sequence[str]:
        return sorted(key.name for key in self.upstream.live if key.kind == "bytebase/rolloutPolicy")

    async def authors(self, keys: Sequence[Key]) -> Mapping[Key, Author]:
        return {key: Author("mallory@x", NOW) for key in keys if key.kind == "bytebase/rolloutPolicy"}


@dataclass
class World:
    """One upstream and one store, and the ports onto them."""

    upstream: FakeUpstream = field(default_factory=FakeUpstream)
    records: FakeRecords = field(default_factory=FakeRecords)
    lock: FakeLock = field(default_factory=FakeLock)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    spec_file: FakeSpecFile = field(default_factory=FakeSpecFile)

    def readers(self) -> Readers:
        simple = Simple(self.upstream)
        readable = [kind for kind in KINDS if kind != "feishu/subscription"]
        return Readers(
            facts=simple,
            resources={kind: FakeReader(self.upstream, kind) for kind in readable},
            access=simple,
            applied=self.records,
            audit=simple,
            catalog=simple,
            forget=lambda: None,
            people=simple,
        )

    def ports(self) -> ApplyPorts:
        writers = Writers(
            resources={kind: FakeWriter(self.upstream, kind) for kind in KINDS},
            records=self.records,
            lock=self.lock,
            secrets=self.secrets,
            spec=self.spec_file,
        )
        return ApplyPorts(self.readers(), writers, lambda: NOW)
