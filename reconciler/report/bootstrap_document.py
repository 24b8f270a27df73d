"""The JSON document of bootstrap: the steps, then doctor's checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from reconciler.plan.document import TargetModel, target_plain
from reconciler.plan.outcome import Result
from reconciler.report.doctor_document import CheckModel, check_models
from reconciler.resources.base import Json
from reconciler.setup.walkthrough import StepState, Walkthrough


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True)


class StepOutcomeModel(_Document):
    """What became of one change of a step."""

    id: str
    outcome: Result
    reason: str | None
    code: str | None


class StepModel(_Document):
    """One step: `steps` are its numbers in the set-up guide."""

    id: str
    steps: list[int]
    title: str
    state: StepState
    said: str | None
    fix: str | None
    link: str | None
    outcomes: list[StepOutcomeModel]


class BootstrapDocument(_Document):
    """What was done at each step, and what doctor says at the end."""

    format_version: Literal["1"] = "1"
    target: TargetModel
    steps: list[StepModel]
    checks: list[CheckModel]


def bootstrap_document(walk: Walkthrough) -> Mapping[str, Json]:
    """The walk through one target as plain data."""
    document = BootstrapDocument(
        target=TargetModel.model_validate(target_plain(walk.examination.target)),
        steps=[
            StepModel(
                id=step.id,
                steps=[int(number) for number in step.steps.split(",") if number],
                title=step.title,
                state=step.state,
                said=step.said or None,
                fix=step.fix or None,
                link=step.link or None,
                outcomes=[
                    StepOutcomeModel(id=each.id, outcome=each.result, reason=each.reason or None, code=each.code)
                    for each in step.outcomes
                ],
            )
            for step in walk.steps
        ],
        checks=check_models(walk.examination),
    )
    plain: Mapping[str, Json] = document.model_dump(mode="json", by_alias=True)
    return plain
