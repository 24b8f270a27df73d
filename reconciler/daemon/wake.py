"""Turns what the outside says into keys to look at; nothing it says is believed beyond that."""

from __future__ import annotations

import logging

from reconciler.daemon.parts import Agenda, InstanceHint
from reconciler.daemon.pollers import Wake
from reconciler.errors import ReconcilerError

_log = logging.getLogger(__name__)


class Waker:
    """Finds the subject behind a hint and wakes it."""

    def __init__(self, agenda: Agenda, wake: Wake) -> None:
        self._agenda = agenda
        self._wake = wake

    async def instance(self, hint: InstanceHint) -> bool:
        """Wake the subject whose request this is; False for instances that are none of ours."""
        if not hint.instance_code and not hint.uuid:
            return False
        try:
            subject = await self._agenda.subject_of(code=hint.instance_code, uuid=hint.uuid)
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
