"""Running an approved stage: looked at again right before, all runnable tasks in one call, believed only when seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.errors import ForbiddenError, ReconcilerError
from reconciler.operations.sync.observer import Observer
from reconciler.operations.sync.records import Records
from reconciler.operations.sync.settings import PassResult, SyncPorts
from reconciler.operations.sync.slots import Slots
from reconciler.subjects.change import TaskStatus
from reconciler.subjects.entry import Entry, EntryState
from reconciler.sync.assess import Assessment, assess, run_is_visible
from reconciler.sync.decide import decide
from reconciler.sync.decisions import Run
from reconciler.sync.foreign import one_line
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.verify import Verified

LOOK_SOON = 1.0
RUN_REST = timedelta(seconds=10)
"""After a run whose answer was lost, how long before it may be repeated: an answer may be late, but not that late."""


class Runner:
    """Spends an approval on one run of its whole stage."""

    def __init__(self, ports: SyncPorts, slots: Slots, observer: Observer) -> None:
        self._ports = ports
        self._observer = observer
        self._slots = slots

    async def run(self, seen: Observation, judged: Assessment, records: Records) -> PassResult:
        """Intent, fresh look, one call, evidence. Nothing is run when anything differs from what was approved."""
        entry, verdict = seen.entry, judged.verdict
        if entry is None or seen.stage is None or not isinstance(verdict, Verified):
            raise AssertionError("only a verified approval is run")
        if entry.run_at is not None and seen.now - entry.run_at < RUN_REST:
            return PassResult(again_after=RUN_REST.total_seconds())
        if (moved_on := await self._slots.advance(seen, records)) is not None:
            return moved_on
        entitlement = await self._observer.entitled_now(seen)
        who = ", ".join(verdict.actors)
        runnable = tuple((task.name, task.newest_run.name if task.newest_run else "") for task in seen.stage.runnable)
        meant = replace(
            records.moved(entry, EntryState.RUNNING, reason("running", who=who)),
            actors=verdict.actors,
            run_tasks=runnable,
            run_at=seen.now,
        )
        evidence = (("tasks", " ".join(name for name, _ in runnable)), ("link", entry.link))
        await self._ports.ledger.commit(records.change(meant, "running", actor=who, evidence=evidence))
        fresh = await self._observer.look_again(replace(seen, entry=meant, entitlement=entitlement))
        if fresh.stage is None or not _is_still_approved(entry, seen, fresh):
            back = replace(records.moved(entry, EntryState.ASKED, entry.reason), run_at=None, run_tasks=())
            await self._ports.ledger.commit(records.change(back, "runCalledOff", actor=who))
            return PassResult(again_after=0.0)
        try:
            await self._ports.subjects.run(fresh.stage, [name for name, _ in runnable])
        except ForbiddenError as error:
            return await self._forbidden(entry, error, records)
        after = await self._observer.look_again(fresh)
        if run_is_visible(meant, after):
            await self.record_spent(meant, replace(records, seen=after))
        return PassResult(again_after=LOOK_SOON)

    async def record_spent(self, entry: Entry, records: Records) -> None:
        """Our run is visible upstream: the approval is used up, and the issue says who gave it and what ran."""
        who = ", ".join(entry.actors)
        why = reason("ran", who=who)
        spent = replace(records.moved(entry, EntryState.RUNNING, why), spent=True)
        stage = records.seen.stage
        targets = {task.name: task.target for task in stage.tasks} if stage is not None else {}
        shown = [targets[name] for name, _ in entry.run_tasks if name in targets]
        details = [one_line(target, 200) for target in shown[:20]] + (
            [f"… {len(shown)} tasks"] if len(shown) > 20 else []
        )
        messages = [
            records.issue_comment(spent, "ran", why, details),
            records.instance_comment(spent, "ran", why),
            records.status_comment(spent),
            *records.cards(spent, "ran", why),
        ]
        evidence = (("tasks", " ".join(name for name, _ in entry.run_tasks)), ("link", entry.link))
        await self._ports.ledger.commit(records.change(spent, "ran", *messages, actor=who, evidence=evidence))

    async def _forbidden(self, entry: Entry, error: ReconcilerError, records: Records) -> PassResult:
        why = reason("noPermission", why=str(error))
        back = replace(records.moved(entry, EntryState.ASKED, why), run_at=None, run_tasks=(), outcome="approved")
        message = records.status_comment(back)
        if entry.reason.code != why.code:
            await self._ports.ledger.commit(records.change(back, "refused", message))
        else:
            await self._ports.ledger.commit(replace(records.change(back, "refused"), history=()))
        return PassResult(again_after=60.0)


def _is_still_approved(entry: Entry, seen: Observation, fresh: Observation) -> bool:
    """Whether the last look shows what was approved, under the gate and policy that its people were found by."""
    still = assess(fresh)
    if seen.stage is None or fresh.stage is None or fresh.gate != seen.gate:
        return False
    if fresh.stage.policy_roles != seen.stage.policy_roles:
        return False
    return isinstance(decide(still.situation), Run) and still.fingerprint == entry.fingerprint


def failures(seen: Observation) -> str:
    """The failed tasks of a stage with Bytebase's own error text, bounded."""
    if seen.stage is None:
        return ""
    failed = [task for task in seen.stage.tasks if task.status in (TaskStatus.FAILED, TaskStatus.CANCELED)]
    texts = [
        f"{one_line(t.target, 120)}: {one_line(t.newest_run.detail if t.newest_run else t.status, 200)}" for t in failed
    ]
    return "; ".join(texts[:5]) + (f"; … {len(texts)} tasks" if len(texts) > 5 else "")
