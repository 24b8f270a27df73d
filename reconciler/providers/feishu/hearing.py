"""Listening for the events of a few instances over one long connection, for as long as a block runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.events import FeishuEvent
from reconciler.providers.feishu.socket import LongConnection

_LOOK_SECONDS = 0.02


class FeishuHearing:
    """What came over one long connection so far."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._connection: LongConnection | None = None

    @classmethod
    @asynccontextmanager
    async def over(cls, client: FeishuClient) -> AsyncIterator[FeishuHearing]:
        """Listen while the block runs. Feishu gives each event to one connection of the app at random."""
        hearing = cls()
        caller = Caller(client.platform, client.app.app_id)
        hearing._connection = LongConnection(client.connection.open, caller=caller, on_event=hearing._note)
        running = asyncio.create_task(hearing._connection.run())
        try:
            yield hearing
        finally:
            await hearing._connection.stop()
            running.cancel()
            await asyncio.wait([running])

    async def is_connected(self, *, within: float) -> bool:
        """Whether the connection was made, after at most so many seconds."""
        return await self._becomes_true(
            lambda: self._connection is not None and self._connection.state.connections > 0, within
        )

    async def hears(self, instance: str, *, within: float) -> bool:
        """Whether an event of the instance arrived, after at most so many seconds."""
        return await self._becomes_true(lambda: instance.upper() in self._heard, within)

    async def _becomes_true(self, is_true: Callable[[], bool], within: float) -> bool:
        until = asyncio.get_running_loop().time() + within
        # The connection shows its state and tells nobody of a change, so it is looked at.
        while not is_true() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        return is_true()

    def _note(self, event: FeishuEvent) -> None:
        self._heard.add(event.instance_code.upper())
