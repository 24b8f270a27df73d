"""Builds what doctor reads through: like a plan's readers, but an upstream that cannot be connected stops nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.secret_sources import SecretResolver
from reconciler.adapters.store_url import StoreUrl
from reconciler.cli.connections import Connector, environment, platform_of
from reconciler.cli.wiring import COMMAND_RATES, Upstreams, readers_of, remembered
from reconciler.cli.wiring_gates import approvals_of, bindings_of
from reconciler.errors import ReconcilerError
from reconciler.ports.declarative import AppliedReader, Readers
from reconciler.ports.setup import DoctorPorts, FeishuSetupReader, OtherAccount, ProbePort
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.platform import FEISHU, Platform
from reconciler.providers.feishu.probe import FeishuProbe
from reconciler.providers.feishu.setup import FeishuSetup
from reconciler.resources.base import Key
from reconciler.resources.record import AppliedRecord
from reconciler.setup.facts import Read, Unread
from reconciler.spec.models.bytebase import ServiceAccountCredential, Use, WorkloadIdentityCredential
from reconciler.spec.target import Target

_Credential = ServiceAccountCredential | WorkloadIdentityCredential


@dataclass(frozen=True, slots=True)
class AppConsole:
    """The pages of one app on one platform."""

    platform: Platform
    app_id: str

    def page(self, name: str) -> str:
        """A page of the app in the developer console."""
        return self.platform.console_link(self.app_id, name)

    def scopes(self, names: Iterable[str]) -> str:
        """The page that grants these scopes."""
        return self.platform.scopes_link(self.app_id, names)

    def admin(self) -> str:
        """Where administrators approve apps."""
        return self.platform.admin_link()

    def approvals(self) -> str:
        """Where administrators look after definitions."""
        return self.platform.approvals_link()


def console_of(target: Target) -> AppConsole:
    """The console of a target's app; of no app in particular where it declares none."""
    feishu = target.spec.feishu
    if feishu is None or feishu.app is None:
        return AppConsole(FEISHU, "")
    return AppConsole(platform_of(feishu.platform, feishu.hosts()), feishu.app.id)


@asynccontextmanager
async def doctor_ports(target: Target, store: str, *, probing: bool = False) -> AsyncIterator[DoctorPorts]:
    """What doctor reads one target through, and only when `probing` what writes; everything closes with the block."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        secrets = SecretResolver(environment(), Path.cwd())
        connector = Connector(target, secrets, clock.observe, rates=COMMAND_RATES)
        applied = await _applied(stack, store)
        records = await _records(applied, target)
        feishu = await _opened_feishu(stack, connector)
        client = feishu if isinstance(feishu, FeishuClient) else None
        yield DoctorPorts(
            bytebase=await _readers(stack, connector, client, applied),
            feishu=_setup(target, feishu, records, clock),
            applied=applied,
            skews=clock.skews,
            now=clock.now,
            last_event=lambda: _last_event(store),
            accounts=[await _account(stack, connector, *each) for each in _others(target)],
            probe=_probe(target, client, records, clock) if probing else None,
            secrets=await _event_secrets(target, secrets),
        )


async def _opened_feishu(stack: AsyncExitStack, connector: Connector) -> FeishuClient | ReconcilerError | None:
    try:
        return await stack.enter_async_context(connector.feishu())
    except ReconcilerError as error:
        return error


async def _readers(
    stack: AsyncExitStack, connector: Connector, feishu: FeishuClient | None, applied: AppliedReader
) -> Readers | ReconcilerError:
    try:
        bytebase = await stack.enter_async_context(connector.bytebase("plan"))
    except ReconcilerError as error:
        return error
    return readers_of(connector.target, Upstreams.of(bytebase, feishu), applied)


def _setup(
    target: Target,
    feishu: FeishuClient | ReconcilerError | None,
    records: Mapping[Key, AppliedRecord],
    clock: SystemClock,
) -> FeishuSetupReader | ReconcilerError | None:
    if not isinstance(feishu, FeishuClient):
        return feishu
    return FeishuSetup(feishu, integration=target.name, bindings=bindings_of(target, records), now=clock.now)


def _probe(
    target: Target, client: FeishuClient | None, records: Mapping[Key, AppliedRecord], clock: SystemClock
) -> ProbePort | None:
    if client is None:
        return None
    return FeishuProbe(client, approvals_of(target, client, bindings_of(target, records), clock))


def _others(target: Target) -> Iterator[tuple[str, _Credential]]:
    """The accounts that doctor does not read with, each with what it is for."""
    bytebase = target.spec.bytebase
    uses: tuple[Use, ...] = ("apply", "sync")
    for use in uses:
        credential = bytebase.credential(use)
        if credential is not None and credential != bytebase.credential("plan"):
            yield use, credential
    for reviewer in bytebase.reviewers:
        yield f"reviewing as {reviewer.role}", reviewer


async def _account(stack: AsyncExitStack, connector: Connector, purpose: str, credential: _Credential) -> OtherAccount:
    email = (
        credential.service_account if isinstance(credential, ServiceAccountCredential) else credential.workload_identity
    )
    try:
        account = await connector.account(credential, connector.target.origin("spec", "bytebase"))
    except ReconcilerError as error:
        return OtherAccount(purpose, email, _nothing, lacks=error)
    client = await stack.enter_async_context(connector.bytebase_as(account))
    return OtherAccount(purpose, email, lambda: _sign_in(client))


async def _sign_in(client: BytebaseClient) -> None:
    await client.iam.me()


async def _nothing() -> None:
    return None


async def _event_secrets(target: Target, secrets: SecretResolver) -> dict[str, Read[None]]:
    """Whether what proves callbacks is to be had here."""
    feishu = target.spec.feishu
    if feishu is None or feishu.events.transport != "callback":
        return {}
    found: dict[str, Read[None]] = {}
    written = {"encryptKey": feishu.events.encrypt_key, "verificationToken": feishu.events.verification_token}
    for name, reference in written.items():
        if reference is None:
            continue
        try:
            await secrets.resolve(reference, target.origin("spec", "feishu", "events", name))
            found[f"spec.feishu.events.{name}"] = None
        except ReconcilerError as error:
            found[f"spec.feishu.events.{name}"] = Unread(error)
    return found


async def _applied(stack: AsyncExitStack, store: str) -> AppliedReader:
    try:
        return await remembered(stack, store)
    except ReconcilerError as error:
        return _Unreadable(error)


async def _records(applied: AppliedReader, target: Target) -> Mapping[Key, AppliedRecord]:
    try:
        return await applied.records(target.name)
    except ReconcilerError:
        return {}  # doctor asks again, and says why


async def _last_event(address: str) -> datetime | None:
    if StoreUrl.parse(address).is_missing:
        return None
    from reconciler.adapters.store import last_event, open_for_reading

    store = await open_for_reading(address)
    try:
        return await last_event(store)
    finally:
        await store.aclose()


class _Unreadable:
    """A store that cannot be read: every question is answered by why."""

    def __init__(self, why: ReconcilerError) -> None:
        self._why = why

    async def records(self, integration: str) -> dict[Key, AppliedRecord]:
        """Raises."""
        del integration
        raise self._why

    async def workspace(self, identity: str) -> str | None:
        """Nothing is known."""
        del identity
        return None


def siblings_of(target: Target, targets: Iterable[Target]) -> frozenset[str]:
    """The integrations of a spec that use the same app on the same platform, this one too."""
    console = console_of(target)
    return frozenset(each.name for each in targets if console_of(each) == console) | {target.name}
