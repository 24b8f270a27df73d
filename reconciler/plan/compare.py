"""Whether a plan made now is the plan that was shown. The file is a promise to compare with, never a source of values.

Where in the spec something is declared is shown and not compared: a comment added above it changes nothing that is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from reconciler.ids import canonical_json
from reconciler.plan.change import Change, Plan, Target


def moved(*, shown: Plan, now: Plan) -> tuple[str, ...]:
    """What differs, one short sentence each, sorted; empty when the plan still holds."""
    return tuple(sorted({*_target(shown.target, now.target), *_changes(shown, now), *_scope(shown, now)}))


def _target(shown: Target, now: Target) -> list[str]:
    if shown == now:
        return []
    pairs = [
        ("target", shown.name, now.name),
        ("Bytebase", shown.bytebase.url, now.bytebase.url),
        ("Bytebase identity", shown.bytebase.identity, now.bytebase.identity),
        ("Bytebase workspace", shown.bytebase.workspace, now.bytebase.workspace),
        ("Feishu platform", _platform(shown), _platform(now)),
        ("Feishu app", _app(shown), _app(now)),
    ]
    return [
        f"{what} is {is_now or 'none'}, the plan was for {was or 'none'}"
        for what, was, is_now in pairs
        if was != is_now
    ]


def _platform(target: Target) -> str:
    return target.feishu.platform if target.feishu is not None else ""


def _app(target: Target) -> str:
    return target.feishu.app_id if target.feishu is not None else ""


def _scope(shown: Plan, now: Plan) -> list[str]:
    if shown.partial == now.partial:
        return []
    return [
        "the plan was for a part of the spec (--only, --except)"
        if shown.partial
        else "this run is for a part of the spec"
    ]


def _changes(shown: Plan, now: Plan) -> list[str]:
    before = {change.id: replace(change, origin=None) for change in shown.changes}
    after = {change.id: replace(change, origin=None) for change in now.changes}
    found = []
    for name in before.keys() | after.keys():
        if name not in after:
            found.append(f"{name} is not in the spec any more")
        elif name not in before:
            found.append(f"{name} was not in the plan")
        elif before[name] != after[name]:
            found.append(f"{name}: {_difference(before[name], after[name])}")
    if not found and [change.id for change in shown.changes] != [change.id for change in now.changes]:
        found.append("the changes are in another order")
    return found


def _difference(shown: Change, now: Change) -> str:
    if shown.observed != now.observed:
        return "the live resource moved"
    if shown.action is not now.action:
        return f"it is now {now.action.value}, the plan said {shown.action.value}"
    if shown.fields != now.fields:
        paths = sorted({row.path for row in {*_rows(shown)} ^ {*_rows(now)}})
        return f"other values change ({', '.join(paths)})"
    if shown.erases != now.erases:
        return f"it would erase {', '.join(now.erases) or 'nothing'}"
    return "what can be undone or verified of it differs"


def _rows(change: Change) -> list[_Row]:
    return [_Row(row.path, canonical_json([row.before, row.after, row.mark.value])) for row in change.fields]


class _Row(NamedTuple):
    path: str
    content: str
