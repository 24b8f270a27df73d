"""One pass over one subject: observe, assess, decide, do one thing, record it, say when to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.errors import ReconcilerError, ThrottledError
from reconciler.operations.sync.conclude import SELDOM, Concluder
from reconciler.operations.sync.observer import Observer
from reconciler.operations.sync.records import Records
from reconciler.operations.sync.run import Answered, Runner
from reconciler.operations.sync.send import Sender
from reconciler.operations.sync.settings import PassResult, SyncPorts, SyncSettings
from reconciler.operations.sync.slots import Slots
from reconciler.operations.sync.withdraw import Withdrawer
from reconciler.subjects.entry import Entry, EntryState, LedgerChange
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import InstanceStatus
from reconciler.sync.assess import Assessment, assess
from reconciler.sync.decide import decide
from reconciler.sync.decisions import (
    Cause,
    Close,
    Decision,
    FinishWithdrawal,
    Hold,
    Outcome,
    Remind,
    Run,
    Send,
    Tell,
    Wait,
    Withdraw,
)
from reconciler.sync.foreign import one_line
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.situation import Answer, Stand
from reconciler.sync.stand import act_is_visible
from reconciler.sync.verdict import Verified

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 300.0
MOST_EXPIRIES_AN_HOUR = 20
EXPIRY_AGAIN = 600.0
PROBE_AGAIN = 60.0
ROWS_WITHOUT_REQUEST = frozenset({10, 16})
"""Holds of subjects that, as far as the ledger knows, nobody was asked about."""
UNKNOWN_STATUS = "a status this version does not know"
SHOWN_AFTER = 2
"""Failures in a row after which `status` shows the failure as the reason."""


class Reconciler:
    """The gate loop's pass, bound to one target and one digest of its spec."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self.ports = ports
        self.settings = settings
        self.observer = Observer(ports, settings)
        self._sender = Sender(ports, settings)
        self._slots = Slots(ports, settings, self._sender)
        self._withdrawer = Withdrawer(ports)
        self._runner = Runner(ports, self._slots, self.observer)
        self._concluder = Concluder(ports)
        self._failures: dict[str, int] = {}
        self._expired: list[datetime] = []

    async def reconcile(self, subject: str) -> PassResult:
        """One pass. Upstream failures end in a later look, never in an exception; a broken ledger is raised."""
        seen = await self.observer.observe(subject)
        judged = assess(seen)
        decision = decide(judged.situation)
        try:
            result = await self._act(seen, judged, decision)
        except ReconcilerError as error:
            result = replace(self._back_off(subject, error), why=one_line(str(error), 300))
        else:
            if not (isinstance(decision, Wait) and decision.backoff):
                self._failures.pop(subject, None)
        name = type(decision).__name__
        return replace(result, decision=name[0].lower() + name[1:], row=decision.row)

    async def take_over(self, subject: str) -> PassResult:
        """Probe a subject's slots although nothing is to be sent: for requests that the ledger does not know."""
        seen = await self.observer.observe(subject)
        if seen.failure:
            return self._back_off(subject)
        records = Records(seen, self.settings, assess(seen).fingerprint)
        try:
            probe = self._slots.probe if seen.entry is None or seen.entry.instance is None else self._slots.advance
            taken = await probe(seen, records)
        except ReconcilerError:
            return self._back_off(subject)
        return taken if taken is not None else PassResult(again_after=0.0)

    async def _act(self, seen: Observation, judged: Assessment, decision: Decision) -> PassResult:
        records = Records(seen, self.settings, judged.fingerprint)
        if isinstance(decision, Wait) and decision.backoff:
            await self._show_failure(seen, records)
            return replace(self._back_off(seen.subject), why=one_line(seen.failure or UNKNOWN_STATUS, 300))
        if (recovered := await self._evidence(seen, records)) is not None:
            return recovered
        match decision:
            case Wait():
                return await self._wait(seen, judged, records)
            case Hold():
                return await self._hold(seen, judged, records, decision)
            case Send():
                return await self._send(seen, judged, records)
            case Run():
                return await self._spend_approval(seen, judged, records)
            case Close():
                return await self._concluder.close(seen, judged, records, decision)
            case Withdraw() | FinishWithdrawal() | Tell() | Remind():
                return await self._act_on_request(seen, judged, records, decision)

    async def _act_on_request(
        self,
        seen: Observation,
        judged: Assessment,
        records: Records,
        decision: Withdraw | FinishWithdrawal | Tell | Remind,
    ) -> PassResult:
        match decision:
            case Withdraw(cause=Cause.EXPIRED) if not self._may_expire(seen):
                return PassResult(again_after=EXPIRY_AGAIN)
            case Withdraw():
                return await self._withdrawer.begin(seen, judged, records, decision)
            case FinishWithdrawal():
                return await self._withdrawer.finish(seen, records)
            case Tell():
                return await self._tell(seen, records, decision)
            case Remind():
                return await self._concluder.remind(seen, records, decision)

    def _may_expire(self, seen: Observation) -> bool:
        """Few requests expire within an hour, so that a clock or a spec gone wrong cannot withdraw them all at once."""
        hour_ago = seen.now - timedelta(hours=1)
        self._expired = [at for at in self._expired if at > hour_ago]
        if len(self._expired) >= MOST_EXPIRIES_AN_HOUR:
            return False
        self._expired.append(seen.now)
        return True

    async def _evidence(self, seen: Observation, records: Records) -> PassResult | None:
        """What an earlier pass began and could not record is read off the upstreams before anything else is done."""
        entry = seen.entry
        if entry is None:
            return None
        if entry.state is EntryState.INTENDED and seen.instance is not None:
            return await self._slots.recover(seen, records)
        if (answered := _first_seen_answer(seen)) is not None:
            await self.ports.ledger.commit(LedgerChange(entry=answered))
            return PassResult(again_after=0.0)
        if entry.run_tasks and not entry.spent and act_is_visible(entry, seen):
            await self._runner.record_spent(entry, records)
            return PassResult(again_after=0.0)
        return None

    async def _hold(self, seen: Observation, judged: Assessment, records: Records, decision: Hold) -> PassResult:
        """Before a subject without a record is held, its slots are looked at: a lost ledger may have left a request there.

        Where Feishu cannot be asked the reason is shown all the same, and the slots are looked at next time.
        """
        if decision.row not in ROWS_WITHOUT_REQUEST or not _is_unprobed(seen.entry) or seen.circuit:
            return await self._concluder.hold(seen, judged, records, decision)
        try:
            taken = await self._slots.probe(seen, records)
        except ReconcilerError:
            held = await self._concluder.hold(seen, judged, records, decision)
            return replace(held, again_after=PROBE_AGAIN)
        if taken is not None:
            return taken
        return await self._concluder.hold(seen, judged, replace(records, is_probed=True), decision)

    async def _send(self, seen: Observation, judged: Assessment, records: Records) -> PassResult:
        entry = seen.entry
        if _is_unprobed(entry):
            if (taken := await self._slots.probe(seen, records)) is not None:
                return taken
            seen = replace(seen, entry=replace(entry, probed=True) if entry is not None else None)
            records = replace(records, seen=seen)
        return await self._sender.send(seen, judged, records)

    async def _tell(self, seen: Observation, records: Records, decision: Tell) -> PassResult:
        told = seen.entry is not None and seen.entry.outcome == decision.outcome.value
        if not told and (moved_on := await self._slots.advance(seen, records)) is not None:
            return moved_on
        entry = await self._concluder.tell(seen, records, decision)
        if decision.outcome is Outcome.REJECTED:
            return await self._after_rejection(replace(seen, entry=entry), records)
        return PassResult(again_after=SELDOM)

    async def _spend_approval(self, seen: Observation, judged: Assessment, records: Records) -> PassResult:
        actors = judged.verdict.actors if isinstance(judged.verdict, Verified) else ()
        if not actors:
            raise AssertionError("only a verified approval is spent")
        return await self._runner.spend(seen, Answered(is_approval=True, actors=actors), records)

    async def _after_rejection(self, seen: Observation, records: Records) -> PassResult:
        """A rejected review step is rejected in Bytebase; a stage is skipped where the gate says so. Until it is seen there."""
        entry, gate, stage = seen.entry, seen.gate, seen.stage
        if entry is None or gate is None:
            raise AssertionError("only a gated subject's request is told of")
        if stage is None and not entry.spent:
            answered = Answered(is_approval=False, actors=entry.actors)
            return await self._runner.spend(seen, answered, replace(records, seen=seen))
        if stage is not None and gate.on_reject == "skip" and stage.runnable:
            tasks = [task.name for task in stage.runnable]
            await self.ports.subjects.skip(stage, tasks, one_line(entry.reason.text, 900))
        return PassResult(again_after=SELDOM)

    async def _wait(self, seen: Observation, judged: Assessment, records: Records) -> PassResult:
        entry, gate = seen.entry, seen.gate
        if entry is None or gate is None or judged.situation.answer is not Answer.PENDING:
            return PassResult(again_after=2.0 if judged.situation.answer is not Answer.NONE else None)
        since = (entry.loss_since or seen.now) if judged.lost else None
        waiting = replace(entry, loss_since=since)
        if judged.situation.stand is Stand.WAITING and (held := records.waits_again(waiting)) is not None:
            await self.ports.ledger.commit(records.change(held, "asked", records.status_comment(held)))
        elif since != entry.loss_since:
            await self.ports.ledger.commit(LedgerChange(entry=waiting))
        waits = [_seconds(entry.reminded_at or entry.asked_at, gate.remind_after.total_seconds(), seen.now)]
        if seen.instance is not None:
            waits.append(_seconds(seen.instance.started, gate.expire_after.total_seconds(), seen.now))
        if since is not None:
            waits.append(_seconds(since, gate.settle.total_seconds(), seen.now))
        return PassResult(again_after=max(min(waits), 1.0))

    async def _show_failure(self, seen: Observation, records: Records) -> None:
        """A read that fails again is shown as the reason, where no request says more; nothing upstream is touched."""
        entry = seen.entry
        repeated = self._failures.get(seen.subject, 0) >= SHOWN_AFTER
        if not repeated or (entry is not None and entry.state is not EntryState.HELD):
            return
        why = reason("readFailed", why=one_line(seen.failure or UNKNOWN_STATUS, 300))
        if entry is None or entry.reason != why:
            held = records.blank(EntryState.HELD, why)
            await self.ports.ledger.commit(records.change(held, "readFailed"))

    def _back_off(self, subject: str, error: ReconcilerError | None = None) -> PassResult:
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            return PassResult(again_after=error.retry_after)
        count = self._failures.get(subject, 0)
        self._failures[subject] = count + 1
        return PassResult(again_after=min(FIRST_BACKOFF * 2 ** min(count, 16), LONGEST_BACKOFF))


def _first_seen_answer(seen: Observation) -> Entry | None:
    """The entry with the moment at which an external node's answer was first seen; None where that is known or needless."""
    entry, instance = seen.entry, seen.instance
    if entry is None or instance is None or entry.answered_at is not None:
        return None
    if node_of(instance.definition_code) is None or instance.status is InstanceStatus.PENDING:
        return None
    return replace(entry, answered_at=seen.now)


def _is_unprobed(entry: Entry | None) -> bool:
    return entry is None or (not entry.probed and entry.instance is None and entry.request is None)


def _seconds(start: datetime | None, after: float, now: datetime) -> float:
    return after - (now - start).total_seconds() if start is not None else after
