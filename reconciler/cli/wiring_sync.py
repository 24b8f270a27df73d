"""Builds the parts of one target for `sync` and `explain`: providers, ledger, the gate loop, events and callbacks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.adapters.store import IdentityRecords, Store
from reconciler.cli.feishu_events import FeishuEvents, feishu_events
from reconciler.cli.node_callbacks import node_callbacks
from reconciler.cli.sync_session import SyncContext
from reconciler.cli.wiring_gates import Upstreams, connect, sync_settings
from reconciler.daemon.circuit import Circuits
from reconciler.daemon.guarded import GuardedApprovals, GuardedSubjects
from reconciler.daemon.observe import ObservingPasses, UnheardCommands, UnsentMessages
from reconciler.daemon.parts import PollSettings, SyncTarget
from reconciler.operations.sync.adopt import Adopter
from reconciler.operations.sync.bell import Bell
from reconciler.operations.sync.drain import Drainer
from reconciler.operations.sync.explain import Explainer, Explanation
from reconciler.operations.sync.outbox import Outbox
from reconciler.operations.sync.places import Places
from reconciler.operations.sync.reconcile import Reconciler
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.plan.target import identity_of
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.spec.target import Target
from reconciler.subjects.entry import Reason
from reconciler.sync.gates import compile_gates


async def build_sync(target: Target, context: SyncContext) -> SyncTarget:
    """The parts of one target; its connections close with the target's `aclose`."""
    async with AsyncExitStack() as stack:
        upstreams = await connect(stack, target, context.store)
        identity = identity_of(target, upstreams.workspace)
        if not context.observe and upstreams.workspace:
            await IdentityRecords(context.store).confirm(
                identity, upstreams.workspace, now=upstreams.clock.now(), accept=context.accept_identity
            )
        # Of several connections a random one gets each event: who only looks must not take them from the one that acts.
        events = FeishuEvents() if context.observe else await _events(target, context.store, upstreams)
        callbacks = await node_callbacks(target, upstreams.secrets, context.agenda, now=upstreams.clock.now)
        built = replace(_assemble(target, context, upstreams, identity, events), external_callbacks=callbacks)
        return replace(built, aclose=stack.pop_all().aclose)


async def _events(target: Target, store: Store, upstreams: Upstreams) -> FeishuEvents:
    return await feishu_events(
        target,
        upstreams.feishu,
        upstreams.approvals,
        definitions=upstreams.definitions,
        secrets=upstreams.secrets,
        store=store,
    )


def _assemble(
    target: Target,
    context: SyncContext,
    upstreams: Upstreams,
    identity: str,
    events: FeishuEvents,
) -> SyncTarget:
    circuits = Circuits(time.monotonic)
    ports = SyncPorts(
        subjects=GuardedSubjects(
            BytebaseSubjects(upstreams.bytebase, upstreams.clock, reviewers=upstreams.reviewers),
            circuits,
            account=f"Bytebase for {target.name}",
        ),
        approvals=Places(
            GuardedApprovals(upstreams.approvals, circuits, app=f"Feishu app {upstreams.feishu.app.app_id}"),
            {
                name: GuardedApprovals(node, circuits, app=f"the external node {name}")
                for name, node in upstreams.nodes.items()
            },
        ),
        ledger=context.ledger,
        clock=upstreams.clock,
    )
    settings = sync_settings(target, identity, context.spec_digest, draining=context.drain, circuit=circuits.broken)
    reconciler = Reconciler(ports, settings)
    observing = ObservingPasses(_explaining(ports, settings)) if context.observe else None
    return SyncTarget(
        name=target.name,
        spec_digest=context.spec_digest,
        passes=observing or reconciler,
        outbox=UnsentMessages() if context.observe else Outbox(ports),
        commands=UnheardCommands() if context.observe else Bell(ports, reconciler.observer),
        subjects=ports.subjects,
        approvals=ports.approvals,
        ledger=context.ledger,
        agenda=context.agenda,
        clock=upstreams.clock,
        bytebase_url=upstreams.bytebase_url,
        definitions=_asked_by(target),
        poll=_poll(target),
        adopt=_adopting(target, ports, settings, reconciler) if context.adopt else None,
        drain=Drainer(ports, settings).drain if context.drain else None,
        subscribe=events.subscribe,
        background=events.background,
        feishu_callback=events.callback,
        circuits=circuits,
    )


def _asked_by(target: Target) -> tuple[str, ...]:
    return tuple(dict.fromkeys(gate.place for gate in compile_gates(target.spec)))


def _poll(target: Target) -> PollSettings:
    feishu = target.spec.feishu
    every = target.spec.bytebase.poll.every.total_seconds()
    nodes = {node.name: node.poll.total_seconds() for node in target.spec.external_nodes}
    if feishu is None:
        return PollSettings(changes_every=every, nodes_every=nodes)
    instances = feishu.poll.every if feishu.events.transport == "none" else feishu.poll.net
    return PollSettings(every, instances.total_seconds(), float(feishu.poll.calls_per_minute), nodes)


def _adopting(
    target: Target, ports: SyncPorts, settings: SyncSettings, reconciler: Reconciler
) -> Callable[[], Awaitable[None]]:
    longest = max((gate.expire_after for gate in settings.gates), default=timedelta())

    async def adopt() -> None:
        since = ports.clock.now() - longest
        for subject in await Adopter(ports, settings).unknown_subjects(_asked_by(target), since):
            await reconciler.take_over(subject)

    return adopt


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What observing says of one subject."""

    decision_name: str
    row: int
    reason: Reason


def _explaining(ports: SyncPorts, settings: SyncSettings) -> Callable[[str], Awaitable[_Verdict]]:
    explainer = Explainer(ports, settings)

    async def explain(subject: str) -> _Verdict:
        found: Explanation = await explainer.explain(subject)
        return _Verdict(found.decision_name, found.decision.row, found.reason)

    return explain
