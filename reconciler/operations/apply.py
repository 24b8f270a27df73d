"""Make one target as its spec says: plan again, compare with what was shown, then perform one change after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.desired.target import desired_of
from reconciler.errors import FilePosition, NotFoundError, RefusedError, SpecError
from reconciler.operations.perform import Performer, Step
from reconciler.operations.plan import Planned, PlanRequest, make_plan
from reconciler.plan.change import Plan
from reconciler.plan.compare import moved
from reconciler.plan.document import digest
from reconciler.plan.outcome import Applied
from reconciler.ports.declarative import Readers, Writers
from reconciler.resources.base import Key, Origin
from reconciler.resources.finding import Finding
from reconciler.resources.record import AppliedRecord, RecordState
from reconciler.secret import Secret
from reconciler.spec.target import Target

__all__ = ["Agree", "Agreement", "ApplyPorts", "ApplyRequest", "Step", "apply"]

_DEFINITION = "feishu/definition"


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """What is to be applied. `shown` is the plan that was agreed to; `expect` holds the digests that are, if any.

    `create_definitions` names the definitions that may be created; `forget_creations` those whose lost creation is known
    not to have happened.
    """

    plan: PlanRequest
    shown: Plan | None = None
    expect: frozenset[str] = frozenset()
    create_definitions: frozenset[str] = frozenset()
    forget_creations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a person said to a plan: whether to go on, and which definitions may be created for ever."""

    goes_on: bool
    create_definitions: frozenset[str] = frozenset()


Agree = Callable[[Plan], Awaitable[Agreement]]
"""Shows a plan that would write, and asks."""


@dataclass(frozen=True, slots=True)
class ApplyPorts:
    """Readers, writers, the clock, and who is told of each change before it is tried."""

    readers: Readers
    writers: Writers
    now: Callable[[], datetime]
    agree: Agree | None = None
    begins: Callable[[Step], None] | None = None


async def apply(request: ApplyRequest, ports: ApplyPorts) -> Applied:
    """Apply one target. RefusedError, before the first write, where the plan is refused, moved, or not agreed to."""
    async with ports.writers.lock.hold() as loss:
        await _forget(request, ports)
        planned = await make_plan(request.plan, ports.readers)
        _require_same(request, planned.plan)
        _require_unrefused(planned.plan)
        creatable = request.create_definitions
        if ports.agree is not None and planned.plan.pending:
            agreement = await ports.agree(planned.plan)
            if not agreement.goes_on:
                raise RefusedError("the plan was not agreed to", next_step="nothing was written")
            creatable |= agreement.create_definitions
            # While a person thinks, the world moves on.
            again = await make_plan(request.plan, ports.readers)
            _require_same(replace(request, shown=planned.plan), again.plan)
            planned = again
        _require_permission_to_create(creatable, planned.plan)
        secrets = await _resolve(planned, ports.writers)
        plan = planned.plan
        bytebase = plan.target.bytebase
        if bytebase.workspace:
            await ports.writers.records.remember_workspace(bytebase.identity, bytebase.workspace)
        performer = Performer(
            planned, ports.readers, ports.writers, now=ports.now, secrets=secrets, begins=ports.begins
        )
        outcomes = await performer.perform(loss)
        messages = await _write_codes(request, ports)
        return Applied(plan.target, outcomes, messages)


async def _forget(request: ApplyRequest, ports: ApplyPorts) -> None:
    """Drop what is recorded of creations that a person has found not to have happened, or to be gone."""
    target = request.plan.target
    records = await ports.writers.records.records(target.name)
    for name in sorted(request.forget_creations):
        key = Key(_DEFINITION, name)
        record = records.get(key)
        if record is None or not (record.state is RecordState.INTENDED or await _is_gone(target, ports, records, key)):
            raise RefusedError(
                f"no lost creation of the definition {name} is recorded",
                where=str(key),
                next_step="leave --forget-creation out",
            )
        await ports.writers.records.forget(target.name, key)


async def _is_gone(target: Target, ports: ApplyPorts, records: Mapping[Key, AppliedRecord], key: Key) -> bool:
    """Whether Feishu says that there is no definition of the recorded code (any more)."""
    wanted = [one.resource for one in desired_of(target, records).declared if one.key == key]
    try:
        await ports.readers.resources[_DEFINITION].observe(wanted, inventory=False)
    except NotFoundError:
        return bool(wanted)
    return False


def _require_same(request: ApplyRequest, now: Plan) -> None:
    differences = moved(shown=request.shown, now=now) if request.shown is not None else ()
    if differences:
        raise RefusedError(
            "this is not the plan that was shown",
            where=now.target.name,
            why="; ".join(differences),
            next_step="plan again, look at it, and apply that",
        )
    if request.expect and digest(now) not in request.expect:
        raise RefusedError(
            "its plan is not one that was expected",
            where=now.target.name,
            why=f"the digest is {digest(now)}, expected {' or '.join(sorted(request.expect))}",
            next_step="plan again, look at it, and expect its digest",
        )


def _require_unrefused(plan: Plan) -> None:
    if not plan.refusals:
        return
    first, *others = plan.refusals
    also = "; ".join(f"{_place(each)}{_about(each)}: {each.message} (next: {each.next})" for each in others)
    raise RefusedError(
        f"{_about(first)}: {first.message}",
        where=_position(first.origin),
        why=f"also: {also}" if also else "",
        next_step=first.next,
    )


def _about(finding: Finding) -> str:
    return f"{finding.kind}/{finding.name}" if finding.name else finding.kind


def _place(finding: Finding) -> str:
    return f"{finding.origin}: " if finding.origin is not None else ""


def _position(origin: Origin | None) -> FilePosition | None:
    return FilePosition(origin.file, origin.line, 1) if origin is not None else None


def _require_permission_to_create(creatable: frozenset[str], plan: Plan) -> None:
    unnamed = [change for change in plan.pending if change.irreversible and change.name not in creatable]
    if unnamed:
        names = " ".join(f"--create-definition {change.name}" for change in unnamed)
        raise RefusedError(
            f"creating {', '.join(change.id for change in unnamed)} can never be undone, and it may exist already",
            where=_position(unnamed[0].origin),
            why="Feishu has no way to delete a definition or to look for one",
            next_step=f"write its approval code as `code:` if it exists, else apply with {names}",
        )


async def _resolve(planned: Planned, writers: Writers) -> Mapping[Key, Mapping[str, Secret]]:
    """The write-only values of all pending changes, before anything is written."""
    pending = {change.key for change in planned.plan.pending}
    return {
        one.key: {path: await writers.secrets.resolve(ref, one.origin) for path, ref in sorted(one.secrets.items())}
        for one in planned.observed.desired.declared
        if one.key in pending and one.secrets
    }


async def _write_codes(request: ApplyRequest, ports: ApplyPorts) -> tuple[str, ...]:
    """Put recorded approval codes into the spec where they are missing; what cannot be written is said."""
    target = request.plan.target
    records = await ports.writers.records.records(target.name)
    messages = []
    for definition in target.spec.feishu.definitions if target.spec.feishu is not None else ():
        record = records.get(Key(_DEFINITION, definition.name))
        if definition.code is None and definition.mode == "managed" and record is not None and record.code:
            try:
                await ports.writers.spec.write_code(definition.name, record.code)
            except SpecError as error:
                messages.append(f"{error}; {error.next_step}")
    return tuple(messages)
