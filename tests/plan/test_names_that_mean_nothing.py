"""A name on the command line that means nothing is said, for it would pass for "nothing to do"."""

from __future__ import annotations

import pytest

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import BytebaseTarget, Target
from reconciler.plan.select import Selection
from reconciler.resources.base import Origin
from reconciler.resources.project import Project

DECLARED = [Declared(Project("demo", require_issue_approval=True), Origin("specs/a.yaml", 7))]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (Wishes(Selection(only=("bytebase/project/dmeo",))), ["--only bytebase/project/dmeo"]),
        (Wishes(Selection(only=("bytebase/project/demo",))), []),
        (Wishes(Selection(exclude=("bytebase/project/dmeo",))), []),
        (Wishes(rewrite=Selection(("feishu/definition/gate",))), ["--rewrite feishu/definition/gate"]),
        (Wishes(Selection(only=("bytebase/role", "users/a@x", "capability"))), []),
        (Wishes(rewrite=Selection(("bytebase/im",))), []),
    ],
)
def test_a_name_that_nothing_has_is_warned_of(wishes: Wishes, said: list[str]) -> None:
    target = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
    plan = build_plan(target=target, declared=DECLARED, live=Live(), wishes=wishes)
    assert [each.message.removesuffix(" means nothing that the spec declares") for each in plan.warnings] == said
