"""Turns what the outside says into keys to look at; nothing it says is believed beyond that."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from reconciler.daemon.parts import Agenda
from reconciler.daemon.pollers import Wake
from reconciler.errors import ReconcilerError

_log = logging.getLogger(__name__)


class InstanceHint(Protocol):
    """What an event says about an instance."""

    @property
    def instance_code(self) -> str:
        """The instance's code, '' when the event has none."""
        ...

    @property
    def uuid(self) -> str:
        """The uuid it was created with, '' when the event has none."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a callback is answered with, before any work is done."""

    status: int
    body: Mapping[str, str]


FeishuCallback = Callable[[Mapping[str, str], bytes], Awaitable["tuple[HttpAnswer, InstanceHint | None]"]]
"""Judges one callback: its answer, and the hint in it if it is authentic and new. Never raises."""

ExternalCallback = Callable[[Mapping[str, str], bytes], Awaitable["tuple[HttpAnswer, str | None]"]]
"""Judges one answer of an external node: its answer, and the subject it is about if it is authentic. Never raises."""


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
