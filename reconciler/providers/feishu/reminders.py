"""Reminding approvers: a card from the app's bot and a buzz where the app may, else a mention on the instance."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from reconciler.errors import ForbiddenError, NotFoundError, ReconcilerError
from reconciler.providers.feishu.cards import card
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.wire.instances import Mention
from reconciler.subjects.instance import Instance, NodeTaskStatus

log = logging.getLogger("reconciler.feishu.reminders")

_NAMESPACE = uuid.UUID("5f0c6a0e-8f6b-5e0b-9c39-3f1f5f3f9a51")
_CARD_TITLE = "An approval is waiting for you · 有审批等待处理"
_ADDRESSEE = "审批人"


def message_uuid(mark: str, receiver: str) -> str:
    """The same for the same mark and receiver, so Feishu drops a message sent twice within an hour."""
    return str(uuid.uuid5(_NAMESPACE, f"{mark}\n{receiver}"))


class Reminders:
    """Sends cards and reminders. What the app turns out not to be allowed is not tried again by this object."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client
        self._may_urge = True

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> str:
        """Send a card to a person or chat and return the message's id."""
        return await self._client.messages.send(
            receiver, card=card(title=title, text=text, link=link), uuid=message_uuid(mark, receiver)
        )

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """Remind everyone whose task is pending: `card`, `mention`, `card and mention`, or `nobody` when none is."""
        pending = sorted(
            {
                task.open_id
                for task in instance.tasks
                if task.status is NodeTaskStatus.PENDING and task.open_id and not task.is_automatic
            }
        )
        unreached = []
        for open_id in pending:
            try:
                message = await self.card(open_id, mark=mark, title=_CARD_TITLE, text=text, link=link)
            except (ForbiddenError, NotFoundError) as error:
                log.info("no card to an approver of %s: %s", instance.code, error)
                unreached.append(open_id)
            else:
                await self._urge(message, open_id)
        if unreached:
            await self._mention(instance, unreached, mark=mark, text=text)
        ways = ["card"] * (len(unreached) < len(pending)) + ["mention"] * bool(unreached)
        return " and ".join(ways) or "nobody"

    async def _urge(self, message: str, open_id: str) -> None:
        if not self._may_urge:
            return
        try:
            await self._client.messages.urge(message, [open_id])
        except ForbiddenError as error:
            self._may_urge = False
            log.info("approvers are not buzzed: %s", error)
        except ReconcilerError as error:
            log.info("an approver was not buzzed: %s", error)

    async def _mention(self, instance: Instance, open_ids: Sequence[str], *, mark: str, text: str) -> None:
        """A comment that begins with one `@…` per person; Feishu lays the mention over the text at its offset."""
        mentions, head = [], ""
        for open_id in open_ids:
            mentions.append(Mention(user_id=open_id, name=_ADDRESSEE, offset=str(len(head))))
            head += f"@{_ADDRESSEE} "
        author = await self._client.bot_open_id()
        await self._client.comments.create(instance.code, author=author, text=head + text, mark=mark, mentions=mentions)
