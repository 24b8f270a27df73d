"""One sandbox world: both stand-ins, framed, with their clocks, the fault board and the request log."""

from __future__ import annotations

from typing import Literal, Protocol

from starlette.types import ASGIApp

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.faults import ClockFault, EventFault, Fault, FaultBoard, RequestFault, SocketFault, TokenFault
from reconciler.sandbox.frame import Frame
from reconciler.sandbox.requests import RequestLog


class StandIn(Protocol):
    """What the frame needs of either stand-in."""

    @property
    def app(self) -> ASGIApp:
        """The upstream's whole HTTP face."""

    async def start(self) -> None:
        """Begin what happens by itself: progress of tasks, delivery of events."""

    async def stop(self) -> None:
        """End it."""

    def caller_of(self, authorization: str | None) -> str | None:
        """Who sends this Authorization header: an e-mail or an app id."""

    def expire_tokens(self) -> None:
        """Refuse every token issued so far."""


EventDisturbance = Literal["duplicate", "reorder", "lose"]


class EventfulStandIn(StandIn, Protocol):
    """What the frame needs of the Feishu stand-in beyond that."""

    def drop_sockets(self) -> None:
        """Cut every long connection."""

    def disturb_events(self, kind: EventDisturbance, times: int) -> None:
        """Disturb the next `times` events; zero = no more of this kind."""


_DISTURBANCES: dict[str, EventDisturbance] = {
    "duplicateEvents": "duplicate",
    "reorderEvents": "reorder",
    "loseEvents": "lose",
}


class World:
    """Both stand-ins as clients see them. `bytebase_app` and `feishu_app` are good for a server or in process."""

    def __init__(
        self, *, bytebase: StandIn, bytebase_clock: SandboxClock, feishu: EventfulStandIn, feishu_clock: SandboxClock
    ) -> None:
        self.log = RequestLog()
        self.faults = FaultBoard()
        self._bytebase = bytebase
        self._feishu = feishu
        self._clocks = {"bytebase": bytebase_clock, "feishu": feishu_clock}
        self.bytebase_app = Frame(
            bytebase.app, target="bytebase", log=self.log, faults=self.faults, caller_of=bytebase.caller_of
        )
        self.feishu_app = Frame(
            feishu.app, target="feishu", log=self.log, faults=self.faults, caller_of=feishu.caller_of
        )

    async def start(self) -> None:
        """Begin what happens by itself on both sides."""
        await self._bytebase.start()
        await self._feishu.start()

    async def stop(self) -> None:
        """End it."""
        await self._feishu.stop()
        await self._bytebase.stop()

    def inject(self, fault: Fault) -> None:
        """Let `fault` happen: at once, or to the requests and events it is meant for."""
        match fault:
            case RequestFault():
                self.faults.post(fault)
            case TokenFault(target="bytebase"):
                self._bytebase.expire_tokens()
            case TokenFault():
                self._feishu.expire_tokens()
            case ClockFault():
                self._clocks[fault.target].offset = fault.seconds
            case SocketFault():
                self._feishu.drop_sockets()
            case EventFault():
                self._feishu.disturb_events(_DISTURBANCES[fault.fault], fault.times)

    def clear_faults(self) -> None:
        """Let no more faults happen and put both clocks right; what has happened stays."""
        self.faults.clear()
        for kind in _DISTURBANCES.values():
            self._feishu.disturb_events(kind, 0)
        for clock in self._clocks.values():
            clock.offset = 0.0
