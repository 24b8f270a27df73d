"""Large events come in several frames: they are kept until all are there, for a short while and within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.frames import Frame

KEEP_SECONDS = 15.0
"""How long an incomplete event is kept; Feishu sends it again, whole, after as long."""

_MOST_PARTS, _MOST_EVENTS, _MOST_BYTES = 64, 64, 16 * 1024 * 1024


@dataclass(slots=True)
class _Incomplete:
    since: float
    total: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class PartBuffer:
    """Joins split payloads by message id. `now` is in seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._events: dict[str, _Incomplete] = {}

    def join(self, frame: Frame, now: float) -> bytes | None:
        """The whole payload once its last part is here, None before. UnavailableError for parts that cannot be."""
        total, index = _number(frame, "sum", 1), _number(frame, "seq", 0)
        if total <= 1:
            return frame.payload or b""
        if total > _MOST_PARTS or not 0 <= index < total:
            raise UnavailableError("a part of a split event is numbered wrongly")
        self._drop_old(now)
        key = frame.header("message_id")
        event = self._events.get(key)
        if event is None or event.total != total:
            event = self._events[key] = _Incomplete(now, total)
        event.pieces[index] = frame.payload or b""
        if len(event.pieces) < total:
            self._keep_within_bounds()
            return None
        del self._events[key]
        return b"".join(event.pieces[number] for number in range(total))

    def __len__(self) -> int:
        return len(self._events)

    def _drop_old(self, now: float) -> None:
        for key in [key for key, event in self._events.items() if now - event.since > KEEP_SECONDS]:
            del self._events[key]

    def _keep_within_bounds(self) -> None:
        """Forget the oldest: a sender of endless first parts costs bounded memory, and Feishu repeats real events."""
        while len(self._events) > _MOST_EVENTS or self._size() > _MOST_BYTES:
            del self._events[next(iter(self._events))]

    def _size(self) -> int:
        return sum(len(piece) for event in self._events.values() for piece in event.pieces.values())


def _number(frame: Frame, header: str, default: int) -> int:
    text = frame.header(header)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise UnavailableError("a part of a split event is numbered wrongly")
    return int(text)
