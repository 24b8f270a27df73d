"""A live installation -> a spec whose plan is empty, as plain data. Built from readers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.desired.target import desired_of
from reconciler.operations.gather import all_of
from reconciler.ports.declarative import Observation, Readers
from reconciler.resources.approval_rules import ApprovalRules
from reconciler.resources.base import Json, Resource
from reconciler.resources.definition import Definition
from reconciler.resources.im import Im
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook
from reconciler.spec.target import Target

_SECRETS: Mapping[str, Mapping[str, Json]] = {
    "SLACK": {"token": {"env": "SLACK_TOKEN"}},
    "FEISHU": {"appId": "FILL-IN", "appSecret": {"env": "FEISHU_IM_SECRET"}},
    "LARK": {"appId": "FILL-IN", "appSecret": {"env": "LARK_IM_SECRET"}},
    "WECOM": {"corpId": "FILL-IN", "agentId": "FILL-IN", "secret": {"env": "WECOM_SECRET"}},
    "DINGTALK": {"clientId": "FILL-IN", "clientSecret": {"env": "DINGTALK_SECRET"}, "robotCode": "FILL-IN"},
    "TEAMS": {"tenantId": "FILL-IN", "clientId": "FILL-IN", "clientSecret": {"env": "TEAMS_SECRET"}},
}
"""What an entry needs and nobody can read back: plain values to fill in, secrets by reference."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The spec document as plain data."""

    document: Mapping[str, Json]


async def export(target: Target, readers: Readers) -> Exported:
    """Everything live that a spec can declare, reached through the connection of `target`."""
    projects = [Project(name) for name in await readers.catalog.projects()]
    policies = [RolloutPolicy(name) for name in await readers.catalog.environments()]
    wanted: dict[str, Sequence[Resource]] = {"bytebase/project": projects, "bytebase/rolloutPolicy": policies}
    records = await readers.applied.records(target.name)
    declared = [one.resource for one in desired_of(target, records).declared]
    wanted["feishu/definition"] = [each for each in declared if each.kind == "feishu/definition"]
    kinds = [kind for kind in sorted(readers.resources) if kind not in {"feishu/app", "bytebase/binding"}]
    answers = await all_of([readers.resources[kind].observe(wanted.get(kind, ()), inventory=True) for kind in kinds])
    live = [resource for answer in answers for resource in _all(answer)]
    return Exported(document_of(target, live))


def _all(observation: Observation) -> Sequence[Resource]:
    return [*observation.live, *observation.others]


def document_of(target: Target, live: Sequence[Resource]) -> Mapping[str, Json]:
    """The spec document that declares these live resources, with the connection of `target`."""
    spec: dict[str, Json] = {"bytebase": _bytebase(target, live)}
    if target.spec.feishu is not None:
        spec["feishu"] = _feishu(target, live)
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Integration",
        "metadata": {"name": target.name},
        "spec": spec,
    }


def _connection(target: Target, *names: str) -> dict[str, Json]:
    written = target.spec.bytebase.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {name: written[name] for name in names if name in written}


def _bytebase(target: Target, live: Sequence[Resource]) -> Mapping[str, Json]:
    section = _connection(target, "url", "identity", "credentials", "reviewers", "tls", "poll")
    ims = [each for each in live if isinstance(each, Im)]
    if ims and ims[0].types:
        section["im"] = {"settings": [_im(target, type_) for type_ in ims[0].types]}
    environments: list[Json] = [
        {"name": each.environment, "rolloutPolicy": dict(each.fields())}
        for each in live
        if isinstance(each, RolloutPolicy)
    ]
    if environments:
        section["environments"] = environments
    projects: list[Json] = [_project(each, live) for each in live if isinstance(each, Project)]
    if projects:
        section["projects"] = projects
    for rules in (each for each in live if isinstance(each, ApprovalRules)):
        section["approvalRules"] = [
            {key: value for key, value in rule.plain().items() if not (key == "source" and not value) and value != ""}
            for rule in rules.rules
        ]
    roles: list[Json] = [{"id": each.id, **each.fields()} for each in live if isinstance(each, Role)]
    if roles:
        section["roles"] = roles
    return section


def _im(target: Target, type_: str) -> Json:
    """As declared where it is declared, from the app where the types fit, else with blanks."""
    im = target.spec.bytebase.im
    for setting in im.settings if im is not None else ():
        if setting.type == type_:
            entry: Json = setting.model_dump(mode="json", by_alias=True, exclude_unset=True)
            return entry
    feishu = target.spec.feishu
    own = "LARK" if feishu is not None and feishu.platform == "lark" else "FEISHU"
    if type_ == own and feishu is not None and feishu.app is not None:
        return {"type": type_, "from": "feishu"}
    return {"type": type_, **_SECRETS.get(type_, {})}


def _project(project: Project, live: Sequence[Resource]) -> Json:
    webhooks: list[Json] = [
        {"title": each.title, "type": each.type, **each.fields()}
        for each in live
        if isinstance(each, Webhook) and each.project == project.project
    ]
    entry: dict[str, Json] = {"name": project.project, **project.fields()}
    if webhooks:
        entry["webhooks"] = webhooks
    return entry


def _feishu(target: Target, live: Sequence[Resource]) -> Mapping[str, Json]:
    assert target.spec.feishu is not None  # noqa: S101 - the caller has looked
    written: dict[str, Any] = target.spec.feishu.model_dump(mode="json", by_alias=True, exclude_unset=True)
    section: dict[str, Json] = {
        name: written[name] for name in ("platform", "app", "events", "poll") if name in written
    }
    definitions: list[Json] = []
    for definition in written.get("definitions", ()):
        if definition.get("mode") == "adopted":
            definitions.append(definition)
            continue
        found = next((each for each in live if isinstance(each, Definition) and each.name == definition["name"]), None)
        if found is not None:
            definitions.append(_adopted(found))
    if definitions:
        section["definitions"] = definitions
    return section


def _adopted(found: Definition) -> Json:
    return {
        "name": found.spec_name,
        "mode": "adopted",
        "code": found.code,
        "decision": found.decision,
        "node": found.stamp,
        "form": {widget.id: widget.id for widget in found.form},
    }
