"""What was applied once, is declared no more, and may still stand: whom to look for, and what to say of it. Pure.

A live inventory lists what can be listed. The rest only the store remembers: definitions, for Feishu has no list of
them; subscriptions, which cannot be read; and what stands in projects that the spec does not look at any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.desired.declared import Declared
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.base import Key, Resource
from reconciler.resources.binding import WORKSPACE, Binding
from reconciler.resources.definition import Definition
from reconciler.resources.project import Project
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.resources.role import Role
from reconciler.resources.subscription import Subscription
from reconciler.resources.webhook import Webhook

_BINDING = re.compile(r"(roles/.+?):((?:user|group|serviceAccount|workloadIdentity):[^:]+|allUsers):(.+)")


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """One resource that nobody declares any more. `code` is a definition's approval code, where it is about one."""

    key: Key
    code: str
    note: str


def left_records(
    records: Mapping[Key, AppliedRecord], declared: Sequence[Declared], listed: Sequence[Resource]
) -> tuple[AppliedRecord, ...]:
    """The records of what is declared no more and what no inventory has listed, sorted.

    A definition that is declared under another name, with its code, is not left behind.
    """
    known = {one.key for one in declared} | {each.key for each in listed}
    codes = {code.lower() for one in declared if (code := _code(one.resource))}
    kept = {one.key.name for one in declared if isinstance(one.resource, Definition | AdoptedDefinition)}
    return tuple(_left(records, known, codes, kept))


def _left(
    records: Mapping[Key, AppliedRecord], known: set[Key], codes: set[str], kept: set[str]
) -> Iterator[AppliedRecord]:
    for key in sorted(records.keys() - known):
        record = records[key]
        if key.kind == Subscription.kind:
            # Of a definition that is left behind itself, the definition is what is spoken of.
            if key.name in kept and record.tokens.get("subscribed"):
                yield record
        elif key.kind == Definition.kind:
            is_uncertain = record.state is RecordState.INTENDED
            if is_uncertain or (record.code and record.code.lower() not in codes):
                yield record
        elif sought(record) is not None:
            yield record


def _code(resource: Resource) -> str:
    return (resource.code or "") if isinstance(resource, Definition | AdoptedDefinition) else ""


def sought(record: AppliedRecord) -> Resource | None:
    """The resource to look for, to know whether it still stands; None where nothing can be looked up or needs to be."""
    match record.kind:
        case Definition.kind:
            return Definition(record.name, record.integration, (), "any", record.code) if record.code else None
        case Project.kind:
            return Project(record.name)
        case Role.kind:
            return Role(record.name)
        case Webhook.kind:
            project, _, rest = record.name.partition("/")
            title, _, type_ = rest.rpartition("/")
            return Webhook(project, title, type_)
        case Binding.kind:
            parts = _BINDING.fullmatch(record.name)
            return Binding(parts[1], parts[2], None if parts[3] == WORKSPACE else parts[3]) if parts else None
        case _:
            return None


def left_behind(record: AppliedRecord) -> LeftBehind:
    """What to say of it."""
    code = record.tokens.get("subscribed", "") if record.kind == Subscription.kind else record.code
    return LeftBehind(record.key, code, note_of(record))


def note_of(record: AppliedRecord) -> str:
    """What is known of a resource that the store remembers and the spec does not declare, and what to do with it."""
    match record.kind:
        case Definition.kind if record.state is RecordState.INTENDED:
            return (
                f"its creation was begun at {record.at:%Y-%m-%d %H:%M:%S} UTC and the answer was lost, so it may exist: "
                "look for it in Feishu's admin console and deactivate it there"
            )
        case Definition.kind:
            return (
                "it was declared once and is no more under this name; Feishu cannot delete it: deactivate it in its admin "
                "console, or declare it again with this code"
            )
        case Subscription.kind:
            return (
                "the app is still subscribed to its events, although the spec wants none: Feishu goes on sending them"
            )
        case Project.kind:
            return "it was declared once and is no more: its flags stay as they are"
        case _:
            return "it was declared once and is no more: remove it in Bytebase, or declare it again"
