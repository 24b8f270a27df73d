"""The JSON document of doctor, and its published schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from reconciler.plan.document import TargetModel, target_plain
from reconciler.resources.base import Json
from reconciler.setup.check import Examination, Status


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True)


class CheckModel(_Document):
    """One line: `step` is the number in the set-up guide. Whatever is not ok has cause, fix and link."""

    id: str
    step: Annotated[int, Field(ge=1, le=8)] | None
    status: Status
    title: str
    cause: str | None
    fix: str | None
    link: str | None


class DoctorDocument(_Document):
    """What was checked of one target, in the order in which it is told."""

    format_version: Literal["1"] = "1"
    target: TargetModel
    checks: list[CheckModel]


def doctor_document(examination: Examination) -> Mapping[str, Json]:
    """The checks of one target as plain data."""
    document = DoctorDocument(
        target=TargetModel.model_validate(target_plain(examination.target)),
        checks=check_models(examination),
    )
    plain: Mapping[str, Json] = document.model_dump(mode="json", by_alias=True)
    return plain


def check_models(examination: Examination) -> list[CheckModel]:
    """The checks as they stand in every document."""
    return [
        CheckModel(
            id=each.id,
            step=each.step,
            status=each.status,
            title=each.title,
            cause=each.cause or None,
            fix=each.fix or None,
            link=each.link or None,
        )
        for each in examination.checks
    ]
