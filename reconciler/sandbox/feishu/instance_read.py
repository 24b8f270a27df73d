"""What a request reads like: form in the reader's language, tasks, timeline and comments in the calling app's ids."""

from __future__ import annotations

import json
from typing import Any

from reconciler.sandbox.feishu import json_text
from reconciler.sandbox.feishu.answers import JsonObject
from reconciler.sandbox.feishu.definition_read import node_name
from reconciler.sandbox.feishu.instances import Comment, Instance, Moment, Task
from reconciler.sandbox.feishu.texts import is_key
from reconciler.sandbox.feishu.visit import Visit
from reconciler.sandbox.feishu.widgets import FormValue


def read_instance(visit: Visit, instance: Instance) -> JsonObject:
    """The answer's `data`; times are text in ms, `"0"` = not ended; ids of people without the scope are empty."""
    wish = instance.wish
    return {
        "approval_code": instance.definition.code,
        "approval_name": instance.version.texts.read(instance.version.name, visit.locale),
        "instance_code": instance.code,
        "uuid": wish.uuid,
        "serial_number": instance.serial,
        "status": instance.status,
        "reverted": instance.reverted,
        "start_time": str(instance.start),
        "end_time": str(instance.end),
        "open_id": visit.open_id(wish.submitter),
        "user_id": visit.user_id(wish.submitter),
        "department_id": wish.department_id,
        "form": json.dumps(
            [_value(item, instance, visit.locale) for item in instance.form], ensure_ascii=False, separators=(",", ":")
        ),
        "task_list": [_task(visit, instance, task) for task in instance.tasks],
        "comment_list": [_comment(visit, comment) for comment in instance.comments if not comment.deleted],
        "timeline": [_moment(visit, moment) for moment in instance.timeline],
        "modified_instance_code": "",
        "reverted_instance_code": "",
    }


def _value(item: FormValue, instance: Instance, locale: str | None) -> JsonObject:
    widget, value = item.widget, item.value
    if widget.kind in ("input", "textarea") and is_key(value):
        value = instance.wish.texts.read(value, locale)
    elif widget.kind == "telephone":
        value = {"country_code": value["countryCode"], "national_number": value["nationalNumber"]}
    return {
        "id": widget.widget_id,
        "custom_id": widget.custom_id,
        "name": instance.version.texts.read(widget.name, locale),
        "type": widget.kind,
        "ext": None,
        "value": value,
        **item.beside,
    }


def _task(visit: Visit, instance: Instance, task: Task) -> JsonObject:
    read = {
        "id": task.task_id,
        "open_id": visit.open_id(task.person),
        "user_id": visit.user_id(task.person),
        "status": task.status,
        "type": task.kind,
        "node_id": task.node.node_id,
        "node_name": node_name(task.node, instance.version, visit.locale),
        "start_time": str(task.start),
        "end_time": str(task.end),
    }
    if task.node.decides:
        read["custom_node_id"] = task.node.custom_id
    return read


def _moment(visit: Visit, moment: Moment) -> JsonObject:
    targets = {
        "user_id_list": [visit.user_id(person) for person in moment.targets],
        "open_id_list": [visit.open_id(person) for person in moment.targets],
    }
    read: JsonObject = {
        "type": moment.kind,
        "create_time": str(moment.time),
        "open_id": visit.open_id(moment.person),
        "user_id": visit.user_id(moment.person),
        "ext": json.dumps(targets, separators=(",", ":")) if moment.targets else "{}",
        "node_key": moment.node.key if moment.node and moment.node.decides else "",
    }
    if moment.task is not None:
        read["task_id"] = moment.task.task_id
    if moment.comment:
        read["comment"] = moment.comment
    if moment.targets:
        read |= targets
    if moment.copies:
        read["cc_user_list"] = [
            {"user_id": visit.user_id(person), "open_id": visit.open_id(person), "cc_id": copy_id}
            for person, copy_id in moment.copies
        ]
    return read


def _comment(visit: Visit, comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.comment_id,
        "open_id": visit.open_id(comment.author),
        "user_id": visit.user_id(comment.author),
        "comment": comment_text(comment.text),
        "create_time": str(comment.created),
    }


def comment_text(content: str) -> str:
    """The plain text inside a comment's JSON content."""
    parsed = json_text.parse(content)
    return str(parsed.get("text", "")) if isinstance(parsed, dict) else ""
