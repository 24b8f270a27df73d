"""Reads everything a pass needs, whole or not at all: a failed read becomes the observation's `failure`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.errors import NotFoundError, ReconcilerError
from reconciler.gather import both
from reconciler.ids import root_of, step_of
from reconciler.operations.sync.settings import SURE_SKEW, SyncPorts, SyncSettings
from reconciler.subjects.change import ACTIVE, Change, Entitlement, ReviewStep, Stage
from reconciler.subjects.entry import Entry, EntryState
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import Dialect, Instance, InstanceRequest, InstanceStatus, Resolution
from reconciler.sync.gates import gate_for
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason

DOUBLED = "answeredTwice"
"""The outcome of a review step whose one answer was given twice: its issue is not mirrored any more."""
LIVE = frozenset({EntryState.INTENDED, EntryState.ASKED, EntryState.RUNNING, EntryState.WITHDRAWING, EntryState.VOID})
"""Entry states in which a request exists or may exist."""


class Observer:
    """Gathers the facts of one subject. Reads only."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self._ports = ports
        self._settings = settings

    async def observe(self, subject: str) -> Observation:
        """Read subject, entry, instance and people. Ledger errors are raised: without it nothing may be decided."""
        ledger, clock = self._ports.ledger, self._ports.clock
        seen = Observation(
            subject=subject,
            now=clock.now(),
            entry=await ledger.entry(subject),
            wishes=tuple(await ledger.wishes(subject)),
            circuit=self._settings.circuit(),
            clock_is_sure=abs(clock.skew()) <= SURE_SKEW,
            is_draining=self._settings.is_draining,
        )
        try:
            return await self._whole(seen)
        except ReconcilerError as error:
            return replace(seen, failure=f"{error}")

    async def _whole(self, seen: Observation) -> Observation:
        # A click waits for these: neither needs the other.
        change, instance = await both(self._change(seen.subject), self.instance_of(seen.entry))
        seen = await self._account(self._placed(replace(seen, instance=instance), change))
        if change is not None and seen.stage is not None:
            seen = replace(seen, vanished=await self._vanished(change, seen.stage))
        if seen.gate is None or not _waits(seen):
            return seen
        return await self._people(seen)

    async def _change(self, subject: str) -> Change | None:
        try:
            return await self._ports.subjects.observe(root_of(subject))
        except NotFoundError:
            return None

    def _placed(self, seen: Observation, change: Change | None) -> Observation:
        """The observation with what the subject names in this change, and the gate that holds it."""
        question = change.question(seen.subject) if change is not None else None
        gate = gate_for(change, question, self._settings.gates) if change is not None and question is not None else None
        return replace(
            seen,
            change=change,
            stage=question if isinstance(question, Stage) else None,
            step=question if isinstance(question, ReviewStep) else None,
            gate=gate,
        )

    async def _account(self, seen: Observation) -> Observation:
        """Our account for this subject: the one that runs stages, or the reviewer of the step's role."""
        step = step_of(seen.subject)
        if step is None or seen.change is None or seen.change.issue is None:
            return replace(seen, own_email=await self._ports.subjects.own_email())
        role = seen.change.issue.roles[step[1]] if step[1] < len(seen.change.issue.roles) else ""
        reviewer = await self._ports.subjects.reviewer(seen.change, role)
        doubled = [e for e in await self._ports.ledger.entries_of_plan(step[0]) if e.outcome == DOUBLED]
        problem = reason("answeredTwice").text if doubled else reviewer.problem
        return replace(seen, own_email=reviewer.email, own_problem=problem)

    async def instance_of(self, entry: Entry | None) -> Instance | None:
        """The instance of a live entry; None when the slot's create never happened."""
        if entry is None or entry.state not in LIVE or entry.request is None:
            return None
        found = await self._read(entry, entry.request)
        return _timed(found, entry, self._ports.clock.now()) if found is not None else None

    async def _read(self, entry: Entry, request: InstanceRequest) -> Instance | None:
        try:
            if entry.instance is None:
                return await self._ports.approvals.find(request.uuid, request.definition_code)
            return await self._ports.approvals.read(entry.instance)
        except NotFoundError:
            if entry.instance is None:
                return None
            raise

    async def _people(self, seen: Observation) -> Observation:
        gate, change = seen.gate, seen.change
        if gate is None or change is None or seen.question is None:
            return seen
        approvals = self._ports.approvals
        definition, entitlement = await both(approvals.definition(gate.place), self.entitlement(seen))
        seen = replace(seen, definition=definition, entitlement=entitlement)
        pending = seen.instance is not None and seen.instance.status is InstanceStatus.PENDING
        if pending or entitlement is None or entitlement.too_many:
            return seen
        wanted = sorted(seen.approvers | change.requesters)
        if definition.dialect is not Dialect.FEISHU:
            return replace(seen, resolution=Resolution({email: email for email in wanted}, {}))
        return replace(seen, resolution=await approvals.resolve(wanted))

    async def entitlement(self, seen: Observation) -> Entitlement | None:
        """Who may decide the observed subject now; the gate's fallback where nobody but requesters may."""
        gate, change, question = seen.gate, seen.change, seen.question
        if gate is None or change is None or question is None:
            return None
        found = await self._ports.subjects.entitled(change, question, gate.approvers)
        nobody = not replace(seen, entitlement=found).approvers
        if nobody and not found.too_many and gate.fallback:
            return replace(found, people=frozenset(gate.fallback))
        return found

    async def entitled_now(self, seen: Observation) -> Entitlement | None:
        """Who may decide the observed subject, read anew: nothing remembered about rights counts right before a run."""
        self._ports.subjects.distrust()
        return await self.entitlement(seen)

    async def look_again(self, seen: Observation) -> Observation:
        """The change and its gate as they are now. The last read before a run, so that nothing can slip in after it."""
        change = await self._ports.subjects.observe(root_of(seen.subject))
        return self._placed(replace(seen, now=self._ports.clock.now()), change)

    async def _vanished(self, change: Change, stage: Stage) -> tuple[str, ...]:
        names = [each.name for each in change.stages]
        here = names.index(stage.name)
        gone = []
        for entry in await self._ports.ledger.entries_of_plan(change.plan):
            if entry.subject == stage.name or not entry.unfinished or not entry.stages:
                continue
            if entry.subject not in names or (names.index(entry.subject) > here and stage.name not in entry.stages):
                gone.append(entry.subject)
        return tuple(sorted(gone))


def _timed(instance: Instance, entry: Entry, now: datetime) -> Instance:
    """An external node tells no times: it was asked when we asked, and answered when we first saw that it had."""
    if node_of(instance.definition_code) is None:
        return instance
    ended = None if instance.status is InstanceStatus.PENDING else entry.answered_at or now
    return replace(instance, started=entry.asked_at or now, ended=ended)


def _waits(seen: Observation) -> bool:
    change, stage, step = seen.change, seen.stage, seen.step
    if change is None or not change.is_active:
        return False
    if stage is None:
        return step is not None and bool(step.role)
    return not stage.is_finished and not any(task.status in ACTIVE for task in stage.tasks)
