"""Calls that decide: approve, reject, transfer, resubmit, each as the person named."""

from __future__ import annotations

from reconciler.sandbox.feishu.answers import Answer
from reconciler.sandbox.feishu.calls.instances import instance_of
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.instance_build import checked_form
from reconciler.sandbox.feishu.instances import Instance, Task
from reconciler.sandbox.feishu.rules import check_transfer, open_task
from reconciler.sandbox.feishu.visit import Handlers, Visit


def approve(visit: Visit) -> Answer:
    """Agree."""
    instance, task = _task(visit)
    _edit_form(visit, instance)
    visit.world.flow.approve(instance, task, visit.body.get("comment", ""))
    return Answer({})


def reject(visit: Visit) -> Answer:
    """Refuse."""
    instance, task = _task(visit)
    _edit_form(visit, instance)
    visit.world.flow.reject(instance, task, visit.body.get("comment", ""))
    return Answer({})


def transfer(visit: Visit) -> Answer:
    """Hand the task to somebody else."""
    instance, task = _task(visit)
    target = visit.find(visit.body["transfer_user_id"])
    check_transfer(instance, task, target)
    visit.world.flow.transfer(instance, task, target, visit.body.get("comment", ""))
    return Answer({})


def resubmit(visit: Visit) -> Answer:
    """Submit again after a send-back, with a new form."""
    instance, task = _task(visit, sent_back=True)
    form = checked_form(visit.body["form"], instance.version)
    visit.world.flow.resubmit(instance, task, form, visit.body.get("comment", ""))
    return Answer({})


def _task(visit: Visit, *, sent_back: bool = False) -> tuple[Instance, Task]:
    instance = instance_of(visit)
    person = visit.find(visit.body["user_id"])
    return instance, open_task(instance, visit.body["task_id"], person, sent_back=sent_back)


def _edit_form(visit: Visit, instance: Instance) -> None:
    text = visit.body.get("form")
    if not text:
        return
    if instance.revoking:
        raise refuse("the form can no longer be edited")
    edited = {item.widget.widget_id: item for item in checked_form(text, instance.version)}
    kept = {item.widget.widget_id: item for item in instance.form} | edited
    instance.form = [kept[widget.widget_id] for widget in instance.version.widgets if widget.widget_id in kept]


HANDLERS: Handlers = {
    "POST /open-apis/approval/v4/tasks/approve": approve,
    "POST /open-apis/approval/v4/tasks/reject": reject,
    "POST /open-apis/approval/v4/tasks/transfer": transfer,
    "POST /open-apis/approval/v4/tasks/resubmit": resubmit,
}
