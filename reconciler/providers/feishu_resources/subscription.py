"""Subscriptions to a definition's events (facts §2.1): subscribing twice is harmless, and reading is not possible."""

from __future__ import annotations

from reconciler.errors import BugError, RefusedError
from reconciler.ports.declarative import Write, Written
from reconciler.providers.feishu.client import FeishuClient
from reconciler.resources.subscription import Subscription


class SubscriptionWriter:
    """Subscribes."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Subscribe the app to the definition's events."""
        desired = write.desired
        if not isinstance(desired, Subscription):
            raise BugError("subscriptions are never ended", where=Subscription.kind)
        if not desired.subscribed:
            raise RefusedError(
                "the definition has no approval code yet",
                where=str(desired.key),
                next_step="apply the definition first, without leaving it out by --only or --except",
            )
        is_new = await self._client.definitions.subscribe(desired.subscribed)
        return Written(note="" if is_new else "it was subscribed already")
