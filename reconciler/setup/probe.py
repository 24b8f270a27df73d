"""The lines of a probe and the requests that it sends: the bot asks the bot. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from reconciler.resources.definition import FORM
from reconciler.setup.check import Check, Item
from reconciler.subjects.instance import (
    DIGEST_WIDGET,
    AskedPerson,
    FieldText,
    Instance,
    InstanceRequest,
    LiveDefinition,
)

ASK = Item("probe/ask", "Probe: the bot asks the bot")
READ = Item("probe/read", "Probe: the request reads as it was sent")
APPROVE = Item("probe/approve", "Probe: the bot approves")
ASK_AGAIN = Item("probe/askAgain", "Probe: a second request")
WITHDRAW = Item("probe/withdraw", "Probe: the bot withdraws it")
EVENT = Item("probe/event", "Probe: its event arrives")
ITEMS = (ASK, READ, APPROVE, ASK_AGAIN, WITHDRAW)
"""The lines of every probe; that about the event comes after them where the spec wants events."""


class Hears(Enum):
    """Whether a probe can listen for its own event, by the spec and by who listens already."""

    BY_ITSELF = "byItself"
    ELSEWHERE = "elsewhere"
    BY_CALLBACK = "byCallback"
    NOT_WANTED = "notWanted"


_TEXTS = (
    ("en-US", "Test by reconciler doctor: nothing is to be decided"),
    ("zh-CN", "reconciler doctor 的测试：无需处理"),
)
_BY_BOT = "reconciler doctor"


def announcement(definition: str) -> str:
    """What is said before anything is done."""
    return (
        f"--probe {definition}: the bot sends two requests to itself in Feishu; it approves one and withdraws the other. "
        "Both stay on record: nobody can delete them."
    )


def probe_request(definition: LiveDefinition, *, bot: str, uuid: str, link: str) -> InstanceRequest:
    """A request by the bot for the bot. Its digest is none of ours, so sync never takes it for a question."""
    values = {"link": link, "stage": "-", "requester": _BY_BOT, DIGEST_WIDGET: f"doctor probe {uuid}"}
    fields = [
        FieldText(field.id, tuple((locale, values.get(field.id, text)) for locale, text in _TEXTS)) for field in FORM
    ]
    widgets = dict(definition.widgets)
    if widgets:
        fields = [FieldText(widgets[field.id], field.texts) for field in fields if field.id in widgets]
    return InstanceRequest(
        uuid=uuid,
        definition_code=definition.code,
        node_key=definition.node_key,
        submitter=bot,
        approvers=(AskedPerson(_BY_BOT, bot),),
        title=FieldText("title", _TEXTS),
        form=tuple(fields),
    )


def differences(request: InstanceRequest, instance: Instance) -> Sequence[str]:
    """In what a request that was read back is not the one that was sent."""
    found = dict(instance.form)
    sent = {field.id: field.text("en-US") for field in request.form}
    wrong = [f"the field {name}" for name, text in sorted(sent.items()) if found.get(name) != text]
    wrong += [f"a field {name} that was not sent" for name in sorted(found.keys() - sent.keys())]
    if instance.uuid.lower() != request.uuid.lower():
        wrong.append("the uuid")
    if instance.definition_code.lower() != request.definition_code.lower():
        wrong.append("the definition")
    if not any(request.node_key in (task.custom_node_id, task.node_id) for task in instance.tasks):
        wrong.append("the approval node's id")
    return wrong


def unasked(first: Check) -> list[Check]:
    """The lines of a probe that could not begin."""
    return [item.after(first) for item in ITEMS]
