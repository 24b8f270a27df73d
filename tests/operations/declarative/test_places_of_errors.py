"""What an upstream says of a declared resource is told with the place that declares it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from fakes.declarative_specs import FULL, target_of
from fakes.declarative_upstream import World

from reconciler.errors import FilePosition, NotFoundError
from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.ports.declarative import Observation
from reconciler.resources.base import Resource


@dataclass
class Unknown:
    """Knows no definition."""

    where: str | None

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        raise NotFoundError("Feishu has no definition of the code X", where=self.where, next_step="correct its `code:`")


async def refusal(where: str | None, text: str) -> NotFoundError:
    world = World()
    readers = world.readers()
    kinds = {**readers.resources, "feishu/definition": Unknown(where)}
    with pytest.raises(NotFoundError) as caught:
        await make_plan(PlanRequest(target_of(text)), replace(readers, resources=kinds))
    return caught.value


async def test_a_code_that_feishu_does_not_know_is_an_error_at_its_line() -> None:
    text = FULL.replace("code: null", "code: X")
    error = await refusal("feishu/definition/stage-gate", text)
    line = text[: text.index("code: X")].count("\n") + 1
    assert error.where == FilePosition("specs/acme.yaml", line, 9)
    assert error.what.startswith("feishu/definition/stage-gate: Feishu has no definition")
    assert error.next_step == "correct its `code:`"


async def test_a_code_from_the_record_is_placed_at_its_definition() -> None:
    text = FULL.replace("        code: null\n", "")
    error = await refusal("feishu/definition/stage-gate", text)
    line = text[: text.index("- name: stage-gate")].count("\n") + 1
    assert isinstance(error.where, FilePosition)
    assert error.where.line == line


async def test_what_is_not_about_a_declared_resource_stays_as_it_is() -> None:
    assert (await refusal("feishu/definition/other", FULL)).where == "feishu/definition/other"
    assert (await refusal(None, FULL)).where is None
