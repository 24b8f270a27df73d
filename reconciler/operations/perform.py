"""Performs the changes of a plan, one at a time: intent, write, evidence, record. What went wrong is an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.diff import diff
from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ReconcilerError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.operations.plan import Planned
from reconciler.plan.change import Action, Change
from reconciler.plan.order import prerequisites
from reconciler.plan.outcome import Outcome, Result
from reconciler.ports.declarative import LockLoss, Readers, Write, Writers, Written
from reconciler.resources.base import Key, Resource
from reconciler.resources.definition import Definition
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.resources.subscription import Subscription
from reconciler.secret import Secret

_STOPS = (UnavailableError, ThrottledError, CredentialsError)
"""After one of these the upstream is no use for the rest either."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change that is about to be tried, and its place among all pending ones, which counts from one."""

    change: Change
    number: int
    of: int


def _nobody(_step: Step) -> None:
    """Nobody watches."""


class Performer:
    """Performs one plan once."""

    def __init__(
        self,
        planned: Planned,
        readers: Readers,
        writers: Writers,
        *,
        now: Callable[[], datetime],
        secrets: Mapping[Key, Mapping[str, Secret]],
        begins: Callable[[Step], None] | None = None,
    ) -> None:
        self._plan = planned.plan
        self._wanted = {one.key: one.resource for one in planned.observed.desired.declared}
        self._live = planned.observed.live
        self._others = {other.key: other for other in planned.observed.live.others}
        self._readers = readers
        self._writers = writers
        self._now = now
        self._secrets = secrets
        self._begins = begins or _nobody
        self._codes: dict[str, str] = {}

    async def perform(self, loss: LockLoss) -> tuple[Outcome, ...]:
        """Try every pending change in order; those after a failure of the whole upstream, or of the lock, are not reached."""
        await self._remember_in_sync()
        outcomes: dict[str, Outcome] = {}
        stopped = False
        pending = self._plan.pending
        for number, change in enumerate(pending, start=1):
            if stopped or loss.is_set():
                outcomes[change.id] = Outcome(change.kind, change.name, Result.NOT_REACHED)
                continue
            blocker = self._blocker(change, outcomes)
            if blocker is not None:
                reason = f"because of {blocker}"
                outcomes[change.id] = Outcome(change.kind, change.name, Result.SKIPPED, reason)
                continue
            self._begins(Step(change, number, len(pending)))
            try:
                outcomes[change.id] = await self._one(change)
            except ReconcilerError as error:
                stopped = isinstance(error, _STOPS)
                outcomes[change.id] = Outcome(
                    change.kind, change.name, Result.FAILED, _reason(change, error), self._codes.get(change.name)
                )
        return tuple(outcomes.values())

    async def _remember_in_sync(self) -> None:
        """Record what is as it should be already, so that drift can tell later which side moved."""
        records = await self._writers.records.records(self._plan.target.name)
        for change in self._plan.changes:
            live, desired = self._live.get(change.key), self._wanted.get(change.key)
            if change.action is not Action.KEEP or change.fields or live is None or desired is None:
                continue
            if not live.tokens().keys() >= set(change.unverifiable) and not isinstance(live, Subscription):
                continue  # nobody knows what was sent of it; of a subscription it is remembered that nothing is known
            known = records.get(change.key)
            tokens = known.tokens if known is not None else {}
            record = replace(self._record(change, desired), observed=live.fingerprint(), tokens=tokens)
            if known is None or (known.desired, known.code) != (record.desired, record.code):
                await self._writers.records.put(record)

    def _blocker(self, change: Change, outcomes: Mapping[str, Outcome]) -> str | None:
        for needed in prerequisites(change, self._plan.changes):
            outcome = outcomes.get(needed)
            if outcome is not None and outcome.result is not Result.APPLIED:
                return needed
        return None

    async def _one(self, change: Change) -> Outcome:
        desired = self._desired(change)
        observed = self._live.get(change.key) or self._others.get(change.key)
        if change.irreversible and desired is not None:
            await self._intend(change, desired)
        paths = frozenset(row.path for row in change.fields)
        written = await self._write(change, Write(desired, observed, paths, self._secrets.get(change.key, {})))
        if written.code:
            self._codes[change.name] = written.code
        await self._confirm(change, desired, written)
        return Outcome(change.kind, change.name, Result.APPLIED, written.note, written.code)

    def _desired(self, change: Change) -> Resource | None:
        if change.action is Action.DELETE:
            return None
        desired = self._wanted[change.key]
        code = self._codes.get(change.name)
        if isinstance(desired, Subscription) and desired.subscribed is None and code is not None:
            return replace(desired, subscribed=code)
        return desired

    async def _intend(self, change: Change, desired: Resource) -> None:
        """Record that a creation is begun. Somebody else's intent or record means: never create a second one."""
        record = self._record(change, desired, state=RecordState.INTENDED)
        if not await self._writers.records.put_new(record):
            raise RefusedError(
                "its creation was begun by another run",
                where=change.id,
                next_step="plan again when that run has ended",
            )

    async def _write(self, change: Change, write: Write) -> Written:
        try:
            return await self._writers.resources[change.kind].write(write)
        except UnavailableError as error:
            if change.irreversible and error.ambiguous:
                raise UnavailableError(
                    "the answer to the creation was lost: the definition may exist",
                    where=change.id,
                    why=str(error),
                    next_step="look for it in Feishu's admin console; if it is there, write its approval code as `code:`; "
                    f"if it is not, run apply with --forget-creation {change.name}",
                    ambiguous=True,
                ) from error
            if change.irreversible:
                await self._writers.records.forget(self._plan.target.name, change.key)
            raise
        except ReconcilerError:
            if change.irreversible:
                await self._writers.records.forget(self._plan.target.name, change.key)
            raise

    async def _confirm(self, change: Change, desired: Resource | None, written: Written) -> None:
        """Record what was written, read it back, and record that too. A success that left no trace is a failure."""
        integration = self._plan.target.name
        if desired is None:
            await self._writers.records.forget(integration, change.key)
            return
        if isinstance(desired, Definition) and written.code:
            desired = replace(desired, code=written.code)
        record = self._record(change, desired, code=written.code or "")
        if change.irreversible:
            # The code is worth more than the read that follows: nobody could ever find it again.
            await self._writers.records.put(record)
        reader = self._readers.resources.get(change.kind)
        if reader is not None and not written.settles_later:
            found = await reader.observe([desired], inventory=False)
            live = next((each for each in found.live if each.key == change.key), None)
            left = diff(live, desired).fields
            if live is None or any(row.mark.value != "writeOnly" for row in left):
                raise ConflictError(
                    "it was written, and reads back as something else",
                    where=change.id,
                    why=", ".join(row.path for row in left),
                    next_step="plan again to see what is there",
                )
            record = replace(record, observed=live.fingerprint())
        await self._writers.records.put(record)

    def _record(
        self, change: Change, desired: Resource, *, code: str = "", state: RecordState = RecordState.APPLIED
    ) -> AppliedRecord:
        return AppliedRecord(
            integration=self._plan.target.name,
            kind=change.kind,
            name=change.name,
            state=state,
            at=self._now(),
            desired=desired.fingerprint(),
            tokens=self._tokens(change, desired),
            code=code or (desired.code or "" if isinstance(desired, Definition) else ""),
        )

    def _tokens(self, change: Change, desired: Resource) -> Mapping[str, str]:
        """Tokens of what was sent now; of the rest those that were recorded before."""
        sent = {row.path for row in change.fields}
        observed = self._live.get(change.key)
        known = observed.tokens() if observed is not None else {}
        whole = change.kind == "bytebase/im" or change.action is Action.CREATE
        return {
            path: token if whole or path in sent else known.get(path, "") for path, token in desired.tokens().items()
        }


def _reason(change: Change, error: ReconcilerError) -> str:
    """The error as one sentence; the change itself is named beside it already."""
    text = str(error)
    if error.where == change.id:
        text = f"{error.what}: {error.why}" if error.why else error.what
    return f"{text}; {error.next_step}" if error.next_step else text
