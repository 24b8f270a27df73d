"""Calls for messages of the app's bot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.endpoints import SEND_MESSAGE, UPDATE_MESSAGE, URGE_MESSAGE
from reconciler.providers.feishu.wire.base import Nothing
from reconciler.providers.feishu.wire.messages import (
    SendMessageBody,
    SentMessage,
    UpdateMessageBody,
    UrgeAnswer,
    UrgeBody,
)


class MessageCalls:
    """Send, change and urge cards."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api

    async def send(self, receiver: str, *, card: Mapping[str, object], uuid: str) -> str:
        """Send a card to a person (`ou_…`) or chat (`oc_…`); the same `uuid` within an hour sends nothing twice."""
        body = SendMessageBody(
            receive_id=receiver, msg_type="interactive", content=json.dumps(card, ensure_ascii=False), uuid=uuid
        )
        kind = "chat_id" if receiver.startswith("oc_") else "open_id"
        answer = await self._api.call(
            SEND_MESSAGE, SentMessage, query=[("receive_id_type", kind)], body=body, where=receiver
        )
        return answer.message_id

    async def update(self, message_id: str, *, card: Mapping[str, object]) -> None:
        """Replace a card's content."""
        body = UpdateMessageBody(content=json.dumps(card, ensure_ascii=False))
        await self._api.call(UPDATE_MESSAGE, Nothing, path={"message_id": message_id}, body=body, where=message_id)

    async def urge(self, message_id: str, open_ids: Sequence[str]) -> tuple[str, ...]:
        """Buzz people about the app's own message; returns those it could not buzz."""
        answer = await self._api.call(
            URGE_MESSAGE,
            UrgeAnswer,
            path={"message_id": message_id},
            query=[OPEN_IDS],
            body=UrgeBody(user_id_list=list(open_ids)),
            where=message_id,
        )
        return tuple(answer.invalid_user_id_list)
