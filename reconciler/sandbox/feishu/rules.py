"""Who may do what to a request, and when: the platform's refusals, before the flow moves anything."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.sandbox.feishu.answers import CallError
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.definitions import Node
from reconciler.sandbox.feishu.instances import APPROVED, PENDING, Instance, Task
from reconciler.sandbox.feishu.people import Person

NO_PERMISSION = 1390009
TASK_NOT_FOUND = 1390010
USER_NOT_FOUND = 1390004
SIGNATURE_REQUIRED = 1390018


def user_not_found() -> CallError:
    """Nobody has that id, or the person has left, or lies outside the app's range."""
    return CallError(USER_NOT_FOUND, "user not found")


def open_task(instance: Instance, task_id: str, person: Person, *, sent_back: bool = False) -> Task:
    """The open task that `person` may decide now; `sent_back` asks for the submitter's own task after a send-back."""
    task = next((task for task in instance.tasks if task.task_id == task_id), None)
    if task is None or task.status != PENDING or instance.status != PENDING or instance.sent_back != sent_back:
        raise CallError(TASK_NOT_FOUND, "task not found or already handled")
    if task.person is not person:
        raise CallError(NO_PERMISSION, "no operation permission")
    check_signature(instance)
    return task


def check_withdrawal(instance: Instance, person: Person, *, tenant_allows: bool, now: int) -> None:
    """Whether `person` may cancel the request now; raises `CallError`."""
    settings = instance.version.settings
    if person is not instance.wish.submitter:
        raise refuse("only the submitter can cancel")
    if instance.wish.forbid_revoke or not tenant_allows:
        raise refuse("the definition does not allow to cancel")
    if instance.status == PENDING:
        passed = any(task.status == APPROVED and task.person for task in instance.tasks)
        if instance.revoking or (passed and settings.revert_option == 0):
            raise refuse("the request can no longer be cancelled")
    elif instance.status != APPROVED or now - instance.end >= settings.revert_interval * 1000:
        raise refuse("the request has already ended")


def check_signature(instance: Instance) -> None:
    """No call can do what needs a person's handwriting; raises `CallError` 1390018."""
    if instance.definition.signature:
        raise CallError(SIGNATURE_REQUIRED, "a handwritten signature is required")


def check_transfer(instance: Instance, task: Task, target: Person) -> None:
    """Whether the task may go to `target`; raises `CallError`."""
    holders = {other.person.key for other in instance.open_tasks() if other.node is task.node and other.person}
    if target.key in holders:
        raise refuse("the person already decides at this node")


def check_added(instance: Instance, people: Sequence[Person]) -> None:
    """Whether these may be added to the node the request is at; raises `CallError`."""
    holders = {task.person.key for task in instance.open_tasks() if task.person}
    if not people or len({person.key for person in people}) != len(people):
        raise refuse("add_sign_user_ids must name different people")
    if any(person.key in holders for person in people):
        raise refuse("a person already decides at this node")


def rollback_targets(instance: Instance, keys: Sequence[str]) -> list[Node]:
    """The earlier nodes meant by keys of PASS entries or START; raises `CallError`."""
    earlier = {node.key: node for node in instance.version.nodes[1 : instance.at]}
    earlier["START"] = instance.version.nodes[0]
    if not keys or any(key not in earlier for key in keys):
        raise refuse("task_def_key_list names no passed node")
    return [earlier[key] for key in keys]
