"""The JSON documents of apply and drift, as plain data; the plan's own is in `reconciler.plan.document`."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.drift import Drift, DriftItem
from reconciler.plan.document import FORMAT_VERSION, target_plain
from reconciler.plan.outcome import Applied, Outcome
from reconciler.resources.base import Json


def applied_document(applied: Applied) -> Mapping[str, Json]:
    """`{outcomes: [{id, kind, name, outcome, reason, code}]}`, and what is left for a person to do."""
    return {
        "formatVersion": FORMAT_VERSION,
        "target": target_plain(applied.target),
        "outcomes": [_outcome(each) for each in applied.outcomes],
        "messages": list(applied.messages),
    }


def _outcome(outcome: Outcome) -> Mapping[str, Json]:
    return {
        "id": outcome.id,
        "kind": outcome.kind,
        "name": outcome.name,
        "outcome": outcome.result.value,
        "reason": outcome.reason or None,
        "code": outcome.code,
    }


def drift_document(drift: Drift) -> Mapping[str, Json]:
    """`{summary, items: [{kind, name, class, fields, who, when}]}`, and a note where something could not be told."""
    return {
        "formatVersion": FORMAT_VERSION,
        "target": target_plain(drift.target),
        "summary": drift.summary(),
        "items": [_item(each) for each in drift.items],
    }


def _item(item: DriftItem) -> Mapping[str, Json]:
    return {
        "kind": item.kind,
        "name": item.name,
        "class": item.drift_class.value,
        "fields": list(item.fields),
        "who": item.who,
        "when": item.when.isoformat().replace("+00:00", "Z") if item.when is not None else None,
        "note": item.note or None,
    }
