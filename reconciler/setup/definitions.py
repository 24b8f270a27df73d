"""Whether each declared definition exists, can be asked through, returns our ids, and sends its events to us. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.errors import NotFoundError
from reconciler.setup.check import Check, Item, cause_of
from reconciler.setup.facts import Console, DefinitionState, Read, SetupFacts, Unread
from reconciler.spec.models.feishu import Definition, Feishu


def definition_items(feishu: Feishu) -> Iterator[Item]:
    """The lines about definitions, before anything is known."""
    for definition in feishu.definitions:
        yield _exists_item(definition)
        yield _ids_item(definition)
        if feishu.events.transport != "none":
            yield _subscription_item(definition)


def _exists_item(definition: Definition) -> Item:
    return Item(f"definition/{definition.name}", f"Definition {definition.name}")


def _ids_item(definition: Definition) -> Item:
    return Item(f"customIds/{definition.name}", f"Custom ids of definition {definition.name}")


def _subscription_item(definition: Definition) -> Item:
    return Item(f"events/subscription/{definition.name}", f"Events of definition {definition.name}")


def definition_checks(
    feishu: Feishu, facts: SetupFacts, states: Mapping[str, Read[DefinitionState] | None], console: Console
) -> Iterator[Check]:
    """Three lines for each definition; two where events are not used."""
    for definition in feishu.definitions:
        exists = _exists(definition, states.get(definition.name), console)
        yield exists
        state = states.get(definition.name)
        ids = _ids_item(definition)
        if not isinstance(state, DefinitionState):
            yield ids.after(exists)
        else:
            yield _ids(ids, definition, state, console)
        if feishu.events.transport != "none":
            yield _subscription(definition, state, exists, facts, console)


def _exists(definition: Definition, state: Read[DefinitionState] | None, console: Console) -> Check:
    item = _exists_item(definition)
    if state is None:
        return item.failed(
            "it was not created yet: neither the spec nor the store holds its approval code",
            fix=f"run reconciler apply --create-definition {definition.name}, or write the code of an existing one as `code:`",
            link=console.approvals(),
        )
    if isinstance(state, Unread):
        if isinstance(state.error, NotFoundError):
            fix = state.error.next_step or "correct its `code:`"
            return item.failed(cause_of(state.error), fix=fix, link=console.approvals())
        return item.unread(state, link=console.scopes(["approval:approval"]))
    if state.stranger:
        return item.failed(
            f"{state.code} carries the mark of another integration ({state.stranger}): two specs write it in turn",
            fix="give each integration its own definition: write its own `code:`, or null to create one",
            link=console.approvals(),
        )
    if state.problem:
        is_ours = definition.mode == "managed"
        fix = "run reconciler apply, which writes it whole" if is_ours else "correct it in the approval console"
        if "status" in state.problem:
            fix = "enable it in the approval console"
        return item.failed(
            f"no request can be made from {state.code}: {state.problem}", fix=fix, link=console.approvals()
        )
    return item.ok(f"{state.code} is active")


def _ids(item: Item, definition: Definition, state: DefinitionState, console: Console) -> Check:
    if state.returns_ids:
        return item.ok("Feishu returns the ids that requests are addressed by")
    if definition.mode == "adopted":
        return item.ok("it has none; requests use the ids that the spec maps")
    return item.failed(
        "Feishu does not return our ids of its node and fields: requests cannot be addressed, nor read back safely",
        fix="run reconciler apply --only feishu/definition, which writes it whole; if that does not help, report it",
        link=console.approvals(),
    )


def _subscription(
    definition: Definition, state: Read[DefinitionState] | None, exists: Check, facts: SetupFacts, console: Console
) -> Check:
    item = _subscription_item(definition)
    if not isinstance(state, DefinitionState):
        return item.after(exists)
    at = facts.subscribed.get(definition.name)
    if at is not None:
        return item.ok(f"subscribed on {at:%Y-%m-%d %H:%M} UTC, as the store says; Feishu does not show subscriptions")
    return item.unverifiable(
        "Feishu does not show subscriptions, and this store does not know of one",
        fix=f"run reconciler apply --only feishu/subscription/{definition.name}: subscribing twice is harmless",
        link=console.page("event"),
    )
