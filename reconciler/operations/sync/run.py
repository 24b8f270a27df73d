"""Spending an answer in Bytebase: looked at again right before, done in one call, believed only when seen.

An approval of a stage runs it, all its runnable tasks at once; an approval or rejection of a review step answers the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.errors import ForbiddenError, ReconcilerError
from reconciler.gather import both
from reconciler.ids import step_of
from reconciler.operations.sync.acts import Act, act_of, answer_mark, spent_reason
from reconciler.operations.sync.observer import DOUBLED, Observer
from reconciler.operations.sync.records import Records
from reconciler.operations.sync.settings import PassResult, SyncPorts
from reconciler.operations.sync.slots import Slots
from reconciler.subjects.change import TaskStatus
from reconciler.subjects.entry import Entry, EntryState
from reconciler.sync.assess import assess
from reconciler.sync.decide import decide
from reconciler.sync.decisions import Decision, Outcome, Run, Tell
from reconciler.sync.foreign import one_line
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.stand import act_is_visible

LOOK_SOON = 1.0
RUN_REST = timedelta(seconds=10)
"""After an act whose answer was lost, how long before it may be repeated: an answer may be late, but not that late."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer that is spent: whether it approves, and the e-mails of those who gave it, sorted."""

    is_approval: bool
    actors: tuple[str, ...]


class Runner:
    """Spends an answer on one act."""

    def __init__(self, ports: SyncPorts, slots: Slots, observer: Observer) -> None:
        self._ports = ports
        self._observer = observer
        self._slots = slots

    async def spend(self, seen: Observation, answered: Answered, records: Records) -> PassResult:
        """Intent, fresh look, one call, evidence. Nothing is done when anything differs from what was answered."""
        entry, question = seen.entry, seen.question
        if entry is None or question is None:
            raise AssertionError("only an answered request is spent")
        if entry.run_at is not None and seen.now - entry.run_at < RUN_REST:
            return PassResult(again_after=RUN_REST.total_seconds())
        act = act_of(seen, entry, actors=answered.actors, approve=answered.is_approval)
        meant = replace(
            records.moved(entry, EntryState.RUNNING, act.begun),
            actors=answered.actors,
            run_tasks=act.meant,
            run_at=seen.now,
        )
        moved_on, entitlement = await both(self._slots.advance(seen, records), self._observer.entitled_now(seen))
        if moved_on is not None:
            return moved_on
        if act.mark and await self._ports.subjects.answers_with(entry.issue, act.mark):
            # It was answered by this request already, and Bytebase has reset the review since.
            await self.record_spent(meant, records)
            return PassResult(again_after=0.0)
        who = ", ".join(answered.actors)
        await self._ports.ledger.commit(records.change(meant, act.begun.code, actor=who, evidence=act.evidence))
        fresh = await self._observer.look_again(replace(seen, entry=meant, entitlement=entitlement))
        if not _still_holds(entry, seen, fresh, is_approval=answered.is_approval):
            back = replace(records.moved(entry, EntryState.ASKED, entry.reason), run_at=None, run_tasks=())
            await self._ports.ledger.commit(records.change(back, "runCalledOff", actor=who))
            return PassResult(again_after=0.0)
        try:
            await self._do(fresh, act)
        except ForbiddenError as error:
            return await self._forbidden(entry, error, records)
        after = await self._observer.look_again(fresh)
        if act_is_visible(meant, after):
            await self.record_spent(meant, replace(records, seen=after))
        return PassResult(again_after=LOOK_SOON)

    async def record_spent(self, entry: Entry, records: Records) -> None:
        """What the answer was spent on is visible upstream: it is used up, and the issue says who gave it and what was done."""
        if await self._is_doubled(entry, records.seen):
            await self._alarm(entry, records)
            return
        who = ", ".join(entry.actors)
        why = spent_reason(entry)
        spent = replace(records.moved(entry, EntryState.RUNNING, why), spent=True)
        is_step = step_of(entry.subject) is not None
        messages = [
            # An answer to a review step is in the issue's timeline already, with the same words.
            records.issue_comment(spent, "ran", why, _what_ran(entry, records.seen)) if not is_step else None,
            records.instance_comment(spent, "ran", why),
            records.status_comment(spent),
            *(records.cards(spent, "ran", why) if entry.outcome != Outcome.REJECTED.value else ()),
        ]
        evidence = (("tasks", " ".join(name for name, _ in entry.run_tasks)), ("link", entry.link))
        decision = "answered" if is_step else "ran"
        await self._ports.ledger.commit(records.change(spent, decision, *messages, actor=who, evidence=evidence))

    async def _do(self, seen: Observation, act: Act) -> None:
        subjects = self._ports.subjects
        if seen.stage is not None:
            await subjects.run(seen.stage, [name for name, _ in act.meant])
        elif seen.step is not None and seen.change is not None:
            await subjects.answer(seen.change, seen.step, approve=act.approve, text=act.text)

    async def _is_doubled(self, entry: Entry, seen: Observation) -> bool:
        """Whether Bytebase took one answer of ours for two steps: the call names no step (facts §8.4)."""
        issue = seen.change.issue if seen.change is not None else None
        if entry.request is None or issue is None or not entry.run_tasks or seen.stage is not None:
            return False
        ours = [answer for answer in issue.answers if answer.email == seen.own_email]
        return len(ours) > 1 and await self._ports.subjects.answers_with(entry.issue, answer_mark(entry)) > 1

    async def _alarm(self, entry: Entry, records: Records) -> None:
        why = reason("answeredTwice")
        stopped = replace(records.moved(entry, EntryState.RUNNING, why), spent=True, outcome=DOUBLED)
        messages = [records.issue_comment(stopped, DOUBLED, why), records.status_comment(stopped)]
        await self._ports.ledger.commit(
            records.change(stopped, DOUBLED, *messages, *records.cards(stopped, "failed", why))
        )

    async def _forbidden(self, entry: Entry, error: ReconcilerError, records: Records) -> PassResult:
        why = reason("noPermission", why=str(error))
        outcome = entry.outcome or "approved"
        back = replace(records.moved(entry, EntryState.ASKED, why), run_at=None, run_tasks=(), outcome=outcome)
        message = records.status_comment(back)
        if entry.reason.code != why.code:
            await self._ports.ledger.commit(records.change(back, "refused", message))
        else:
            await self._ports.ledger.commit(replace(records.change(back, "refused"), history=()))
        return PassResult(again_after=60.0)


def _still_holds(entry: Entry, seen: Observation, fresh: Observation, *, is_approval: bool) -> bool:
    """Whether the last look shows what was answered, under the gate and policy that its people were found by."""
    if fresh.question is None or fresh.gate != seen.gate:
        return False
    if seen.stage is not None and fresh.stage is not None and fresh.stage.policy_roles != seen.stage.policy_roles:
        return False
    still = assess(fresh)
    return _is_meant(decide(still.situation), is_approval=is_approval) and still.fingerprint == entry.fingerprint


def _is_meant(decision: Decision, *, is_approval: bool) -> bool:
    if is_approval:
        return isinstance(decision, Run)
    return isinstance(decision, Tell) and decision.outcome is Outcome.REJECTED


def _what_ran(entry: Entry, seen: Observation) -> list[str]:
    """The targets of the tasks that were run, the first twenty by name."""
    if seen.stage is None:
        return []
    targets = {task.name: task.target for task in seen.stage.tasks}
    shown = [targets[name] for name, _ in entry.run_tasks if name in targets]
    return [one_line(target, 200) for target in shown[:20]] + ([f"… {len(shown)} tasks"] if len(shown) > 20 else [])


def failures(seen: Observation) -> str:
    """The failed tasks of a stage with Bytebase's own error text, bounded."""
    if seen.stage is None:
        return ""
    failed = [task for task in seen.stage.tasks if task.status in (TaskStatus.FAILED, TaskStatus.CANCELED)]
    texts = [
        f"{one_line(t.target, 120)}: {one_line(t.newest_run.detail if t.newest_run else t.status, 200)}" for t in failed
    ]
    return "; ".join(texts[:5]) + (f"; … {len(texts)} tasks" if len(texts) > 5 else "")
