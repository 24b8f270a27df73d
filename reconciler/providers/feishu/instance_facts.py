"""An approval instance as facts: what GET returns, without anything of Feishu's format left in it. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.wire.instances import ReadFormWidget, ReadInstance, ReadTask, ReadTimelineEntry
from reconciler.subjects.instance import Instance, InstanceStatus, NodeTask, NodeTaskStatus, TimelineEvent

_AUTOMATIC = frozenset({"AUTO_PASS", "AUTO_REJECT", "REMOVE_REPEAT"})
_TEXT_WIDGETS = frozenset({"input", "textarea"})
_NEVER = datetime.fromtimestamp(0, UTC)


def instance_facts(read: ReadInstance) -> Instance:
    """Translate a read instance. UnavailableError when it carries no start time, which every instance has.

    `foreign_form` is set for a form that is not purely distinct text widgets: such a one is not ours, or was changed.
    """
    if read.start_time is None:
        raise UnavailableError("an approval instance has no start time", where=read.instance_code)
    form = _form(read.form)
    by_rule = {entry.task_id for entry in read.timeline if entry.type in _AUTOMATIC}
    return Instance(
        code=read.instance_code,
        uuid=read.uuid,
        definition_code=read.approval_code,
        status=_status(read.status),
        submitter=read.open_id,
        started=read.start_time,
        form=form or (),
        tasks=tuple(_task(task, by_rule=task.id in by_rule) for task in read.task_list),
        timeline=tuple(_event(entry) for entry in read.timeline),
        ended=read.end_time,
        is_reverted=read.reverted,
        foreign_form=form is None,
    )


def _status(word: str) -> InstanceStatus:
    try:
        return InstanceStatus(word)
    except ValueError:
        return InstanceStatus.UNKNOWN


def _task(task: ReadTask, *, by_rule: bool) -> NodeTask:
    try:
        status = NodeTaskStatus(task.status)
    except ValueError:
        status = NodeTaskStatus.UNKNOWN
    return NodeTask(
        id=task.id,
        open_id=task.open_id,
        status=status,
        node_id=task.node_id,
        custom_node_id=task.custom_node_id,
        is_automatic=by_rule or task.type in _AUTOMATIC or not task.open_id,
        ended=task.end_time,
    )


def _event(entry: ReadTimelineEntry) -> TimelineEvent:
    return TimelineEvent(
        type=entry.type,
        at=entry.create_time or _NEVER,
        open_id=entry.open_id,
        task_id=entry.task_id,
        comment=entry.comment,
    )


def _form(text: str) -> tuple[tuple[str, str], ...] | None:
    """(our widget id, text) pairs of the filled widgets; None for a form that ours cannot be."""
    try:
        widgets = [ReadFormWidget.model_validate(widget) for widget in json.loads(text or "[]")]
    except (ValueError, TypeError, RecursionError):
        return None
    pairs = []
    for widget in widgets:
        if widget.value in ("", []):
            continue
        if widget.type not in _TEXT_WIDGETS or not isinstance(widget.value, str):
            return None
        pairs.append((widget.custom_id or widget.id, widget.value))
    ids = [id_ for id_, _ in pairs]
    return tuple(pairs) if len(set(ids)) == len(ids) and all(ids) else None
