"""Withdrawing, durably: withdrawing → no longer pending in Feishu → explained, each recorded; never against an approval.

Cancelling an approved instance would re-open it (facts F-05), so every cancel follows a fresh read that says PENDING.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.operations.sync.records import Records
from reconciler.operations.sync.settings import PassResult, SyncPorts
from reconciler.subjects.entry import Entry, EntryState, Reason
from reconciler.subjects.instance import CancelResult, Instance, InstanceStatus
from reconciler.sync.assess import Assessment
from reconciler.sync.decisions import Cause, Withdraw
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason

RETRY = 5.0
DECIDED_BY_PEOPLE = frozenset({InstanceStatus.APPROVED, InstanceStatus.REJECTED})


class Withdrawer:
    """Ends a pending request and says why."""

    def __init__(self, ports: SyncPorts) -> None:
        self._ports = ports

    async def begin(self, seen: Observation, judged: Assessment, records: Records, decision: Withdraw) -> PassResult:
        """Store that the request must end, with the true reason; then start ending it."""
        entry = seen.entry
        if entry is None:
            raise AssertionError("only a recorded request is withdrawn")
        why = withdrawal_reason(decision.cause, judged)
        moved = replace(records.moved(entry, EntryState.WITHDRAWING, why), outcome=decision.cause.value)
        await self._ports.ledger.commit(records.change(moved, "withdrawing"))
        return await self.finish(replace(seen, entry=moved), records)

    async def finish(self, seen: Observation, records: Records) -> PassResult:
        """One step towards the end: cancel if still pending, read again, record what became of it."""
        entry, instance = seen.entry, seen.instance
        if entry is None:
            raise AssertionError("only a recorded request is withdrawn")
        if instance is None:
            return await self._close(entry, records)
        if instance.status is InstanceStatus.UNKNOWN:
            return PassResult(again_after=RETRY)  # only what is known to have ended is left behind
        if instance.status is not InstanceStatus.PENDING:
            return await self._ended(entry, instance, records)
        result = await self._ports.approvals.cancel(instance)
        if result is CancelResult.REFUSED:
            return await self._void(entry, records)
        after = await self._ports.approvals.read(instance.code)
        if after.status is InstanceStatus.UNKNOWN:
            return PassResult(again_after=RETRY)
        if after.status is InstanceStatus.PENDING:
            return await self._still_pending(entry, instance, after, records)
        return await self._ended(entry, after, records)

    async def _still_pending(self, entry: Entry, before: Instance, after: Instance, records: Records) -> PassResult:
        passes = {event.task_id for event in before.timeline if event.type == "PASS"}
        crossed = any(event.type == "PASS" and event.task_id not in passes for event in after.timeline)
        if crossed and not entry.crossed:
            marked = replace(entry, crossed=True)
            message = records.instance_comment(marked, "crossed", reason("crossed"))
            await self._ports.ledger.commit(records.change(marked, "crossed", message))
            return PassResult(again_after=0.0)
        return PassResult(again_after=RETRY)

    async def _ended(self, entry: Entry, instance: Instance, records: Records) -> PassResult:
        if instance.status in DECIDED_BY_PEOPLE and not entry.crossed:
            # Somebody decided before our cancel: the table judges that decision like any other.
            back = records.moved(entry, EntryState.ASKED, reason("waiting"))
            await self._ports.ledger.commit(records.change(replace(back, outcome=""), "decidedFirst"))
            return PassResult(again_after=0.0)
        return await self._close(entry, records)

    async def _close(self, entry: Entry, records: Records) -> PassResult:
        expired = entry.outcome == Cause.EXPIRED.value
        closed = replace(
            records.moved(entry, EntryState.HELD if expired else EntryState.CLOSED, entry.reason),
            since=records.seen.now,
        )
        messages = [records.instance_comment(entry, "withdrawn", entry.reason), records.status_comment(closed)]
        cards = records.cards(closed, "expired", entry.reason) if expired else ()
        await self._ports.ledger.commit(records.change(closed, "withdrawn", *messages, *cards))
        return PassResult(again_after=0.0)

    async def _void(self, entry: Entry, records: Records) -> PassResult:
        why = reason("void")
        void = replace(records.moved(entry, EntryState.VOID, why), since=records.seen.now)
        messages = (records.instance_comment(void, "void", why), records.status_comment(void))
        await self._ports.ledger.commit(records.change(void, "void", *messages))
        return PassResult(again_after=RETRY)


def withdrawal_reason(cause: Cause, judged: Assessment) -> Reason:
    """The true reason in people's words (N-52, B-22)."""
    match cause:
        case Cause.ENDED | Cause.RUN_BY_HAND:
            return judged.stand_reason
        case Cause.GROUND:
            return judged.blocked_by.reason if judged.blocked_by is not None else reason("waiting")
        case Cause.CONTENT | Cause.DEFINITION | Cause.APPROVERS | Cause.EXPIRED | Cause.ASKED_AGAIN | Cause.DRAINED:
            return reason(cause.value)
        case Cause.VOID_OVER:
            return reason("voidOver")
