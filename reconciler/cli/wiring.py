"""Builds the ports of plan, apply and drift for one target: the only place where providers and adapters meet operations.

Plan and drift get readers and nothing else; writers are made for apply alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.adapters.secret_sources import SecretResolver
from reconciler.adapters.spec_files import write_code
from reconciler.adapters.store_url import StoreUrl
from reconciler.cli.connections import Connector, environment
from reconciler.cli.match_rules import match_rules
from reconciler.errors import FilePosition
from reconciler.operations.apply import Agree, ApplyPorts
from reconciler.ports.declarative import AppliedReader, Readers, ResourceReader, ResourceWriter, Writers
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase_resources.access import BytebaseAccess, BytebaseCatalog
from reconciler.providers.bytebase_resources.approval_rules import ApprovalRulesReader, ApprovalRulesWriter
from reconciler.providers.bytebase_resources.audit import BytebaseAudit
from reconciler.providers.bytebase_resources.binding import BindingReader, BindingWriter
from reconciler.providers.bytebase_resources.facts import BytebaseFacts
from reconciler.providers.bytebase_resources.im import ImReader, ImWriter
from reconciler.providers.bytebase_resources.project import (
    ProjectReader,
    ProjectWriter,
    WebhookReader,
    WebhookWriter,
)
from reconciler.providers.bytebase_resources.reads import Forgetting, SharedReads
from reconciler.providers.bytebase_resources.role import RoleReader, RoleWriter
from reconciler.providers.bytebase_resources.rollout_policy import RolloutPolicyReader, RolloutPolicyWriter
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.endpoints import LIST_SCOPES, windows
from reconciler.providers.feishu.people import PeopleFinder
from reconciler.providers.feishu_resources.app import AppReader, AppWriter
from reconciler.providers.feishu_resources.definition import DefinitionReader, DefinitionWriter
from reconciler.providers.feishu_resources.subscription import SubscriptionWriter
from reconciler.providers.http_window import Window
from reconciler.resources.base import Key, Origin
from reconciler.resources.record import AppliedRecord
from reconciler.secret import Secret
from reconciler.spec.models.bytebase import Use
from reconciler.spec.models.references import SecretRef
from reconciler.spec.target import Target

COMMAND_RATES = {**windows(), LIST_SCOPES.name: (Window(6, 60),)}
"""A command lists the scopes once; at one call a minute its retry would outlast everybody's patience."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a command line says about how to connect. `untrusted` treats the spec as somebody's proposal."""

    store: str
    untrusted: bool = False

    def connector(self, target: Target) -> Connector:
        """Opens the target's clients."""
        secrets = SecretResolver(environment(), Path.cwd(), self.untrusted)
        return Connector(target, secrets, rates=COMMAND_RATES)

    @asynccontextmanager
    async def readers(self, target: Target, *, everywhere: bool = False) -> AsyncIterator[Readers]:
        """Readers of one target, with what the store remembers; nothing is created where there is no store.

        `everywhere` lists webhooks of all visible projects and not only of those that declare some.
        """
        async with AsyncExitStack() as stack:
            applied = await remembered(stack, self.store)
            upstreams = await self._connect(stack, target, "plan")
            yield readers_of(target, upstreams, applied, everywhere=everywhere)

    @asynccontextmanager
    async def applying(self, target: Target, agree: Agree | None) -> AsyncIterator[ApplyPorts]:
        """Readers and writers of one target."""
        from reconciler.adapters.store import SqlAppliedRecords, StoreLock, open_store

        async with AsyncExitStack() as stack:
            store = await open_store(self.store)
            stack.push_async_callback(store.aclose)
            records = SqlAppliedRecords(store)
            upstreams = await self._connect(stack, target, "apply")
            writers = Writers(
                resources=_writers(upstreams),
                records=records,
                lock=StoreLock(store, "apply"),
                secrets=_References(self.connector(target).secrets),
                spec=_SpecFile(target),
            )
            yield ApplyPorts(readers_of(target, upstreams, records), writers, _now, agree)

    async def _connect(self, stack: AsyncExitStack, target: Target, use: Use) -> Upstreams:
        connector = self.connector(target)
        bytebase = await stack.enter_async_context(connector.bytebase(use))
        feishu = await stack.enter_async_context(connector.feishu())
        return Upstreams.of(bytebase, feishu)


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The clients of one target, and the reads that several kinds share."""

    bytebase: BytebaseClient
    reads: SharedReads
    feishu: FeishuClient | None

    @classmethod
    def of(cls, bytebase: BytebaseClient, feishu: FeishuClient | None) -> Upstreams:
        """The clients with reads of their own."""
        return cls(bytebase, SharedReads(bytebase), feishu)


async def remembered(stack: AsyncExitStack, address: str) -> AppliedReader:
    """What the store remembers; nothing where there is none. Raises where one cannot be read."""
    if StoreUrl.parse(address).is_missing:
        return _NothingApplied()
    from reconciler.adapters.store import SqlAppliedReader, open_for_reading

    store = await open_for_reading(address)
    stack.push_async_callback(store.aclose)
    return SqlAppliedReader(store)


def _now() -> datetime:
    return datetime.now(UTC)


def readers_of(target: Target, upstreams: Upstreams, applied: AppliedReader, *, everywhere: bool = False) -> Readers:
    """The readers over connected clients; kinds of Feishu and people only with its client."""
    bytebase, reads, feishu = upstreams.bytebase, upstreams.reads, upstreams.feishu
    declaring = [project.name for project in target.spec.bytebase.projects if project.webhooks is not None]
    resources: dict[str, ResourceReader] = {
        "bytebase/role": RoleReader(reads),
        "bytebase/project": ProjectReader(reads),
        "bytebase/rolloutPolicy": RolloutPolicyReader(bytebase, reads),
        "bytebase/approvalRules": ApprovalRulesReader(bytebase),
        "bytebase/binding": BindingReader(reads),
        "bytebase/im": ImReader(bytebase),
        "bytebase/webhook": WebhookReader(reads, None if everywhere else declaring),
    }
    people = None
    if feishu is not None:
        resources |= {"feishu/app": AppReader(feishu), "feishu/definition": DefinitionReader(feishu)}
        people = PeopleFinder(feishu.users, rules=match_rules(target.spec.users), now=_now)
    return Readers(
        facts=BytebaseFacts(bytebase),
        resources=resources,
        access=BytebaseAccess(bytebase, reads),
        applied=applied,
        audit=BytebaseAudit(bytebase),
        catalog=BytebaseCatalog(reads),
        people=people,
        forget=reads.forget,
    )


def _writers(upstreams: Upstreams) -> Mapping[str, ResourceWriter]:
    bytebase, feishu = upstreams.bytebase, upstreams.feishu
    writers: dict[str, ResourceWriter] = {
        "bytebase/role": RoleWriter(bytebase),
        "bytebase/project": ProjectWriter(bytebase),
        "bytebase/rolloutPolicy": RolloutPolicyWriter(bytebase),
        "bytebase/approvalRules": ApprovalRulesWriter(bytebase),
        "bytebase/binding": BindingWriter(bytebase),
        "bytebase/im": ImWriter(bytebase),
        "bytebase/webhook": WebhookWriter(bytebase),
    }
    if feishu is not None:
        writers |= {
            "feishu/app": AppWriter(feishu),
            "feishu/definition": DefinitionWriter(feishu),
            "feishu/subscription": SubscriptionWriter(feishu),
        }
    return {kind: Forgetting(writer, upstreams.reads) for kind, writer in writers.items()}


class _NothingApplied:
    """The memory of a store that does not exist."""

    async def records(self, integration: str) -> Mapping[Key, AppliedRecord]:
        """Nothing."""
        del integration
        return {}

    async def workspace(self, identity: str) -> str | None:
        """Nothing."""
        del identity
        return None


@dataclass(frozen=True, slots=True)
class _References:
    """Resolves the spec's references from where they stand."""

    resolver: SecretResolver

    async def resolve(self, reference: SecretRef, origin: Origin) -> Secret:
        """The value behind a reference."""
        return await self.resolver.resolve(reference, FilePosition(origin.file, origin.line, 1))


@dataclass(frozen=True, slots=True)
class _SpecFile:
    """The file of one target."""

    target: Target

    async def write_code(self, definition: str, code: str) -> None:
        """Put an approval code into the file."""
        write_code(self.target, definition=definition, code=code)
