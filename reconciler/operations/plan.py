"""Plan one target: read, compare, judge. Built from readers alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.operations.observe import Observed, Scope, observe
from reconciler.plan.build import Provenance, Wishes, build_plan
from reconciler.plan.change import Plan
from reconciler.plan.people import gated_environments
from reconciler.plan.safety import SafetyFacts, SafetyPolicy, judged
from reconciler.plan.select import Selection
from reconciler.plan.target import plan_target
from reconciler.ports.declarative import Readers
from reconciler.spec.target import Target


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned. `rewrite` chooses resources whose write-only values are sent again, whosever they were."""

    target: Target
    selection: Selection = field(default_factory=Selection)
    rewrite: Selection | None = None
    provenance: Provenance = field(default_factory=Provenance)
    accept_identity: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan together with what it was made from; apply takes its values from here and never from a file."""

    plan: Plan
    observed: Observed


async def make_plan(request: PlanRequest, readers: Readers, *, inventory: bool = False) -> Planned:
    """The judged plan of one target. `inventory` also lists live resources that nobody declares."""
    prune = frozenset(request.target.spec.protect.prune)
    scope = Scope(request.selection, None if inventory else prune)
    observed = await observe(request.target, readers, scope)
    plan = build_plan(
        target=plan_target(request.target, observed.facts.workspace),
        declared=observed.desired.declared,
        live=observed.live,
        wishes=Wishes(request.selection, request.rewrite, prune),
        provenance=request.provenance,
    )
    facts = SafetyFacts(observed.facts, observed.desired.declared, observed.live, observed.access, observed.records)
    return Planned(judged(plan, facts, _policy(request, observed)), observed)


def _policy(request: PlanRequest, observed: Observed) -> SafetyPolicy:
    spec = request.target.spec
    return SafetyPolicy(
        undeclared_im=spec.bytebase.im.undeclared if spec.bytebase.im is not None else "refuse",
        max_deletes=spec.protect.deletes.max,
        delete_share=spec.protect.deletes.share,
        gated_environments=gated_environments(request.target, [each.name for each in spec.bytebase.environments]),
        remembered_workspace=observed.remembered_workspace,
        accept_identity=request.accept_identity,
        rewrite=request.rewrite,
    )
