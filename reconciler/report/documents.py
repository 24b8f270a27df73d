"""The JSON documents of apply and drift, and the published schemas of all three; the plan's is in `reconciler.plan.document`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from reconciler.drift import Drift, DriftClass
from reconciler.plan.document import PlanDocument, TargetModel, target_plain
from reconciler.plan.outcome import Applied, Result
from reconciler.report.bootstrap_document import BootstrapDocument
from reconciler.report.doctor_document import DoctorDocument
from reconciler.resources.base import Json


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True)


class OutcomeModel(_Document):
    """What became of one change; `code` is the approval code of a definition that was created."""

    id: str
    kind: str
    name: str
    outcome: Result
    reason: str | None
    code: str | None


class AppliedDocument(_Document):
    """What became of each change of one target, and what is left for a person to do."""

    format_version: Literal["1"] = "1"
    target: TargetModel
    outcomes: list[OutcomeModel]
    messages: list[str]


class DriftSummaryModel(_Document):
    """How many items of each class."""

    pending: int
    drifted: int
    unmanaged: int
    unverifiable: int


class DriftItemModel(_Document):
    """One resource that is not simply in sync; who and when by the audit log, where there is one.

    `code` is the approval code of a definition that was applied once and is declared no more.
    """

    kind: str
    name: str
    drift_class: DriftClass = Field(alias="class")
    fields: list[str]
    who: str | None
    when: datetime | None
    note: str | None
    code: str | None


class DriftDocument(_Document):
    """The drift of one target."""

    format_version: Literal["1"] = "1"
    target: TargetModel
    summary: DriftSummaryModel
    items: list[DriftItemModel]


def applied_document(applied: Applied) -> Mapping[str, Json]:
    """The outcomes of one target as plain data."""
    document = AppliedDocument(
        target=TargetModel.model_validate(target_plain(applied.target)),
        outcomes=[
            OutcomeModel(
                id=each.id,
                kind=each.kind,
                name=each.name,
                outcome=each.result,
                reason=each.reason or None,
                code=each.code,
            )
            for each in applied.outcomes
        ],
        messages=list(applied.messages),
    )
    plain: Mapping[str, Json] = document.model_dump(mode="json", by_alias=True)
    return plain


def drift_document(drift: Drift) -> Mapping[str, Json]:
    """The drift of one target as plain data."""
    document = DriftDocument(
        target=TargetModel.model_validate(target_plain(drift.target)),
        summary=DriftSummaryModel.model_validate(drift.summary()),
        items=[
            DriftItemModel(
                kind=each.kind,
                name=each.name,
                drift_class=each.drift_class,
                fields=list(each.fields),
                who=each.who,
                when=each.when,
                note=each.note or None,
                code=each.code or None,
            )
            for each in drift.items
        ],
    )
    plain: Mapping[str, Json] = document.model_dump(mode="json", by_alias=True)
    return plain


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """The JSON Schemas of the documents, by file name."""
    documents: Mapping[str, type[BaseModel]] = {
        "plan.schema.json": PlanDocument,
        "apply.schema.json": AppliedDocument,
        "drift.schema.json": DriftDocument,
        "doctor.schema.json": DoctorDocument,
        "bootstrap.schema.json": BootstrapDocument,
    }
    return {name: _schema(name, model) for name, model in sorted(documents.items())}


def _schema(name: str, model: type[BaseModel]) -> Mapping[str, Any]:
    """One document, or several under `documents` where there are several targets."""
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    definitions = {**schema.pop("$defs", {}), "Document": schema}
    several = {
        "type": "object",
        "properties": {
            "formatVersion": {"const": "1"},
            "documents": {
                "type": "array",
                "items": {"anyOf": [{"$ref": "#/$defs/Document"}, {"$ref": "#/$defs/Failure"}]},
            },
        },
        "required": ["formatVersion", "documents"],
    }
    failure = {
        "type": "object",
        "description": "A target that could not be read: the others are not affected.",
        "properties": {"formatVersion": {"const": "1"}, "target": {"type": "object"}, "error": {"type": "object"}},
        "required": ["formatVersion", "target", "error"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        "anyOf": [{"$ref": "#/$defs/Document"}, {"$ref": "#/$defs/Several"}],
        "$defs": {**definitions, "Several": several, "Failure": failure},
    }
