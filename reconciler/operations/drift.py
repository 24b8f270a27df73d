"""Say whether one target is still as it was applied. Built from readers alone."""

from __future__ import annotations

from dataclasses import replace

from reconciler.drift import Drift, DriftClass, Memory, assess_drift
from reconciler.errors import RefusedError
from reconciler.operations.plan import Planned, PlanRequest, make_plan
from reconciler.plan.change import Plan
from reconciler.ports.declarative import Readers

_FATAL = frozenset({"otherWorkspace"})


async def find_drift(request: PlanRequest, readers: Readers) -> tuple[Drift, Planned]:
    """The drift of one target, with the plan it was read from. RefusedError when this is another Bytebase than before."""
    planned = await make_plan(request, readers, inventory=True)
    _refuse_wrong_target(planned.plan)
    observed = planned.observed
    memory = Memory(observed.records, {}, observed.left_behind)
    drift = assess_drift(plan=planned.plan, declared=observed.desired.declared, live=observed.live, memory=memory)
    moved = [item.key for item in drift.items if item.drift_class is DriftClass.DRIFTED]
    if moved:
        memory = replace(memory, authors=await readers.audit.authors(moved))
        drift = assess_drift(plan=planned.plan, declared=observed.desired.declared, live=observed.live, memory=memory)
    return drift, planned


def _refuse_wrong_target(plan: Plan) -> None:
    for refusal in plan.refusals:
        if refusal.code in _FATAL:
            raise RefusedError(refusal.message, where=plan.target.name, next_step=refusal.next)
