"""Reads a live installation through the connection of a spec, and puts the spec together that declares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.desired.target import desired_of
from reconciler.gather import all_of
from reconciler.operations.export.bytebase import exported_bytebase
from reconciler.operations.export.exported import Exported, Found, written
from reconciler.operations.export.feishu import exported_feishu
from reconciler.ports.declarative import Observation, Readers
from reconciler.resources.app import App
from reconciler.resources.base import Json, Resource
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.spec.models.gates import DecideByDefinition
from reconciler.spec.target import Target

_CARRIED = ("users", "externalNodes", "gates", "notify", "protect")
"""What has no live side: it is only ever in a spec."""


async def export(target: Target, readers: Readers) -> Exported:
    """Everything live that a spec can declare, and what only a spec can say, with the connection of `target`."""
    projects = [Project(name) for name in await readers.catalog.projects()]
    policies = [RolloutPolicy(name) for name in await readers.catalog.environments()]
    records = await readers.applied.records(target.name)
    declared = [one.resource for one in desired_of(target, records).declared]
    wanted: dict[str, Sequence[Resource]] = {"bytebase/project": projects, "bytebase/rolloutPolicy": policies}
    for kind in ("feishu/definition", "bytebase/binding", "feishu/app"):
        wanted[kind] = [each for each in declared if each.kind == kind]
    kinds = [kind for kind in sorted(readers.resources) if kind != "feishu/app" or _managed_app(declared) is not None]
    answers = await all_of([readers.resources[kind].observe(wanted.get(kind, ()), inventory=True) for kind in kinds])
    live = [resource for answer in answers for resource in _all(answer)]
    return document_of(Found(target, live, records), app=_managed_app(declared))


def _all(observation: Observation) -> Sequence[Resource]:
    return [*observation.live, *observation.others]


def _managed_app(declared: Sequence[Resource]) -> App | None:
    return next((each for each in declared if isinstance(each, App) and each.is_managed), None)


def document_of(found: Found, *, app: App | None = None) -> Exported:
    """The spec document that declares what was found; `app` is the Feishu app as it would have to be, if it is managed."""
    target = found.target
    given = written(target.spec)
    spec: dict[str, Json] = {"bytebase": exported_bytebase(found)}
    if target.spec.feishu is not None:
        spec["feishu"] = exported_feishu(found, app)
    spec |= {name: given[name] for name in _CARRIED if given.get(name)}
    if "gates" in spec:
        spec["gates"] = _gates(found, spec)
    document: Mapping[str, Json] = {
        "apiVersion": "reconciler/v1",
        "kind": "Integration",
        "metadata": {"name": target.name},
        "spec": spec,
    }
    return Exported(document, found.notes, tuple(found.left_out))


def _gates(found: Found, spec: Mapping[str, Json]) -> Json:
    """The gates as they were written, without those whose definition could not be taken in."""
    feishu = spec.get("feishu")
    definitions = feishu.get("definitions", ()) if isinstance(feishu, Mapping) else ()
    names = (
        {each["name"] for each in definitions if isinstance(each, Mapping)} if isinstance(definitions, list) else set()
    )
    kept: list[Json] = []
    for gate in found.target.spec.gates:
        if isinstance(gate.decide, DecideByDefinition) and gate.decide.definition not in names:
            found.left_out.append(f"the gate {gate.name}: it is decided by the definition {gate.decide.definition}")
        else:
            kept.append(written(gate))
    return kept
