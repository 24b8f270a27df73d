"""What a Feishu event says, reduced to which key to look at: both envelope versions in, one small value out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.errors import UnavailableError

INSTANCE_EVENT = "approval_instance"
TASK_EVENT = "approval_task"
DEFINITION_EVENT = "approval.approval.updated_v4"


@dataclass(frozen=True, slots=True)
class FeishuEvent:
    """A hint to look again; nothing in it is believed beyond which key it concerns.

    `event_id` is the delivery's identity for de-duplication ('' when it has none). `uuid` is the instance's own uuid where
    one was set at creation. Codes are as sent: compare them without case. `sent` is the time of the event (UTC), None if unreadable.
    """

    type: str
    event_id: str = ""
    app_id: str = ""
    approval_code: str = ""
    instance_code: str = ""
    uuid: str = ""
    status: str = ""
    task_id: str = ""
    open_id: str = ""
    sent: datetime | None = None

    @property
    def is_pending(self) -> bool:
        """Whether all it says is that a request or a task now waits for somebody."""
        return self.status == "PENDING"

    def age(self, now: datetime) -> float | None:
        """Seconds since the event was sent; redelivered ones may be hours old."""
        return (now - self.sent).total_seconds() if self.sent else None


def load_json_object(raw: bytes) -> Mapping[str, object]:
    """Parse bytes to a JSON object. Raises UnavailableError for anything else, without quoting it."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnavailableError("an event from Feishu is not JSON") from error
    if not isinstance(value, dict):
        raise UnavailableError("an event from Feishu is not a JSON object")
    return value


def read_event(envelope: Mapping[str, object]) -> FeishuEvent:
    """Read a v1 (`uuid`, `event.type`) or v2 (`schema`, `header`) envelope; unknown types give a value with their type."""
    body = _object(envelope.get("event"))
    if "schema" in envelope:
        header = _object(envelope.get("header"))
        subject = {**body, **_object(body.get("object"))}
        return _event(
            subject,
            kind=_text(header, "event_type"),
            event_id=_text(header, "event_id"),
            app_id=_text(header, "app_id"),
            sent=_moment(header.get("create_time"), per_second=1000),
        )
    return _event(
        body,
        kind=_text(body, "type"),
        event_id=_text(envelope, "uuid"),
        app_id=_text(body, "app_id"),
        sent=_moment(envelope.get("ts"), per_second=1),
    )


def envelope_token(envelope: Mapping[str, object]) -> str:
    """The verification token of either envelope version, '' if there is none."""
    return _text(envelope, "token") or _text(_object(envelope.get("header")), "token")


def _event(body: Mapping[str, object], *, kind: str, event_id: str, app_id: str, sent: datetime | None) -> FeishuEvent:
    return FeishuEvent(
        type=kind,
        event_id=event_id,
        app_id=app_id,
        approval_code=_text(body, "approval_code"),
        instance_code=_text(body, "instance_code"),
        uuid=_text(body, "uuid"),
        status=_text(body, "status"),
        task_id=_text(body, "task_id"),
        open_id=_text(body, "open_id"),
        sent=sent,
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(owner: Mapping[str, object], key: str) -> str:
    value = owner.get(key)
    return value if isinstance(value, str) else ""


def _moment(value: object, *, per_second: int) -> datetime | None:
    """A time that may come as a number or as text, in seconds or milliseconds."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(float(value) / per_second, UTC)
    except (ValueError, OverflowError, OSError):
        return None
