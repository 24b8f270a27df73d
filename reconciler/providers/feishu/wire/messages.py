"""Messages of the app's bot on the wire (facts §7)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Wire


class SendMessageBody(Body):
    """Sends a card; Feishu drops a second one with the same `uuid` within an hour."""

    receive_id: str
    msg_type: Literal["interactive"]
    content: str
    uuid: str = Field(max_length=50)


class SentMessage(Wire):
    """The message's id."""

    message_id: str = Field(min_length=1)


class UpdateMessageBody(Body):
    """Replaces a card's content."""

    content: str


class UrgeBody(Body):
    """Whom to buzz."""

    user_id_list: list[str]


class UrgeAnswer(Wire):
    """Whom it could not buzz."""

    invalid_user_id_list: list[str] = Field(default_factory=list)
