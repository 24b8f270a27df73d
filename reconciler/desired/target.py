"""One target of a spec -> everything it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.desired.bytebase import declared_in_bytebase, origin
from reconciler.desired.declared import Declared
from reconciler.desired.feishu import declared_in_feishu
from reconciler.resources.base import Key, Origin
from reconciler.resources.finding import Finding
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.spec.target import Target


@dataclass(frozen=True, slots=True)
class Desired:
    """The declared resources, sorted by kind and name, with what is to be said about how they were written."""

    declared: tuple[Declared, ...]
    warnings: tuple[Finding, ...] = ()
    refusals: tuple[Finding, ...] = ()


def desired_of(target: Target, records: Mapping[Key, AppliedRecord]) -> Desired:
    """What the target declares. A definition whose code is not in the file yet uses the recorded one, and a warning says so."""
    warnings = []
    refusals = []
    codes = {}
    definitions = target.spec.feishu.definitions if target.spec.feishu is not None else ()
    for index, definition in enumerate(definitions):
        record = records.get(Key("feishu/definition", definition.name))
        if definition.code is not None or record is None or definition.mode == "adopted":
            continue
        at = origin(target, "spec", "feishu", "definitions", index)
        if record.state is RecordState.INTENDED:
            refusals.append(_uncertain(definition.name, record, at))
        elif record.code:
            codes[definition.name] = record.code
            warnings.append(_unwritten(definition.name, record, at))
    declared = (*declared_in_bytebase(target), *declared_in_feishu(target, codes))
    return Desired(tuple(sorted(declared, key=lambda one: one.key)), tuple(warnings), tuple(refusals))


def _unwritten(name: str, record: AppliedRecord, at: Origin) -> Finding:
    return Finding(
        "codeNotWritten",
        "feishu/definition",
        name,
        f"the spec does not hold its approval code; the recorded one ({record.code}) is used",
        f"write `code: {record.code}` there and commit it",
        at,
    )


def _uncertain(name: str, record: AppliedRecord, at: Origin) -> Finding:
    return Finding(
        "creationUncertain",
        "feishu/definition",
        name,
        f"its creation was begun at {record.at:%Y-%m-%d %H:%M:%S} UTC and the answer was lost: it may exist already",
        "look for it in Feishu's admin console; if it is there, write its approval code as `code:`; "
        f"if it is not, run apply with --forget-creation {name}",
        at,
    )
