"""Searches over requests and tasks: filters, lower-case statuses, and the lists one person has."""

from __future__ import annotations

from reconciler.sandbox.feishu.answers import Answer, JsonObject
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.definitions import Definition
from reconciler.sandbox.feishu.instances import APPROVED, CANCELED, DELETED, PENDING, REJECTED, Instance, Task
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.visit import Handlers, Page, Visit

LONGEST_SPAN = 30 * 24 * 3600 * 1000

_ASKED = {"PENDING": PENDING, "RECALL": CANCELED, "REJECT": REJECTED, "DELETED": DELETED, "APPROVED": APPROVED}
_TODO, _DONE, _STARTED, _UNREAD_COPY, _READ_COPY = "1", "2", "3", "17", "18"
_PROCESS_STATUS = {PENDING: "1", APPROVED: "2", REJECTED: "3", CANCELED: "4", DELETED: "5"}


def query_instances(visit: Visit) -> Answer:
    """Requests that fit; those revoked after approval are dropped from their page, as the platform does."""
    _check_filters(visit, "instance_start_time_from", "instance_start_time_to")
    wanted = visit.body.get("instance_status", "ALL")
    fitting = [
        instance
        for instance in _fitting(visit, "instance_title", "instance_start_time_from", "instance_start_time_to")
        if wanted == "ALL" or instance.status == _ASKED[wanted]
    ]
    page = visit.page(fitting, default=10, most=200, least=5)
    items = [
        {"approval": _approval(visit, item.definition), "group": {}, "instance": _node(visit, item)}
        for item in page.items
        if not item.reverted
    ]
    return Answer({"count": len(fitting), "instance_list": items, **page.wire()})


def search_tasks(visit: Visit) -> Answer:
    """Tasks that fit, with their request and definition; 0 and 1 order by update, 2 and 3 by start."""
    _check_filters(visit, "task_start_time_from", "task_start_time_to")
    statuses = set(visit.body.get("task_status_list", ())) or {visit.body.get("task_status", "ALL")}
    person = visit.find(visit.body["user_id"]) if visit.body.get("user_id") else None
    pairs = [
        (instance, task)
        for instance in _requests(visit)
        for task in instance.tasks
        if task.person is not None and (person is None or task.person is person)
        if "ALL" in statuses or _task_status(task) in statuses
        if _within(visit, task.start, "task_start_time_from", "task_start_time_to")
        if visit.body.get("task_title", "") in instance.title(visit.body.get("locale"))
    ]
    order = visit.body.get("order", 2)
    moment = (lambda pair: pair[1].end or pair[1].start) if order < 2 else (lambda pair: pair[1].start)
    pairs.sort(key=moment, reverse=order in (0, 2))
    page = visit.page(pairs, default=10, most=200, least=5)
    items = [
        {
            "approval": _approval(visit, instance.definition),
            "group": {},
            "instance": _node(visit, instance),
            "task": _searched_task(visit, instance, task),
        }
        for instance, task in page.items
    ]
    return Answer({"count": len(pairs), "task_list": items, **page.wire()})


def search_copies(visit: Visit) -> Answer:
    """Copies that fit; nobody in this tenant has read one yet."""
    _check_filters(visit, "cc_create_time_from", "cc_create_time_to")
    person = visit.find(visit.body["user_id"]) if visit.body.get("user_id") else None
    rows = [
        {
            "approval": _approval(visit, instance.definition),
            "group": {},
            "instance": _node(visit, instance),
            "cc": {
                "user_id": visit.name_of(reader),
                "create_time": str(moment.time),
                "read_status": "unread",
                "title": instance.title(visit.body.get("locale")),
                "extra": "{}",
                "link": _links(instance),
            },
        }
        for instance in _requests(visit)
        for moment in instance.timeline
        for reader, _ in moment.copies
        if person is None or reader is person
        if visit.body.get("read_status", "ALL") != "READ"
        if visit.body.get("cc_title", "") in instance.title(visit.body.get("locale"))
        if _within(visit, moment.time, "cc_create_time_from", "cc_create_time_to")
    ]
    page: Page[JsonObject] = visit.page(rows, default=10, most=200, least=5)
    return Answer({"count": len(rows), "cc_list": list(page.items), **page.wire()})


def query_tasks(visit: Visit) -> Answer:
    """One person's own list, newest first: to do, done, started, copies."""
    person, topic = visit.find(visit.query["user_id"]), visit.query["topic"]
    rows = [
        row for instance in reversed(visit.world.instances.values()) for row in _own(visit, instance, person, topic)
    ]
    page: Page[JsonObject] = visit.page(rows, default=100, most=200)
    count = {"total": len(rows), "has_more": False}
    return Answer({"tasks": list(page.items), "count": count, **page.wire()})


def _own(visit: Visit, instance: Instance, person: Person, topic: str) -> list[JsonObject]:
    if topic == _STARTED:
        return [_row(visit, instance, person, topic, None)] if instance.wish.submitter is person else []
    if topic in (_UNREAD_COPY, _READ_COPY):
        readers = [reader for moment in instance.timeline for reader, _ in moment.copies]
        return [_row(visit, instance, person, topic, None)] if topic == _UNREAD_COPY and person in readers else []
    open_wanted = topic == _TODO
    return [
        _row(visit, instance, person, topic, task)
        for task in instance.tasks
        if task.person is person and (task.status == PENDING) == open_wanted
    ]


def _row(visit: Visit, instance: Instance, person: Person, topic: str, task: Task | None) -> JsonObject:
    definition, links = instance.definition, _links(instance)
    return {
        "topic": topic,
        "user_id": visit.name_of(person),
        "title": definition.name,
        "urls": {"helpdesk": "", "mobile": links["mobile_link"], "pc": links["pc_link"]},
        "process_external_id": "",
        "task_external_id": "",
        "status": "17" if topic == _UNREAD_COPY else "1" if topic == _TODO else "2",
        "process_status": _PROCESS_STATUS[instance.status],
        "definition_code": definition.code,
        "initiators": [visit.name_of(instance.wish.submitter)],
        "initiator_names": [instance.wish.submitter.name],
        "task_id": task.task_id if task else "",
        "process_id": instance.serial,
        "process_code": instance.code,
        "definition_group_id": "",
        "definition_group_name": "",
        "definition_id": definition.approval_id,
        "definition_name": definition.name,
    }


def _check_filters(visit: Visit, begin: str, end: str) -> None:
    given = [
        name for name in ("user_id", "approval_code", "instance_code", "instance_external_id") if visit.body.get(name)
    ]
    times = [visit.body.get(name, "") for name in (begin, end)]
    if not given and not all(times):
        raise refuse("at least one filter is required")
    if any(time and not time.isdecimal() for time in times):
        raise refuse("times must be in milliseconds")
    if all(times) and not 0 <= int(times[1]) - int(times[0]) <= LONGEST_SPAN:
        raise refuse("the time range may span at most 30 days")


def _requests(visit: Visit) -> list[Instance]:
    code, name = visit.body.get("approval_code", "").upper(), visit.body.get("instance_code", "").upper()
    if code:
        visit.world.definition(code)
    return [
        instance
        for instance in visit.world.instances.values()
        if code in ("", instance.definition.code) and name in ("", instance.code)
    ]


def _fitting(visit: Visit, title: str, begin: str, end: str) -> list[Instance]:
    person = visit.find(visit.body["user_id"]) if visit.body.get("user_id") else None
    return [
        instance
        for instance in _requests(visit)
        if person is None or instance.wish.submitter is person
        if visit.body.get(title, "") in instance.title(visit.body.get("locale"))
        if _within(visit, instance.start, begin, end)
    ]


def _within(visit: Visit, moment: int, begin: str, end: str) -> bool:
    earliest, latest = visit.body.get(begin, ""), visit.body.get(end, "")
    return (not earliest or moment >= int(earliest)) and (not latest or moment <= int(latest))


def _approval(visit: Visit, definition: Definition) -> JsonObject:
    name = definition.version.texts.read(definition.version.name, visit.body.get("locale"))
    return {
        "code": definition.code,
        "name": name,
        "is_external": False,
        "approval_id": definition.approval_id,
        "icon": "https://example.com/approval-icon.png",
    }


def _node(visit: Visit, instance: Instance) -> JsonObject:
    return {
        "code": instance.code,
        "external_id": "",
        "user_id": visit.name_of(instance.wish.submitter),
        "start_time": str(instance.start),
        "end_time": str(instance.end),
        "status": instance.status.lower(),
        "title": instance.title(visit.body.get("locale")),
        "extra": "{}",
        "serial_id": instance.serial,
        "link": _links(instance),
    }


def _searched_task(visit: Visit, instance: Instance, task: Task) -> JsonObject:
    return {
        "user_id": visit.name_of(task.person) if task.person else "",
        "start_time": str(task.start),
        "end_time": str(task.end),
        "update_time": str(task.end or task.start),
        "status": _task_status(task).lower(),
        "title": instance.title(visit.body.get("locale")),
        "extra": "{}",
        "link": _links(instance),
        "task_id": task.task_id,
        "task_external_id": "",
    }


def _task_status(task: Task) -> str:
    return task.status


def _links(instance: Instance) -> JsonObject:
    page = f"https://applink.feishu.cn/client/mini_program/open?mode=appCenter&instanceId={instance.code}"
    return {"pc_link": page, "mobile_link": page}


HANDLERS: Handlers = {
    "POST /open-apis/approval/v4/instances/query": query_instances,
    "POST /open-apis/approval/v4/tasks/search": search_tasks,
    "POST /open-apis/approval/v4/instances/search_cc": search_copies,
    "GET /open-apis/approval/v4/tasks/query": query_tasks,
}
