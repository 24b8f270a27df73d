"""Which live definition stands behind a spec name, and whether requests can be made from it; remembered for a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.errors import NotFoundError
from reconciler.providers.feishu.calls.definitions import DefinitionCalls
from reconciler.providers.feishu.definitions import EN, TEXT_WIDGETS, ObservedDefinition, ObservedNode, read_definition
from reconciler.resources.definition import FORM
from reconciler.subjects.instance import DIGEST_WIDGET, Decision, LiveDefinition

_KEEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DefinitionBinding:
    """What the spec and the store say about a definition.

    `code` is None while it was not created. Adopted ones name their `node` and map our field ids to their `widgets`.
    """

    name: str
    code: str | None
    decision: Decision
    node: str | None = None
    widgets: tuple[tuple[str, str], ...] = ()

    @property
    def is_adopted(self) -> bool:
        """Whether it was made in the console."""
        return self.node is not None


@dataclass(frozen=True, slots=True)
class _Known:
    live: LiveDefinition
    types: Mapping[str, str]
    at: datetime


class LiveDefinitions:
    """Reads the bound definitions. What is known of one is dropped after a minute, or when `forget` is told of its code."""

    def __init__(
        self, calls: DefinitionCalls, *, bindings: Sequence[DefinitionBinding], now: Callable[[], datetime]
    ) -> None:
        self._calls = calls
        self._bindings = {binding.name: binding for binding in bindings}
        self._now = now
        self._known: dict[str, _Known] = {}
        self._lock = asyncio.Lock()

    async def live(self, name: str) -> LiveDefinition:
        """The definition behind a spec name; `problem` is set where no request can be made from it."""
        async with self._lock:
            known = self._known.get(name)
            if known is None or self._now() - known.at >= _KEEP:
                known = self._known[name] = await self._read(name)
            return known.live

    async def widget_types(self, code: str) -> Mapping[str, str]:
        """The type of each widget of a definition, by the id that requests use."""
        name = next((each.name for each in self._bindings.values() if (each.code or "").lower() == code.lower()), None)
        if name is None:
            return {widget.id: widget.type for widget in FORM}
        await self.live(name)
        return self._known[name].types

    def forget(self, code: str) -> None:
        """Read the definition again when it is next needed: it changed, or a request made from it was refused."""
        for binding in self._bindings.values():
            if (binding.code or "").lower() == code.lower():
                self._known.pop(binding.name, None)

    async def _read(self, name: str) -> _Known:
        binding = self._bindings.get(name)
        if binding is None or not binding.code:
            return self._unusable(
                name, binding, "it was not created yet: run reconciler apply --create-definition " + name
            )
        try:
            read = await self._calls.get(binding.code, locale=EN)
        except NotFoundError:
            return self._unusable(name, binding, f"Feishu has no definition {binding.code} for this app")
        observed = read_definition(binding.code, en=read, zh=read)
        node = observed.node(binding.node) if binding.node is not None else observed.free_node
        live = LiveDefinition(
            name=name,
            code=binding.code,
            node_key=node.key if node is not None else "",
            decision=_decision(node, binding),
            problem=problem_of(observed, node, binding),
            widgets=binding.widgets,
        )
        return _Known(live, {widget.custom_id: widget.type for widget in observed.widgets}, self._now())

    def _unusable(self, name: str, binding: DefinitionBinding | None, problem: str) -> _Known:
        decision = binding.decision if binding is not None else Decision.ANY
        code = (binding.code if binding is not None else None) or ""
        return _Known(LiveDefinition(name, code, node_key="", decision=decision, problem=problem), {}, self._now())


def _decision(node: ObservedNode | None, binding: DefinitionBinding) -> Decision:
    live = node.decision if node is not None else None
    return Decision(live) if live is not None else binding.decision


def problem_of(observed: ObservedDefinition, node: ObservedNode | None, binding: DefinitionBinding) -> str:
    """Why no request can be made from it, or why an answer could not be trusted; '' if all is well."""
    if not observed.is_active:
        return f"its status in Feishu is {observed.status or 'unknown'}"
    if node is None or not node.is_free:
        return "it has no approval node whose approvers are named by the request"
    if len(observed.nodes) != 1:
        return "it has further approval nodes, so one approval would not end it"
    if not node.takes_several:
        return "its approval node takes one approver only"
    if node.needs_signature:
        return "it demands a handwritten signature, so requests could not be withdrawn"
    if node.decision is None:
        return f"its approval node is of the unusable type {node.type}"
    if binding.is_adopted and node.decision != binding.decision.value:
        return f"its approvers combine as {node.decision}, and the spec says {binding.decision.value}"
    return _form_problem(observed, dict(binding.widgets) or {widget.id: widget.id for widget in FORM})


def _form_problem(observed: ObservedDefinition, widgets: Mapping[str, str]) -> str:
    if DIGEST_WIDGET not in widgets:
        return "its form has no field for the digest"
    for ours, theirs in widgets.items():
        widget = observed.widget(theirs)
        if widget is None or widget.type not in TEXT_WIDGETS:
            return f"its form has no text field for {ours} (widget {theirs})"
    foreign = [each.custom_id for each in observed.widgets if each.required and each.custom_id not in widgets.values()]
    return f"its form demands a field this project does not fill ({foreign[0]})" if foreign else ""
