"""Calls on single requests: create, read, list by code, cancel, copy, preview, roll back, add signers."""

from __future__ import annotations

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import Answer, CallError, JsonObject
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.definition_read import node_name
from reconciler.sandbox.feishu.definitions import ACTIVE, Node, Version
from reconciler.sandbox.feishu.flow import AFTER, BEFORE, PARALLEL
from reconciler.sandbox.feishu.instance_build import NOT_ACTIVE, build_instance, checked_form
from reconciler.sandbox.feishu.instance_read import read_instance
from reconciler.sandbox.feishu.instances import PENDING, Instance, Moment
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.rules import check_added, check_signature, check_withdrawal, open_task, rollback_targets
from reconciler.sandbox.feishu.visit import Handlers, Visit

LONGEST_WINDOW = 10 * 3600 * 1000


def create(visit: Visit) -> Answer:
    """Submit a request as the named person; a uuid that was ever used is refused, whatever became of its request."""
    instance = build_instance(visit.world, visit.app, visit.body)
    visit.world.keep_instance(instance)
    visit.world.flow.begin(instance)
    return Answer({"instance_code": instance.code})


def read(visit: Visit) -> Answer:
    """The request with that code or uuid."""
    return Answer(read_instance(visit, visit.world.instance(visit.path["instance_id"])), msg="")


def codes(visit: Visit) -> Answer:
    """Codes of the requests of a definition created within at most ten hours."""
    definition = visit.world.definition(visit.query["approval_code"])
    begin, end = _millis(visit, "start_time"), _millis(visit, "end_time")
    if not 0 <= end - begin <= LONGEST_WINDOW:
        raise refuse("start_time and end_time may span at most 10 hours")
    found = [
        instance.code
        for instance in visit.world.instances.values()
        if instance.definition is definition and begin <= instance.start <= end
    ]
    page = visit.page(found, default=100, most=100)
    return Answer({"instance_code_list": list(page.items), **page.wire()})


def cancel(visit: Visit) -> Answer:
    """Withdraw as the submitter. An approved request goes back into progress where the definition lets it be revoked."""
    instance = instance_of(visit)
    person = visit.find(visit.body["user_id"])
    check_signature(instance)
    withdraw(visit, instance, person)
    return Answer({})


def withdraw(visit: Visit, instance: Instance, person: Person) -> None:
    """Cancel or begin to revoke, if the rules allow it."""
    world = visit.world
    check_withdrawal(instance, person, tenant_allows=world.tenant.withdrawal, now=world.clock.millis())
    if instance.status == PENDING:
        world.flow.withdraw(instance)
    else:
        world.flow.begin_revocation(instance)


def copy(visit: Visit) -> Answer:
    """Send copies of the request to people."""
    instance = instance_of(visit)
    sender = visit.find(visit.body["user_id"])
    copies = [(visit.find(identifier), idents.decimal()) for identifier in visit.body["cc_user_ids"]]
    comment = visit.body.get("comment", "")
    instance.timeline.append(Moment("CC", visit.world.clock.millis(), sender, comment=comment, copies=copies))
    for reader, copy_id in copies:
        visit.world.copied(instance, copy_id, reader, sender)
    return Answer({})


def preview(visit: Visit) -> Answer:
    """The nodes a request would pass, or (with `instance_code`) still passes, with the people that are known by now."""
    if visit.body.get("instance_code"):
        instance = visit.world.instance(visit.body["instance_code"])
        rest = instance.version.nodes[instance.at :]
        nodes = [_previewed(visit, node, instance.version, instance) for node in rest]
        return Answer({"preview_nodes": nodes})
    definition = visit.world.definition(visit.body.get("approval_code", ""))
    if definition.status != ACTIVE:
        raise CallError(NOT_ACTIVE, "approval is not active")
    visit.world.person(visit.body.get("user_id", ""), visit.app.app_id, _preview_ids(visit))
    checked_form(visit.body.get("form", "[]"), definition.version)
    return Answer(
        {"preview_nodes": [_previewed(visit, node, definition.version, None) for node in definition.version.nodes]}
    )


def roll_back(visit: Visit) -> Answer:
    """The task's approver sends the request back to nodes it has passed."""
    person = visit.find(visit.body["user_id"])
    for instance in visit.world.instances.values():
        if any(task.task_id == visit.body["task_id"] for task in instance.tasks):
            task = open_task(instance, visit.body["task_id"], person)
            nodes = rollback_targets(instance, visit.body["task_def_key_list"])
            visit.world.flow.roll_back(instance, task, nodes, visit.body.get("reason", ""))
            return Answer({})
    raise refuse("task_id not found")


def add_sign(visit: Visit) -> Answer:
    """The task's approver brings in more people; ids are user ids here, always."""
    instance = instance_of(visit)
    person = _by_user_id(visit, visit.body.get("user_id", ""))
    task = open_task(instance, visit.body.get("task_id", ""), person)
    when, method = visit.body.get("add_sign_type"), visit.body.get("approval_method")
    if when not in (BEFORE, AFTER, PARALLEL) or (when != PARALLEL and method not in (1, 2)):
        raise refuse("add_sign_type or approval_method is invalid")
    people = [_by_user_id(visit, str(identifier)) for identifier in visit.body.get("add_sign_user_ids", ())]
    check_added(instance, people)
    comment = visit.body.get("comment", "")
    visit.world.flow.add_sign(instance, task, people, when=when, need_all=method == 2, comment=comment)
    return Answer({})


def instance_of(visit: Visit) -> Instance:
    """The request a body names by definition and code; both must belong together."""
    definition = visit.world.definition(visit.body.get("approval_code", ""))
    instance = visit.world.instances.get(visit.body.get("instance_code", "").upper())
    if instance is None or instance.definition is not definition:
        raise CallError(1390003, "instance code not found")
    return instance


def _preview_ids(visit: Visit) -> str:
    """Previews speak of user ids unless told otherwise."""
    return visit.query.get("user_id_type") or "user_id"


def _by_user_id(visit: Visit, identifier: str) -> Person:
    return visit.world.person(identifier, visit.app.app_id, "user_id")


def _millis(visit: Visit, name: str) -> int:
    value = visit.query[name]
    if not value.isdecimal():
        raise refuse(f"{name} must be a time in milliseconds")
    return int(value)


def _previewed(visit: Visit, node: Node, version: Version, instance: Instance | None) -> JsonObject:
    chosen = instance.wish.chosen.get(node.node_id, []) if instance else []
    return {
        "node_id": node.node_id,
        "node_name": node_name(node, version, visit.locale),
        "node_type": node.mode,
        "custom_node_id": node.custom_id,
        "user_id_list": visit.world.directory.ids((*node.people, *chosen), visit.app.app_id, _preview_ids(visit)),
        "end_cc_id_list": [],
        "comments": [],
        "is_empty_logic": node.decides and not node.free and not node.people,
        "is_approver_type_free": node.free,
        "has_cc_type_free": node.free_copies,
    }


HANDLERS: Handlers = {
    "POST /open-apis/approval/v4/instances": create,
    "GET /open-apis/approval/v4/instances/:instance_id": read,
    "GET /open-apis/approval/v4/instances": codes,
    "POST /open-apis/approval/v4/instances/cancel": cancel,
    "POST /open-apis/approval/v4/instances/cc": copy,
    "POST /open-apis/approval/v4/instances/preview": preview,
    "POST /open-apis/approval/v4/instances/specified_rollback": roll_back,
    "POST /open-apis/approval/v4/instances/add_sign": add_sign,
}
