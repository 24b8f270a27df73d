"""One circuit per broken configuration: one probe and one message, not ten thousand failing calls."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reconciler.errors import CredentialsError, ForbiddenError, ReconcilerError

T = TypeVar("T")
_log = logging.getLogger(__name__)

ENOUGH = 3
"""So many different things must be forbidden before it is taken for the configuration and not for the things."""

FIRST_PROBE = 15.0
LONGEST_PROBE = 300.0


class Circuit:
    """Opens when a configuration is seen to be broken; lets one probe through at growing intervals; closes on its success."""

    def __init__(self, name: str, now: Callable[[], float], on_closed: Callable[[], None]) -> None:
        self.name = name
        self._now = now
        self._on_closed = on_closed
        self._error: ReconcilerError | None = None
        self._suspects: set[str] = set()
        self._probe_at = 0.0
        self._pause = FIRST_PROBE

    @property
    def error(self) -> ReconcilerError | None:
        """What is broken, None while all is well."""
        return self._error

    def refuse(self) -> None:
        """Raise what is broken instead of calling, unless a probe is due; the caller of a due probe goes through."""
        if self._error is None:
            return
        if self._now() < self._probe_at:
            raise self._error
        # Whoever comes next is refused until this probe has been answered.
        self._probe_at = self._now() + self._pause

    def failed(self, error: ReconcilerError, *, item: str = "") -> None:
        """A call failed as if the configuration were broken; of calls about single items it takes a few different ones."""
        if self._error is None and item:
            self._suspects.add(item)
            if len(self._suspects) < ENOUGH:
                return
        if self._error is None:
            self._pause = FIRST_PROBE
            _log.error("%s is broken: %s. %s", self.name, error, error.next_step)
        else:
            self._pause = min(self._pause * 2, LONGEST_PROBE)
        self._error = error
        self._probe_at = self._now() + self._pause

    def worked(self) -> None:
        """A call went through."""
        self._suspects.clear()
        if self._error is not None:
            self._error = None
            _log.warning("%s works again", self.name)
            self._on_closed()


class Circuits:
    """The circuits of one target, made as they are needed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._circuits: dict[str, Circuit] = {}
        self._listeners: list[Callable[[], None]] = []

    def on_closed(self, listener: Callable[[], None]) -> None:
        """Be told when something works again, so that what it held up can be looked at."""
        self._listeners.append(listener)

    def broken(self) -> str:
        """What is broken for the whole target (an app, an account), in a sentence; '' when nothing is."""
        return "; ".join(self.sentences(whole_only=True))

    def sentences(self, *, whole_only: bool = False) -> tuple[str, ...]:
        """One sentence per open circuit, sorted."""
        return tuple(
            f"{name}: {circuit.error}"
            for name, circuit in sorted(self._circuits.items())
            if circuit.error is not None and not (whole_only and _SEPARATOR in name)
        )

    async def call(self, whole: str, part: str, attempt: Callable[[], Awaitable[T]], *, item: str = "") -> T:
        """Make a call under two circuits: of the whole (bad credentials break it) and of its part (a missing right).

        `item` is what the call is about, '' where it is about nothing in particular. Other failures neither open nor
        close anything.
        """
        for circuit in (self._of(whole), self._of(f"{whole}{_SEPARATOR}{part}")):
            circuit.refuse()
        try:
            answer = await attempt()
        except CredentialsError as error:
            self._of(whole).failed(error)
            raise
        except ForbiddenError as error:
            self._of(whole).worked()
            self._of(f"{whole}{_SEPARATOR}{part}").failed(error, item=item)
            raise
        self._of(whole).worked()
        self._of(f"{whole}{_SEPARATOR}{part}").worked()
        return answer

    def _of(self, name: str) -> Circuit:
        if name not in self._circuits:
            self._circuits[name] = Circuit(name, self._now, self._closed)
        return self._circuits[name]

    def _closed(self) -> None:
        for listener in self._listeners:
            listener()


_SEPARATOR = ", "
