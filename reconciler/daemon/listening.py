"""Runs a long connection, and re-reads what may have been missed whenever it had to be made again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from reconciler.daemon.parts import Background, EventSink, InstanceHint

_LOOK_SECONDS = 1.0


class Connection(Protocol):
    """A long connection."""

    async def run(self) -> None:
        """Connect and read until cancelled, making the connection again whenever it breaks."""
        ...

    def made(self) -> int:
        """How many times it was made so far."""
        ...


Connect = Callable[[Callable[[InstanceHint], None]], Connection]
"""Makes a connection that tells of every event."""


def listening(connect: Connect) -> Background:
    """The background task of one long connection."""

    async def listen(sink: EventSink) -> None:
        connection = connect(sink.hint)
        watching = asyncio.create_task(_watch(connection, sink))
        try:
            await connection.run()
        finally:
            watching.cancel()

    return listen


async def _watch(connection: Connection, sink: EventSink) -> None:
    made = connection.made()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if (now := connection.made()) != made:
            # The first connection counts too: nobody listened before it.
            made = now
            sink.events_may_be_lost()
