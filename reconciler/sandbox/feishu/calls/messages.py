"""Calls that tell people: app-bot messages, their update and buzz, and messages of the Approval bot."""

from __future__ import annotations

import json

from reconciler.sandbox.feishu import idents, json_text
from reconciler.sandbox.feishu.answers import Answer, CallError, JsonObject
from reconciler.sandbox.feishu.catalogue import Limit
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.visit import Handlers, Visit
from reconciler.sandbox.feishu.world import Message

BAD_PARAM, NO_BOT, NOT_OWN, OUT_OF_REACH = 230001, 230006, 230012, 230013
PER_CHAT, TOO_LARGE, RECEIVER_LEFT, TOO_OLD = 230020, 230025, 230029, 230031

FIVE_A_SECOND = Limit(5, 1.0)
LARGEST_TEXT, LARGEST_CARD = 150 * 1024, 30 * 1024
REMEMBERED = 3600
EDITABLE = 14 * 24 * 3600

_TEMPLATES = frozenset({"1001", "1003", "1004", "1005", "1008", "1010", "1013", "1015", "1016", "1021"})
_STATUSES = frozenset(
    {"APPROVED", "REJECTED", "CANCELLED", "FORWARDED", "ROLLBACK", "ADD", "DELETED", "PROCESSED", "CUSTOM"}
)
_RECEIVER_TYPES = ("open_id", "union_id", "user_id")


def create(visit: Visit) -> Answer:
    """Send a message as the app's bot; the same uuid within an hour is one message."""
    _need_bot(visit)
    receiver = _receiver(visit)
    content, kind, uuid = visit.body["content"], visit.body["msg_type"], visit.body.get("uuid", "")
    _check_content(content, kind)
    if len(uuid) > 50:
        raise CallError(BAD_PARAM, "uuid has more than 50 characters")
    known = _remembered(visit, "im", uuid)
    if known is not None:
        return Answer(_wire(visit, known))
    if not visit.world.rates.allows(visit.app.app_id, f"chat {receiver}", FIVE_A_SECOND):
        raise CallError(PER_CHAT, "the frequency limit of this chat is reached")
    now = visit.world.clock.millis()
    message = Message(
        message_id=f"om_{idents.hexadecimal()}",
        app_id=visit.app.app_id,
        kind="im",
        content=content,
        msg_type=kind,
        receiver=receiver,
        created=now,
        updated=now,
        uuid=uuid,
    )
    return Answer(_wire(visit, _keep(visit, message)))


def update(visit: Visit) -> Answer:
    """Replace the content of one's own card."""
    message = _own(visit, "im")
    if message.msg_type != "interactive":
        raise CallError(BAD_PARAM, "only cards can be updated")
    if visit.world.clock.millis() - message.created > EDITABLE * 1000:
        raise CallError(TOO_OLD, "the message is too old to be updated")
    _check_content(visit.body["content"], "interactive")
    if not visit.world.rates.allows(visit.app.app_id, f"message {message.message_id}", FIVE_A_SECOND):
        raise CallError(PER_CHAT, "the frequency limit of this message is reached")
    message.content, message.updated = visit.body["content"], visit.world.clock.millis()
    return Answer({})


def urgent(visit: Visit) -> Answer:
    """Buzz people about one's own message; ids nobody has come back as invalid."""
    _need_bot(visit)
    message = _own(visit, "im")
    asked = visit.body["user_id_list"]
    if not 0 < len(asked) <= 200:
        raise CallError(BAD_PARAM, "user_id_list must name 1 to 200 people")
    found = {item: visit.world.directory.find(item, visit.app.app_id, visit.id_type) for item in asked}
    good = tuple(person.key for person in found.values() if person is not None and not person.resigned)
    message.urgent_for += good
    invalid = [item for item, person in found.items() if person is None or person.resigned]
    return Answer({"invalid_user_id_list": invalid})


def send_approval_message(visit: Visit) -> Answer:
    """A message of the built-in Approval bot; a uuid used within the hour is answered as sent and not delivered."""
    body = visit.body
    template = str(body.get("template_id", ""))
    if template not in _TEMPLATES:
        raise refuse("template_id is invalid")
    _check_actions(body)
    if template == "1013" and not body.get("sender_user_id"):
        raise refuse("sender_user_id is required for template 1013")
    if template == "1021" and not (body.get("custom_title") and body.get("custom_content")):
        raise refuse("custom_title and custom_content are required for template 1021")
    if body.get("user_id"):
        person = visit.world.person(str(body["user_id"]), visit.app.app_id, "user_id")
    else:
        person = visit.world.person(str(body.get("open_id", "")), visit.app.app_id)
    uuid = str(body.get("uuid", ""))
    known = _remembered(visit, "approval", uuid)
    if known is None:
        now = visit.world.clock.millis()
        message = Message(
            message_id=idents.decimal(),
            app_id=visit.app.app_id,
            kind="approval",
            content=json.dumps(body, ensure_ascii=False),
            msg_type=template,
            receiver=person.key,
            created=now,
            updated=now,
            uuid=uuid,
        )
        known = _keep(visit, message)
    return Answer({"message_id": known.message_id})


def update_approval_message(visit: Visit) -> Answer:
    """Mark a to-do message of the Approval bot as dealt with."""
    message = _own(visit, "approval")
    status = str(visit.body.get("status", ""))
    if status not in _STATUSES or message.msg_type != "1008":
        raise refuse("status is invalid, or the message is not of template 1008")
    if status == "CUSTOM" and not visit.body.get("status_name"):
        raise refuse("status_name is required for CUSTOM")
    message.status, message.updated = status, visit.world.clock.millis()
    return Answer({"message_id": message.message_id})


def _need_bot(visit: Visit) -> None:
    if visit.app.online is None or not visit.app.online.bot:
        raise CallError(NO_BOT, "Bot ability is not activated.")


def _receiver(visit: Visit) -> str:
    id_type, identifier = visit.query["receive_id_type"], visit.body["receive_id"]
    if id_type == "chat_id":
        if not identifier.startswith("oc_"):
            raise CallError(BAD_PARAM, "invalid receive_id")
        return str(identifier)
    person = _receiving_person(visit, id_type, identifier)
    if person is None:
        raise CallError(BAD_PARAM, "invalid receive_id")
    if person.resigned:
        raise CallError(RECEIVER_LEFT, "the receiver has resigned")
    online = visit.app.online
    if person.bot_of is not None or online is None or not online.availability.covers(person):
        raise CallError(OUT_OF_REACH, "Bot has NO availability to this user.")
    return person.key


def _receiving_person(visit: Visit, id_type: str, identifier: str) -> Person | None:
    if id_type in _RECEIVER_TYPES:
        return visit.world.directory.find(identifier, visit.app.app_id, id_type)
    return visit.world.directory.by_email(identifier)


def _check_content(content: str, kind: str) -> None:
    try:
        parsed = json_text.parse(content)
    except ValueError as error:
        raise CallError(BAD_PARAM, "content is not valid JSON") from error
    if not isinstance(parsed, dict) or (kind == "text" and not parsed.get("text")):
        raise CallError(BAD_PARAM, "content does not fit msg_type")
    if len(content.encode()) > (LARGEST_CARD if kind == "interactive" else LARGEST_TEXT):
        raise CallError(TOO_LARGE, "the message is too large")


def _check_actions(body: JsonObject) -> None:
    actions = body.get("actions")
    if not isinstance(actions, list) or not 0 < len(actions) <= 2:
        raise refuse("actions must be 1 or 2")
    texts = body.get("i18n_resources", [])
    if not isinstance(texts, list) or not all(
        isinstance(item, dict) and isinstance(item.get("texts"), dict) for item in texts
    ):
        raise refuse("i18n_resources: texts must be a map")


def _own(visit: Visit, kind: str) -> Message:
    message_id = visit.path.get("message_id") or str(visit.body.get("message_id", ""))
    message = visit.world.messages.get(message_id)
    if message is None or message.kind != kind:
        raise CallError(BAD_PARAM, "invalid message_id") if kind == "im" else refuse("message_id not found")
    if message.app_id != visit.app.app_id:
        raise CallError(NOT_OWN, "the message was not sent by this bot")
    return message


def _remembered(visit: Visit, kind: str, uuid: str) -> Message | None:
    since = visit.world.clock.millis() - REMEMBERED * 1000
    for message in visit.world.messages.values() if uuid else ():
        sender = (message.kind, message.app_id)
        if message.uuid == uuid and sender == (kind, visit.app.app_id) and message.created >= since:
            return message
    return None


def _keep(visit: Visit, message: Message) -> Message:
    visit.world.messages[message.message_id] = message
    return message


def _wire(visit: Visit, message: Message) -> JsonObject:
    chat = (
        message.receiver
        if message.receiver.startswith("oc_")
        else f"oc_{idents.derived(visit.app.app_id, message.receiver)}"
    )
    return {
        "message_id": message.message_id,
        "msg_type": message.msg_type,
        "create_time": str(message.created),
        "update_time": str(message.updated),
        "deleted": False,
        "updated": message.updated > message.created,
        "chat_id": chat,
        "sender": {
            "id": visit.app.app_id,
            "id_type": "app_id",
            "sender_type": "app",
            "tenant_key": visit.world.tenant.key,
        },
        "body": {"content": message.content},
    }


HANDLERS: Handlers = {
    "POST /open-apis/im/v1/messages": create,
    "PATCH /open-apis/im/v1/messages/:message_id": update,
    "PATCH /open-apis/im/v1/messages/:message_id/urgent_app": urgent,
    "POST /open-apis/approval/v1/message/send": send_approval_message,
    "POST /open-apis/approval/v1/message/update": update_approval_message,
}
