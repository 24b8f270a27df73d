"""The plan document: JSON of format version "1". Equal plans give equal bytes, and a document loads back to an equal plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.diff import FieldChange
from reconciler.errors import RefusedError, SpecError
from reconciler.ids import canonical_json, sha256
from reconciler.plan.change import Action, BytebaseTarget, Change, FeishuTarget, Plan, SpecFile, Target
from reconciler.plan.failed import FailedTarget
from reconciler.resources.base import Json, Mark, Origin
from reconciler.resources.finding import Finding

FORMAT_VERSION = "1"

_Document = TypeVar("_Document", bound=BaseModel)


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class OriginModel(_Model):
    """Where the spec declares it."""

    file: str
    line: int


class FieldModel(_Model):
    """One field that differs. `after` of a write-only field is the public token of its declared version."""

    path: str
    before: JsonValue
    after: JsonValue
    mark: Mark


class ChangeModel(_Model):
    """One declared resource and what is done to it; `id` is `<kind>/<name>`."""

    id: str
    kind: str
    name: str
    action: Action
    fields: list[FieldModel]
    origin: OriginModel | None
    irreversible: bool
    erases: list[str]
    observed: str | None
    unverifiable: list[str]


class FindingModel(_Model):
    """Something worth knowing, with a code for programs and the next step for people."""

    code: str
    kind: str
    name: str
    message: str
    next: str
    origin: OriginModel | None


class BytebaseModel(_Model):
    """The Bytebase that the plan is for."""

    url: str
    identity: str
    workspace: str


class FeishuModel(_Model):
    """The Feishu app that the plan is for."""

    platform: str
    app_id: str


class TargetModel(_Model):
    """What the plan is for; `feishu` is null where the spec declares no app."""

    name: str
    bytebase: BytebaseModel
    feishu: FeishuModel | None


class SpecFileModel(_Model):
    """A spec file that was read."""

    file: str
    sha256: str


class SummaryModel(_Model):
    """How many changes of each action, and how many resources hold something that cannot be verified."""

    create: int
    update: int
    delete: int
    replace: int
    keep: int
    unverifiable: int


class FailedTargetModel(_Model):
    """Which target a failure is of."""

    name: str


class ErrorModel(_Model):
    """Why there is no plan; `next` is the step that helps, where one is known."""

    kind: str
    message: str
    next: str | None = None


class FailureDocument(_Model):
    """What stands in place of a target's plan that could not be made."""

    format_version: Literal["1"]
    target: FailedTargetModel
    error: ErrorModel


class PlanDocument(_Model):
    """The plan of one target. `digest` is the SHA-256 of target and changes, the places of the spec left out."""

    format_version: Literal["1"]
    tool_version: str
    commit: str | None
    specs: list[SpecFileModel]
    target: TargetModel
    partial: bool
    summary: SummaryModel
    changes: list[ChangeModel]
    findings: list[FindingModel]
    warnings: list[FindingModel]
    refusals: list[FindingModel]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


def digest(plan: Plan) -> str:
    """SHA-256 of the changes and the target: what a reviewer agrees to, wherever in the spec it is written."""
    changes = [_change(replace(each, origin=None)) for each in plan.changes]
    return sha256(canonical_json({"changes": changes, "target": _target(plan.target)}))


def encode(plan: Plan) -> Mapping[str, Json]:
    """The document as plain data."""
    return {
        "formatVersion": FORMAT_VERSION,
        "toolVersion": plan.tool_version,
        "commit": plan.commit,
        "specs": [{"file": spec.file, "sha256": spec.sha256} for spec in plan.specs],
        "target": _target(plan.target),
        "partial": plan.partial,
        "summary": plan.summary(),
        "changes": [_change(each) for each in plan.changes],
        "findings": [_finding(each) for each in plan.findings],
        "warnings": [_finding(each) for each in plan.warnings],
        "refusals": [_finding(each) for each in plan.refusals],
        "digest": digest(plan),
    }


def decode(text: str, *, file: str) -> tuple[Plan | FailedTarget, ...]:
    """The plans in a document (several targets: `{formatVersion, documents}`), and the targets of which none was made.

    SpecError where it is no plan document, RefusedError for an unknown format version or a digest that does not fit.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, "it is not JSON, or was cut off") from error
    if not isinstance(value, dict):
        raise _unreadable(file, "it is not a JSON object")
    version = value.get("formatVersion")
    if version is None and "error" in value:
        raise _unreadable(file, "it holds the error of a plan that was not made")
    if version != FORMAT_VERSION:
        raise RefusedError(
            "this plan file has a format that this version does not know",
            where=file,
            why=f"formatVersion is {str(version)[:40]!r}, expected {FORMAT_VERSION!r}",
            next_step="plan again with this version of reconciler",
        )
    documents = value["documents"] if isinstance(value.get("documents"), list) else [value]
    if not documents:
        raise _unreadable(file, "it holds no plan")
    return tuple(_entry(document, file) for document in documents)


def _entry(document: Any, file: str) -> Plan | FailedTarget:
    if isinstance(document, dict) and "error" in document:
        failure = _parsed(FailureDocument, document, file)
        error = failure.error
        return FailedTarget(failure.target.name, error.kind, error.message, next=error.next or "")
    return _plan(_parsed(PlanDocument, document, file), file)


def _refuse_constant(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _parsed(model: type[_Document], document: Any, file: str) -> _Document:
    try:
        return model.model_validate(document)
    except (ValidationError, RecursionError) as error:
        detail = ""
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            detail = f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
        raise _unreadable(file, detail or "it is nested too deeply") from None


def _unreadable(file: str, why: str) -> SpecError:
    return SpecError(
        "this is not a plan document", where=file, why=why, next_step="write it again with: reconciler plan --out FILE"
    )


def _plan(document: PlanDocument, file: str) -> Plan:
    plan = Plan(
        target=Target(
            document.target.name,
            BytebaseTarget(
                document.target.bytebase.url, document.target.bytebase.identity, document.target.bytebase.workspace
            ),
            FeishuTarget(document.target.feishu.platform, document.target.feishu.app_id)
            if document.target.feishu
            else None,
        ),
        changes=tuple(_change_of(each) for each in document.changes),
        findings=tuple(_finding_of(each) for each in document.findings),
        warnings=tuple(_finding_of(each) for each in document.warnings),
        refusals=tuple(_finding_of(each) for each in document.refusals),
        specs=tuple(SpecFile(spec.file, spec.sha256) for spec in document.specs),
        tool_version=document.tool_version,
        commit=document.commit,
        partial=document.partial,
    )
    if digest(plan) != document.digest:
        raise RefusedError(
            "this plan file was changed after it was written",
            where=file,
            why="its digest does not fit its changes",
            next_step="plan again",
        )
    return plan


def _target(target: Target) -> Mapping[str, Json]:
    bytebase, feishu = target.bytebase, target.feishu
    return {
        "name": target.name,
        "bytebase": {"url": bytebase.url, "identity": bytebase.identity, "workspace": bytebase.workspace},
        "feishu": None if feishu is None else {"platform": feishu.platform, "appId": feishu.app_id},
    }


def target_plain(target: Target) -> Mapping[str, Json]:
    """A target as it stands in every JSON document."""
    return _target(target)


def _origin(origin: Origin | None) -> Json:
    return None if origin is None else {"file": origin.file, "line": origin.line}


def _change(change: Change) -> Mapping[str, Json]:
    return {
        "id": change.id,
        "kind": change.kind,
        "name": change.name,
        "action": change.action.value,
        "fields": [
            {"path": row.path, "before": row.before, "after": row.after, "mark": row.mark.value}
            for row in change.fields
        ],
        "origin": _origin(change.origin),
        "irreversible": change.irreversible,
        "erases": list(change.erases),
        "observed": change.observed,
        "unverifiable": list(change.unverifiable),
    }


def _finding(finding: Finding) -> Mapping[str, Json]:
    return {
        "code": finding.code,
        "kind": finding.kind,
        "name": finding.name,
        "message": finding.message,
        "next": finding.next,
        "origin": _origin(finding.origin),
    }


def _change_of(model: ChangeModel) -> Change:
    return Change(
        kind=model.kind,
        name=model.name,
        action=model.action,
        fields=tuple(FieldChange(row.path, row.before, row.after, row.mark) for row in model.fields),
        origin=_origin_of(model.origin),
        irreversible=model.irreversible,
        erases=tuple(model.erases),
        observed=model.observed,
        unverifiable=tuple(model.unverifiable),
    )


def _finding_of(model: FindingModel) -> Finding:
    return Finding(model.code, model.kind, model.name, model.message, model.next, _origin_of(model.origin))


def _origin_of(model: OriginModel | None) -> Origin | None:
    return None if model is None else Origin(model.file, model.line)
