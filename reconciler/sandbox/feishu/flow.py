"""The state machine of a request: who decides when, what each act does to tasks, timeline and status.

Acts are already permitted when they come here; `rules.py` says which are. Every change is announced in the order in which
Feishu emits events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.definitions import AND, OR, SEQUENTIAL, Node
from reconciler.sandbox.feishu.instances import (
    APPROVED,
    AUTO_PASS,
    CANCELED,
    DELETED,
    DONE,
    PENDING,
    REJECTED,
    TRANSFERRED,
    Instance,
    Later,
    Moment,
    Slot,
    Task,
)
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.widgets import FormValue

BEFORE, AFTER, PARALLEL = 1, 2, 3

_SIGNED = {BEFORE: "ADD_APPROVER_BEFORE", AFTER: "ADD_APPROVER_AFTER", PARALLEL: "ADD_APPROVER"}


class Announcer(Protocol):
    """Hears of every change that Feishu turns into an event."""

    def instance_changed(self, instance: Instance, status: str) -> None:
        """The request has that status now (`REVERTED` for one revoked after it was approved)."""

    def task_changed(self, instance: Instance, task: Task, status: str, *, back_to: Sequence[Node] = ()) -> None:
        """A task has that status now; `back_to` are the nodes a rollback leads to."""


class Flow:
    """Moves requests along; `millis` tells the time."""

    def __init__(self, announcer: Announcer, millis: Callable[[], int]) -> None:
        self._announce = announcer
        self._millis = millis

    def begin(self, instance: Instance) -> None:
        """Submit: the first people get their tasks."""
        instance.timeline.append(Moment("START", instance.start, instance.wish.submitter))
        self._announce.instance_changed(instance, PENDING)
        self._enter(instance, 1)

    def approve(self, instance: Instance, task: Task, comment: str) -> None:
        """The task's own approver agrees."""
        self._note(instance, "PASS", task.person, task=task, comment=comment)
        self._close(instance, task, APPROVED)
        self._passed(instance, task)

    def reject(self, instance: Instance, task: Task, comment: str) -> None:
        """The task's own approver refuses: the request ends, or goes back to the submitter where the definition says so."""
        self._note(instance, "REJECT", task.person, task=task, comment=comment)
        self._close(instance, task, REJECTED)
        self._close_open(instance)
        if instance.revoking:
            instance.revoking = False
            self._end(instance, APPROVED)
        elif instance.version.settings.reject_option == 1:
            self._note(instance, "ROLLBACK", task.person, task=task, comment=comment)
            self._send_back(instance)
        else:
            self._end(instance, REJECTED)

    def transfer(self, instance: Instance, task: Task, target: Person, comment: str) -> None:
        """The task goes to somebody else, at the same node."""
        slot = self._slot_of(instance, task)
        self._note(instance, "TRANSFER", task.person, task=task, comment=comment, targets=(target,))
        self._close(instance, task, TRANSFERRED)
        slot.tasks.append(self._open(instance, target, task.node, task.kind))

    def add_sign(
        self,
        instance: Instance,
        task: Task,
        people: Sequence[Person],
        *,
        when: int,
        need_all: bool,
        comment: str,
    ) -> None:
        """More people decide: before the task's approver, after him (who passes by it), or beside him."""
        slot = self._slot_of(instance, task)
        self._note(instance, _SIGNED[when], task.person, task=task, comment=comment, targets=tuple(people))
        if when == PARALLEL:
            for person in people:
                instance.slots.append(Slot([self._open(instance, person, task.node, task.kind)]))
            return
        if when == BEFORE:
            self._close(instance, task, DONE)
            if task.person is not None:
                slot.later.insert(0, Later((task.person,), need_all=False))
        else:
            self._note(instance, "PASS", task.person, task=task, comment=comment)
            self._close(instance, task, APPROVED)
        slot.later.insert(0, Later(tuple(people), need_all))
        slot.need_all = False
        self._advance(instance, slot)

    def roll_back(self, instance: Instance, task: Task, nodes: Sequence[Node], comment: str) -> None:
        """The task's approver sends the request back to earlier nodes, or to the submitter (START)."""
        self._note(instance, "ROLLBACK_SELECTED", task.person, task=task, comment=comment)
        task.status, task.end = DONE, self._millis()
        self._announce.task_changed(instance, task, "ROLLBACK", back_to=nodes)
        self._close_open(instance)
        first = min(instance.version.nodes.index(node) for node in nodes)
        if first == 0:
            self._send_back(instance)
        else:
            self._enter(instance, first)

    def resubmit(self, instance: Instance, task: Task, form: list[FormValue], comment: str) -> None:
        """The submitter puts a request that was sent back on its way again."""
        self._note(instance, "START", task.person, task=task, comment=comment)
        self._close(instance, task, DONE)
        instance.form = form
        instance.sent_back = False
        self._enter(instance, 1)

    def auto_pass(self, instance: Instance) -> None:
        """The node the request is at passes by a rule of the platform; nobody decided."""
        self._close_open(instance)
        self._automatic(instance, instance.node)
        self._enter(instance, instance.at + 1)

    def withdraw(self, instance: Instance) -> None:
        """The submitter takes a pending request back."""
        self._close_open(instance)
        self._note(instance, "CANCEL", instance.wish.submitter)
        self._end(instance, CANCELED)

    def delete(self, instance: Instance) -> None:
        """An administrator disabled or deleted the definition of a pending request."""
        self._close_open(instance)
        self._note(instance, "DELETE", None)
        self._end(instance, DELETED)

    def begin_revocation(self, instance: Instance) -> None:
        """The submitter asks to revoke an approved request: it is in progress again until its approvers agree."""
        deciders = _unique([task.person for task in instance.tasks if task.status == APPROVED and task.person])
        instance.status, instance.end, instance.revoking = PENDING, 0, True
        last = next(node for node in reversed(instance.version.nodes) if node.decides)
        instance.at = instance.version.nodes.index(last)
        people = deciders or [instance.wish.submitter]
        instance.slots = [Slot([self._open(instance, person, last, OR) for person in people])]

    def revoke(self, instance: Instance) -> None:
        """An approved request is revoked: it reads as cancelled and reverted."""
        self._close_open(instance)
        self._note(instance, "CANCEL", instance.wish.submitter)
        instance.status, instance.end, instance.reverted = CANCELED, self._millis(), True
        instance.revoking = False
        self._announce.instance_changed(instance, "REVERTED")

    def _enter(self, instance: Instance, index: int) -> None:
        for at in range(index, len(instance.version.nodes)):
            node = instance.version.nodes[at]
            if node.decides:
                instance.at = at
                instance.slots = self._slots(instance, node)
                if instance.slots:
                    return
        self._end(instance, APPROVED)

    def _slots(self, instance: Instance, node: Node) -> list[Slot]:
        asked = [*node.people, *instance.wish.chosen.get(node.node_id, ())]
        people = _unique(asked)
        if len(people) < len(asked):
            self._note(instance, "REMOVE_REPEAT", None, node=node)
        if not people or node.node_id in instance.wish.automatic:
            self._automatic(instance, node)
            return []
        if node.starter_assignee == AUTO_PASS and instance.wish.submitter in people:
            self._automatic(instance, node)
            people.remove(instance.wish.submitter)
            if node.mode == OR or not people:
                return []
        if node.mode == SEQUENTIAL:
            first, *rest = people
            later = [Later((person,), need_all=False) for person in rest]
            return [Slot([self._open(instance, first, node, node.mode)], later=later)]
        return [Slot([self._open(instance, person, node, node.mode)]) for person in people]

    def _automatic(self, instance: Instance, node: Node) -> None:
        now = self._millis()
        task = Task(idents.decimal(), None, AUTO_PASS, node, now, status=APPROVED, end=now)
        instance.tasks.append(task)
        self._note(instance, AUTO_PASS, None, task=task, node=node)
        self._announce.task_changed(instance, task, APPROVED)

    def _passed(self, instance: Instance, task: Task) -> None:
        slot = self._slot_of(instance, task)
        waiting = [other for other in slot.tasks if other.status == PENDING]
        if slot.need_all and waiting:
            for other in waiting:
                self._announce.task_changed(instance, other, PENDING)
            return
        for other in waiting:
            self._close(instance, other, DONE)
        self._advance(instance, slot)

    def _advance(self, instance: Instance, slot: Slot) -> None:
        if slot.later:
            following = slot.later.pop(0)
            kind = instance.node.mode if not following.need_all else AND
            slot.tasks = [self._open(instance, person, instance.node, kind) for person in following.people]
            slot.need_all = following.need_all
            return
        slot.done = True
        if instance.revoking:
            self.revoke(instance)
        elif instance.node.mode == OR or all(other.done for other in instance.slots):
            self._close_open(instance)
            self._enter(instance, instance.at + 1)
        else:
            for other in instance.open_tasks():
                self._announce.task_changed(instance, other, PENDING)

    def _send_back(self, instance: Instance) -> None:
        start = instance.version.nodes[0]
        instance.at, instance.sent_back = 0, True
        instance.slots = [Slot([self._open(instance, instance.wish.submitter, start, OR)])]

    def _slot_of(self, instance: Instance, task: Task) -> Slot:
        return next(slot for slot in instance.slots if task in slot.tasks)

    def _open(self, instance: Instance, person: Person, node: Node, kind: str) -> Task:
        task = Task(idents.decimal(), person, kind, node, self._millis())
        instance.tasks.append(task)
        self._announce.task_changed(instance, task, PENDING)
        return task

    def _close(self, instance: Instance, task: Task, status: str) -> None:
        task.status, task.end = status, self._millis()
        self._announce.task_changed(instance, task, status)

    def _close_open(self, instance: Instance) -> None:
        for task in instance.open_tasks():
            self._close(instance, task, DONE)

    def _end(self, instance: Instance, status: str) -> None:
        instance.status, instance.end, instance.slots = status, self._millis(), []
        self._announce.instance_changed(instance, status)

    def _note(
        self,
        instance: Instance,
        kind: str,
        person: Person | None,
        *,
        task: Task | None = None,
        comment: str = "",
        targets: Sequence[Person] = (),
        node: Node | None = None,
    ) -> None:
        moment = Moment(
            kind, self._millis(), person, task, comment, targets, node=node or (task.node if task else None)
        )
        instance.timeline.append(moment)


def _unique(people: Sequence[Person]) -> list[Person]:
    return list({person.key: person for person in people}.values())
