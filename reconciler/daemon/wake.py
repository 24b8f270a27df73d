"""Turns what the outside says into keys to look at; nothing it says is believed beyond that."""

from __future__ import annotations

import asyncio
import logging

from reconciler.daemon.parts import Agenda, InstanceHint
from reconciler.daemon.pollers import Wake
from reconciler.errors import ReconcilerError

_log = logging.getLogger(__name__)

ASKING_TAKES = 2.0
"""Seconds for which an event that something waits is left alone: by then the pass that made it wait has recorded it."""


class Waker:
    """Finds the subject behind a hint and wakes it."""

    def __init__(self, agenda: Agenda, wake: Wake) -> None:
        self._agenda = agenda
        self._wake = wake

    async def instance(self, hint: InstanceHint) -> bool:
        """Wake the subject whose request this is; False for instances that are none of ours, and where there is no news.

        Each request that is made is told of twice, as an instance and as a task that wait, and that is what we know best.
        """
        if not hint.instance_code and not hint.uuid:
            return False
        if hint.is_pending:
            await asyncio.sleep(ASKING_TAKES)
        try:
            subject = await self._agenda.subject_of(code=hint.instance_code, uuid=hint.uuid)
            if (
                subject is not None
                and hint.is_pending
                and await self._agenda.is_asked(subject, code=hint.instance_code)
            ):
                return False
        except ReconcilerError as error:
            _log.warning("an event could not be followed up, the net will: %s", error)
            return False
        if subject is None:
            return False
        self._wake([subject])
        return True

    def subject(self, subject: str) -> None:
        """Wake a subject by its name."""
        self._wake([subject])
