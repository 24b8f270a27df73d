"""Who decided: an approval counts only when everything about it is what we asked, and those who clicked may decide today.

Anything unclear fails closed with a sentence that says what was unclear (B-13).
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.subjects.entry import Entry
from reconciler.subjects.gate import Gate
from reconciler.subjects.instance import (
    Decision,
    Dialect,
    FieldText,
    Instance,
    InstanceStatus,
    LiveDefinition,
    NodeTask,
    NodeTaskStatus,
)
from reconciler.sync.verdict import NotVerified, Verified
from reconciler.sync.verify_node import verify_node

READ_LOCALE = "en-US"
"""Instances are read in this locale, so our own texts come back in it."""


def verify(
    entry: Entry, instance: Instance, *, gate: Gate, definition: LiveDefinition, entitled: Mapping[str, str]
) -> Verified | NotVerified:
    """Judge an approved instance. `entitled` maps the e-mails entitled *now* to their open ids, found by our own mapping."""
    if definition.dialect is not Dialect.FEISHU:
        return verify_node(entry, instance, dialect=definition.dialect, entitled=entitled)
    decision = definition.decision
    if (problem := _wrong_question(entry, instance)) is not None:
        return NotVerified(problem)
    request = entry.request
    if request is None:
        return NotVerified("what was asked is not on record")
    by_open_id = {open_id: email for email, open_id in sorted(entitled.items(), reverse=True)}
    asked = {person.open_id for person in request.approvers}
    on_node = [task for task in instance.tasks if request.node_key in (task.custom_node_id, task.node_id)]
    counted = [task for task in on_node if _counts(task, by_open_id, asked, gate)]
    actors = {task.open_id for task in counted}
    if decision is Decision.ANY:
        enough = len(actors) >= 1
    else:
        answered = [task for task in on_node if task.status is not NodeTaskStatus.TRANSFERRED]
        enough = len(actors) >= len(asked) and all(task in counted for task in answered)
    if not enough:
        return NotVerified(_who_clicked(on_node, by_open_id))
    return Verified(tuple(sorted(by_open_id[open_id] for open_id in actors)))


def _wrong_question(entry: Entry, instance: Instance) -> str | None:
    request = entry.request
    if request is None:
        return "what was asked is not on record"
    if instance.status is not InstanceStatus.APPROVED or instance.is_reverted:
        return "it is not approved"
    if instance.definition_code.lower() != request.definition_code.lower():
        return "it was made from another definition"
    if instance.uuid.lower() != request.uuid.lower():
        return "it carries another id than the one asked"
    if not same_form(request.form, instance):
        return "its form is not the one that was sent"
    return None


def same_form(sent: tuple[FieldText, ...], instance: Instance) -> bool:
    """Whether the read-back form is exactly what was sent: the same fields with the same texts, nothing more.

    Where the read gave our keys instead of the texts behind them, our own texts are put in; but all of them or none,
    since a server that resolves one key resolves every key.
    """
    wanted = {each.id: each.text(READ_LOCALE) for each in sent if each.text(READ_LOCALE)}
    if instance.foreign_form or len(instance.form) != len(wanted):
        return False
    found = dict(instance.form)
    keyed = {each.id: each.text_key for each in sent if each.id in wanted and each.goes_under_its_key}
    if keyed and all(found.get(id_) == key for id_, key in keyed.items()):
        found |= {id_: wanted[id_] for id_ in keyed}
    return found == wanted


def _counts(task: NodeTask, by_open_id: Mapping[str, str], asked: set[str], gate: Gate) -> bool:
    if task.status is not NodeTaskStatus.APPROVED or task.is_automatic or not task.open_id:
        return False
    if task.open_id not in by_open_id:
        return False
    return gate.transferred == "recheck" or task.open_id in asked


def _who_clicked(tasks: list[NodeTask], by_open_id: Mapping[str, str]) -> str:
    clicked = [task for task in tasks if task.status is NodeTaskStatus.APPROVED]
    if any(task.is_automatic or not task.open_id for task in clicked):
        return "it was passed automatically, by no person"
    if clicked and not any(task.open_id in by_open_id for task in clicked):
        return "the person who approved is not entitled to decide this stage today"
    return "not everyone who must approve has approved, or someone not entitled did"
