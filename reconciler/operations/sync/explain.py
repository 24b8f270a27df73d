"""Explains one subject: the facts, the row of the table they reach, and why; on request also what would be sent. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import ReconcilerError
from reconciler.operations.sync.conclude import hold_reason
from reconciler.operations.sync.observer import Observer
from reconciler.operations.sync.send import Sender
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.operations.sync.withdraw import withdrawal_reason
from reconciler.subjects.entry import Reason
from reconciler.subjects.instance import InstanceRequest
from reconciler.sync.assess import Assessment, assess
from reconciler.sync.decide import decide
from reconciler.sync.decisions import Decision, Hold, Wait, Withdraw
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a pass would decide now, from which facts, and why. `request` is what would be sent, if it was asked for."""

    seen: Observation
    judged: Assessment
    decision: Decision
    reason: Reason
    request: InstanceRequest | None = None

    @property
    def decision_name(self) -> str:
        """The decision in a word, as history writes it."""
        name = type(self.decision).__name__
        return name[0].lower() + name[1:]


class Explainer:
    """Answers `explain SUBJECT` while the daemon runs or not; writes nothing anywhere."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self._observer = Observer(ports, settings)
        self._sender = Sender(ports, settings)

    async def explain(self, subject: str, *, with_form: bool = False) -> Explanation:
        """Observe, assess and decide without acting."""
        seen = await self._observer.observe(subject)
        judged = assess(seen)
        decision = decide(judged.situation)
        request = None
        if with_form and seen.change is not None and seen.question is not None and seen.definition is not None:
            generation = seen.entry.next_generation if seen.entry is not None else 0
            try:
                request = await self._sender.request_for(seen, judged.fingerprint, generation)
            except ReconcilerError as error:
                why = reason("readFailed", why=str(error))
                return Explanation(seen, judged, decision, why)
        return Explanation(seen, judged, decision, _why(seen, judged, decision), request)


def _why(seen: Observation, judged: Assessment, decision: Decision) -> Reason:
    match decision:
        case Wait(backoff=True):
            return reason(
                "readFailed", why=seen.failure or "a task or instance has a status this version does not know"
            )
        case Hold():
            return hold_reason(seen, judged, decision)
        case Withdraw():
            return withdrawal_reason(decision.cause, judged)
        case _:
            return judged.stand_reason if seen.entry is None else seen.entry.reason
