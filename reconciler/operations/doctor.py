"""Examine one target's set-up: read everything that tells something, each by itself, and have it judged."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from reconciler.errors import NotFoundError, ReconcilerError
from reconciler.gather import all_of
from reconciler.operations.observe import Scope, observe
from reconciler.operations.probe import ProbeRequest, probe
from reconciler.plan.select import Selection
from reconciler.plan.target import identity_of, plan_target
from reconciler.ports.declarative import Readers
from reconciler.ports.setup import DoctorPorts, FeishuSetupReader, OtherAccount
from reconciler.resources.base import Key
from reconciler.resources.finding import Finding
from reconciler.resources.im import Im
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.setup.check import Check, Examination, Status
from reconciler.setup.checks import WITHDRAWAL, checks_of
from reconciler.setup.events import ARRIVING
from reconciler.setup.facts import (
    AccountFacts,
    AppState,
    BytebaseFacts,
    Console,
    FeishuFacts,
    NoAccess,
    Read,
    RecentUse,
    SetupFacts,
    Unread,
    VersionState,
)
from reconciler.setup.probe import EVENT, WITHDRAW, Hears, unasked
from reconciler.spec.target import Target
from reconciler.subjects.instance import Resolution
from reconciler.sync.fingerprint import parse_digest

T = TypeVar("T")

_RECENT = timedelta(hours=24)
_MOST_RECENT = 20
_PEOPLE_AND_RIGHTS = Scope(Selection(only=("users", "capability")))


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """What is to be examined. `siblings` are the integrations of the same spec that use the same app, this one too.

    `probe` names the definition by which the bot is to ask itself: the only thing here that writes. `patience` is how long
    it waits for its event, in seconds.
    """

    target: Target
    siblings: frozenset[str]
    probe: str | None = None
    patience: float = 10.0


async def examine(request: DoctorRequest, ports: DoctorPorts, console: Console) -> Examination:
    """Every check of one target. What cannot be read becomes a line of its own and hides no other."""
    facts = await read_setup(request.target, ports)
    workspace = facts.bytebase.upstream.workspace if isinstance(facts.bytebase, BytebaseFacts) else ""
    checks = checks_of(request.target, facts, console, siblings=request.siblings)
    if request.probe is not None:
        checks = _with_probe(checks, await _probe(request, ports, facts, checks, console))
    return Examination(plan_target(request.target, workspace), checks)


async def _probe(
    request: DoctorRequest, ports: DoctorPorts, facts: SetupFacts, checks: Sequence[Check], console: Console
) -> list[Check]:
    if ports.probe is None or isinstance(facts.feishu, NoAccess) or request.probe is None:
        return unasked(next(check for check in checks if check.status is Status.FAILED))
    workspace = facts.bytebase.upstream.workspace if isinstance(facts.bytebase, BytebaseFacts) else ""
    asked = ProbeRequest(
        definition=request.probe,
        identity=identity_of(request.target, workspace),
        integration=request.target.name,
        run=ports.now().isoformat(),
        link=request.target.spec.bytebase.url,
        hears=_hears(request.target, facts),
        patience=request.patience,
    )
    return await probe(asked, ports.probe, console)


def _hears(target: Target, facts: SetupFacts) -> Hears:
    transport = target.spec.feishu.events.transport if target.spec.feishu is not None else "none"
    if transport == "none":
        return Hears.NOT_WANTED
    if transport == "callback":
        return Hears.BY_CALLBACK
    is_alone = isinstance(facts.feishu, FeishuFacts) and facts.feishu.connections == 0
    return Hears.BY_ITSELF if is_alone else Hears.ELSEWHERE


def _with_probe(checks: Sequence[Check], probed: Sequence[Check]) -> tuple[Check, ...]:
    """The probe's own lines; what it has found out, nobody needs to guess any more."""
    known = {check.id for check in probed if check.status is not Status.UNVERIFIABLE}
    replaced = {guess.id for guess, probe in ((WITHDRAWAL, WITHDRAW), (ARRIVING, EVENT)) if probe.id in known}
    return (*(check for check in checks if check.id not in replaced), *probed)


async def read_setup(target: Target, ports: DoctorPorts) -> SetupFacts:
    """Everything that tells something about a target's set-up."""
    records = await _read(ports.applied.records(target.name))
    feishu = await _sign_in(ports)
    bytebase = await _bytebase(target, ports, feishu)
    seen = await _feishu(target, ports, feishu, bytebase)
    last_event = await _read(ports.last_event())
    return SetupFacts(
        bytebase=bytebase,
        feishu=seen,
        accounts=tuple(await all_of([_account(each) for each in ports.accounts])),
        skews=ports.skews(),
        subscribed={} if isinstance(records, Unread) else _subscribed(records),
        last_event=None if isinstance(last_event, Unread) else last_event,
        store=records if isinstance(records, Unread) else None,
        secrets=ports.secrets,
    )


def _subscribed(records: Mapping[Key, AppliedRecord]) -> Mapping[str, datetime]:
    return {
        key.name: record.at
        for key, record in records.items()
        if key.kind == "feishu/subscription" and record.state is RecordState.APPLIED
    }


async def _sign_in(ports: DoctorPorts) -> NoAccess | FeishuSetupReader | None:
    if ports.feishu is None:
        return None
    if isinstance(ports.feishu, ReconcilerError):
        return NoAccess(Unread(ports.feishu))
    refused = await _read(ports.feishu.sign_in(), ports.feishu)
    return NoAccess(refused) if isinstance(refused, Unread) else ports.feishu


async def _bytebase(
    target: Target, ports: DoctorPorts, feishu: NoAccess | FeishuSetupReader | None
) -> BytebaseFacts | NoAccess:
    readers = ports.bytebase
    if isinstance(readers, ReconcilerError):
        return NoAccess(Unread(readers))
    upstream = await _read(readers.facts.facts())
    if isinstance(upstream, Unread):
        return NoAccess(upstream)
    # Without people first: Feishu's refusal must not hide what Bytebase says of rights.
    rights = await _read(_rights(target, replace(readers, people=None)))
    people = feishu.why if isinstance(feishu, NoAccess) else await _read(_people(target, readers))
    return BytebaseFacts(upstream, await _read(_im_types(readers)), rights, people)


async def _im_types(readers: Readers) -> tuple[str, ...]:
    found = await readers.resources[Im.kind].observe([], inventory=True)
    return tuple(setting.type for each in found.others if isinstance(each, Im) for setting in each.settings)


async def _rights(target: Target, readers: Readers) -> tuple[Finding, ...]:
    warnings = (await observe(target, readers, _PEOPLE_AND_RIGHTS)).live.warnings
    return tuple(each for each in warnings if each.kind in ("capability", "users"))


async def _people(target: Target, readers: Readers) -> tuple[Finding, ...]:
    return tuple((await observe(target, readers, _PEOPLE_AND_RIGHTS)).live.findings)


async def _feishu(
    target: Target,
    ports: DoctorPorts,
    feishu: NoAccess | FeishuSetupReader | None,
    bytebase: BytebaseFacts | NoAccess,
) -> FeishuFacts | NoAccess | None:
    if feishu is None or isinstance(feishu, NoAccess):
        return feishu
    bot, scopes, app, connections = (
        await _read(feishu.bot(), feishu),
        await _read(feishu.scopes(), feishu),
        await _read(feishu.app(), feishu),
        await _read(feishu.connections(), feishu),
    )
    people = await _resolution(ports, bytebase)
    names = [each.name for each in target.spec.feishu.definitions] if target.spec.feishu is not None else []
    return FeishuFacts(
        bot=bot,
        scopes=scopes,
        app=app,
        version=await _version(feishu, app),
        connections=connections,
        connection_offer=await _read(feishu.offer_connection(), feishu),
        definitions={name: await _read(feishu.definition(name), feishu) for name in names},
        recent=await _read(_recent(target, feishu, names, ports.now()), feishu),
        people=people,
        availability=await _availability(feishu, people),
    )


async def _version(feishu: FeishuSetupReader, app: Read[AppState]) -> Read[VersionState] | None:
    if isinstance(app, Unread):
        return app
    return await _read(feishu.version(app.online_version), feishu) if app.online_version else None


async def _resolution(ports: DoctorPorts, bytebase: BytebaseFacts | NoAccess) -> Read[Resolution]:
    if isinstance(bytebase, NoAccess):
        return bytebase.why
    if isinstance(bytebase.people, Unread):
        return bytebase.people
    readers = ports.bytebase
    if isinstance(readers, ReconcilerError) or readers.people is None or not bytebase.people:
        return Resolution({}, {})
    return await _read(readers.people.resolve([finding.name for finding in bytebase.people]))


async def _availability(feishu: FeishuSetupReader, people: Read[Resolution]) -> Read[Mapping[str, bool]]:
    if isinstance(people, Unread):
        return people
    return await _read(feishu.availability(sorted(people.found.values())), feishu)


async def _recent(target: Target, feishu: FeishuSetupReader, names: Sequence[str], now: datetime) -> RecentUse:
    """Whose the latest requests are: every integration writes its name into the digest of what it asks."""
    looked_at = 0
    strangers: set[str] = set()
    for name in names:
        try:
            forms = await feishu.recent(name, since=now - _RECENT, most=_MOST_RECENT)
        except NotFoundError:
            continue  # the line about the definition says so
        looked_at += len(forms)
        parsed = [parse_digest(text) for form in forms for text in form]
        strangers.update(digest[1] for digest in parsed if digest is not None and digest[1] != target.name)
    return RecentUse(looked_at, tuple(sorted(strangers)))


async def _account(account: OtherAccount) -> AccountFacts:
    if account.lacks is not None:
        return AccountFacts(account.purpose, account.email, Unread(account.lacks), has_secret=False)
    return AccountFacts(account.purpose, account.email, await _read(account.sign_in()))


async def _read(work: Awaitable[T], feishu: FeishuSetupReader | None = None) -> T | Unread:
    """The answer, or the failure as a fact."""
    try:
        return await work
    except ReconcilerError as error:
        return Unread(error, feishu.code_of(error) if feishu is not None else None)
