"""Events as Feishu words them: the v1 envelope of approvals and the v2 envelope of definitions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import JsonObject
from reconciler.sandbox.feishu.definitions import Definition, Node
from reconciler.sandbox.feishu.instances import Instance, Task
from reconciler.sandbox.feishu.people import Person


@dataclass(frozen=True, slots=True)
class Event:
    """One event for one app; events of one `stream` and type keep their order."""

    app_id: str
    event_type: str
    stream: str
    body: JsonObject = field(repr=False)

    def payload(self, token: str) -> bytes:
        """The JSON that is delivered; `token` is the app's verification token, empty over the long connection."""
        body = dict(self.body)
        if "header" in body:
            body["header"] = {**body["header"], "token": token}
        else:
            body["token"] = token
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def callback(self) -> bool:
        """Whether this is an interactive callback, which is never delivered again."""
        return self.event_type.startswith("card.action")


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom an event is worded: the app, its tenant, the moment, and whether it may see user ids."""

    app_id: str
    tenant_key: str
    millis: int
    sees_user_ids: bool

    def user_id(self, person: Person | None) -> str:
        """The person's user id where the app may see it."""
        return person.user_id if person is not None and self.sees_user_ids else ""


def instance_event(to: Recipient, instance: Instance, status: str) -> Event:
    """A request has a new status; only for a revoked one the times are numbers."""
    moment: str | int = to.millis if status == "REVERTED" else str(to.millis)
    event: JsonObject = {
        **_subject(to, "approval_instance", instance.definition),
        "instance_code": instance.code,
        "status": status,
        "operate_time": moment,
        "instance_operate_time": moment,
    }
    if instance.wish.uuid:
        event["uuid"] = instance.wish.uuid
    return _first_kind(to, instance.code, event)


def task_event(
    to: Recipient, instance: Instance, task: Task, status: str, *, open_id: str, back_to: Sequence[Node] = ()
) -> Event:
    """A task has a new status; automatic tasks name nobody."""
    extra = ""
    if back_to:
        system, custom = [node.node_id for node in back_to], [node.custom_id for node in back_to]
        extra = json.dumps({"rollback_node_ids": system, "rollback_custom_node_ids": custom})
    event: JsonObject = {
        **_subject(to, "approval_task", instance.definition),
        "instance_code": instance.code,
        "task_id": task.task_id,
        "open_id": open_id,
        "user_id": to.user_id(task.person),
        "status": status,
        "operate_time": str(to.millis),
        "custom_key": task.node.custom_id if task.node.decides else "",
        "def_key": task.node.node_id,
        "extra": extra,
    }
    return _first_kind(to, instance.code, event)


def copy_event(to: Recipient, instance: Instance, copy_id: str, reader: Person, sender: Person) -> Event:
    """Somebody got a copy of a request."""
    event: JsonObject = {
        **_subject(to, "approval_cc", instance.definition),
        "instance_code": instance.code,
        "id": copy_id,
        "user_id": to.user_id(reader),
        "create_time": to.millis,
        "operate": "CREATE",
        "from": to.user_id(sender),
    }
    return _first_kind(to, instance.code, event)


def definition_event(to: Recipient, definition: Definition) -> Event:
    """A definition was overwritten."""
    kind = "approval.approval.updated_v4"
    nodes = [{"node_id": node.node_id, "custom_node_id": node.custom_id} for node in definition.version.nodes]
    body: JsonObject = {
        "schema": "2.0",
        "header": {
            "event_id": idents.hexadecimal(),
            "event_type": kind,
            "create_time": str(to.millis),
            "token": "",
            "app_id": to.app_id,
            "tenant_key": to.tenant_key,
        },
        "event": {
            "object": {
                "approval_id": definition.approval_id,
                "approval_code": definition.code,
                "version_id": definition.version.version_id,
                "widget_group_type": 0,
                "form_definition_id": definition.version.version_id,
                "process_obj": json.dumps({"nodes": nodes}),
                "timestamp": str(to.millis // 1000),
                "extra": "",
            }
        },
    }
    return Event(to.app_id, kind, definition.code, body)


def callback_event(to: Recipient, kind: str, event: JsonObject) -> Event:
    """An interactive callback in the v2 envelope."""
    header = {
        "event_id": idents.hexadecimal(),
        "event_type": kind,
        "create_time": str(to.millis),
        "token": "",
        "app_id": to.app_id,
        "tenant_key": to.tenant_key,
    }
    return Event(to.app_id, kind, idents.hexadecimal(), {"schema": "2.0", "header": header, "event": event})


def _subject(to: Recipient, kind: str, definition: Definition) -> JsonObject:
    return {"app_id": to.app_id, "tenant_key": to.tenant_key, "type": kind, "approval_code": definition.code}


def _first_kind(to: Recipient, stream: str, event: JsonObject) -> Event:
    body: JsonObject = {
        "ts": f"{to.millis / 1000:.7f}",
        "uuid": idents.hexadecimal(),
        "token": "",
        "type": "event_callback",
        "event": event,
    }
    return Event(to.app_id, str(event["type"]), stream, body)
