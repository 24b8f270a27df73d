"""Connects one target for the gate loop and gives the loop its settings; what explains a subject needs no daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.secret_sources import SecretResolver
from reconciler.adapters.store import SqlAppliedReader, Store
from reconciler.cli.connections import Connector, environment
from reconciler.cli.match_rules import match_rules
from reconciler.errors import RefusedError
from reconciler.operations.sync.explain import Explainer
from reconciler.operations.sync.places import Places
from reconciler.operations.sync.settings import NotifyRule, SyncPorts, SyncSettings
from reconciler.plan.target import identity_of
from reconciler.ports.sync import Ledger
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.providers.external.node import NodeApprovals
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.feishu.approvals import FeishuApprovals
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.live_definitions import DefinitionBinding
from reconciler.resources.base import Key
from reconciler.resources.record import AppliedRecord
from reconciler.spec.models.feishu import Definition
from reconciler.spec.models.policies import Chat
from reconciler.spec.target import Target
from reconciler.subjects.instance import Decision, Dialect
from reconciler.sync.gates import compile_gates


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Both clients of one target, connected, and what the loop's ports are made of. `definitions` are codes.

    `reviewers` are clients by flow role, each as the account that answers it; none where no gate is at a review. `nodes`
    are external nodes by name.
    """

    bytebase: BytebaseClient
    reviewers: Mapping[str, BytebaseClient]
    nodes: Mapping[str, NodeApprovals]
    feishu: FeishuClient
    approvals: FeishuApprovals
    definitions: tuple[str, ...]
    workspace: str
    bytebase_url: str
    clock: SystemClock
    secrets: SecretResolver


async def connect(stack: AsyncExitStack, target: Target, store: Store) -> Upstreams:
    """Open both clients, to be closed with the stack. Raises where the spec has no app or the server is too old."""
    clock = SystemClock()
    secrets = SecretResolver(environment(), Path.cwd())
    connector = Connector(target, secrets, clock.observe)
    bytebase = await stack.enter_async_context(connector.bytebase("sync"))
    feishu = await stack.enter_async_context(connector.feishu())
    if feishu is None or target.spec.feishu is None:
        raise RefusedError(
            "without a Feishu app nobody can be asked",
            where=str(target.origin("spec", "feishu")),
            next_step="declare spec.feishu.app",
        )
    server = await bytebase.server()
    records = await SqlAppliedReader(store).records(target.name)
    bindings = bindings_of(target, records)
    approvals = approvals_of(target, feishu, bindings, clock)
    url = server.external_url or bytebase.url
    codes = tuple(dict.fromkeys(binding.code for binding in bindings if binding.code))
    reviewers = await _reviewers(stack, target, connector)
    nodes = await _nodes(stack, target, secrets)
    return Upstreams(bytebase, reviewers, nodes, feishu, approvals, codes, server.workspace, url, clock, secrets)


def approvals_of(
    target: Target, feishu: FeishuClient, bindings: Sequence[DefinitionBinding], clock: SystemClock
) -> FeishuApprovals:
    """Feishu as the place where this target's questions are decided."""
    return FeishuApprovals(feishu, definitions=bindings, rules=match_rules(target.spec.users), now=clock.now)


async def _reviewers(stack: AsyncExitStack, target: Target, connector: Connector) -> Mapping[str, BytebaseClient]:
    """A client per flow role, where a gate is at a review at all."""
    if not any(gate.at == "review" for gate in target.spec.gates):
        return {}
    clients = {}
    for number, reviewer in enumerate(target.spec.bytebase.reviewers):
        at = target.origin("spec", "bytebase", "reviewers", number)
        account = await connector.account(reviewer, at)
        clients[reviewer.role] = await stack.enter_async_context(connector.bytebase_as(account))
    return clients


async def _nodes(stack: AsyncExitStack, target: Target, secrets: SecretResolver) -> Mapping[str, NodeApprovals]:
    """The external nodes of a target, each with its header resolved."""
    nodes = {}
    for number, node in enumerate(target.spec.external_nodes):
        at = target.origin("spec", "externalNodes", number, "auth")
        settings = NodeSettings(
            name=node.name,
            endpoint=node.endpoint,
            dialect=Dialect(node.dialect),
            header=node.auth.header if node.auth is not None else "",
            value=await secrets.resolve(node.auth.value, at) if node.auth is not None else None,
            resends=node.resend_lost == "resend",
        )
        nodes[node.name] = NodeApprovals(settings)
        stack.push_async_callback(nodes[node.name].aclose)
    return nodes


def sync_settings(
    target: Target, identity: str, spec_digest: str, *, draining: bool = False, circuit: Callable[[], str] = str
) -> SyncSettings:
    """The gates and names of a target as the loop takes them."""
    return SyncSettings(
        integration=target.name,
        identity=identity,
        gates=compile_gates(target.spec),
        spec_digest=spec_digest,
        notify=tuple(
            NotifyRule(rule.to.chat if isinstance(rule.to, Chat) else rule.to, frozenset(rule.when))
            for rule in target.spec.notify
        ),
        is_draining=draining,
        circuit=circuit,
    )


async def open_explainer(stack: AsyncExitStack, target: Target, store: Store, ledger: Ledger) -> Explainer:
    """Explains subjects of one target without writing anything; closed with the stack."""
    upstreams = await connect(stack, target, store)
    subjects = BytebaseSubjects(upstreams.bytebase, upstreams.clock, reviewers=upstreams.reviewers)
    ports = SyncPorts(subjects, Places(upstreams.approvals, upstreams.nodes), ledger, upstreams.clock)
    return Explainer(ports, sync_settings(target, identity_of(target, upstreams.workspace), ""))


def bindings_of(target: Target, records: Mapping[Key, AppliedRecord]) -> list[DefinitionBinding]:
    """What spec and store say about each declared definition."""
    feishu = target.spec.feishu
    return [_binding(definition, records) for definition in feishu.definitions] if feishu is not None else []


def _binding(definition: Definition, records: Mapping[Key, AppliedRecord]) -> DefinitionBinding:
    record = records.get(Key("feishu/definition", definition.name))
    form = definition.form.model_dump(by_alias=True, exclude_none=True) if definition.form is not None else {}
    return DefinitionBinding(
        name=definition.name,
        code=definition.code or (record.code if record is not None else "") or None,
        decision=Decision(definition.decision),
        node=definition.node,
        widgets=tuple((ours, str(theirs)) for ours, theirs in form.items()),
    )
