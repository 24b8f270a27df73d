"""What a plan says besides its changes, and with which place in the spec."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import Action, BytebaseTarget, Change, Plan, Target
from reconciler.plan.compare import moved
from reconciler.plan.document import digest, encode
from reconciler.plan.select import Selection
from reconciler.resources.base import Origin, Resource
from reconciler.resources.finding import Finding
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.webhook import Webhook

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
ORIGIN = Origin("specs/a.yaml", 7)


def plan_of(desired: Resource, *live: Resource, rewrite: Selection | None = None, **facts: object) -> Plan:
    seen = Live({each.key: each for each in live}, **facts)  # type: ignore[arg-type]
    return build_plan(target=TARGET, declared=[Declared(desired, ORIGIN)], live=seen, wishes=Wishes(rewrite=rewrite))


def codes(plan: Plan) -> list[str]:
    return [each.code for each in plan.warnings]


def test_credentials_of_which_nothing_is_recorded_are_warned_of_where_they_are_not_sent() -> None:
    desired = Im((ImSetting("SLACK", "version 1"), ImSetting("TEAMS", "version 1")))
    known_in_part = Im((ImSetting("SLACK", "version 1"), ImSetting("TEAMS")))
    plan = plan_of(desired, known_in_part)
    assert codes(plan) == ["noRecord"]
    assert "credentials.TEAMS" in plan.warnings[0].message
    assert "SLACK" not in plan.warnings[0].message
    assert "--rewrite bytebase/im/workspace" in plan.warnings[0].next
    assert plan.warnings[0].origin == ORIGIN


def test_what_the_plan_sends_anyway_needs_no_such_warning() -> None:
    desired = Im((ImSetting("SLACK", "version 1"),))
    assert codes(plan_of(desired, Im(()))) == []
    assert codes(plan_of(desired, Im((ImSetting("SLACK"),)), rewrite=Selection(("bytebase/im",)))) == []
    hook = Webhook("demo", "x", "SLACK", direct_message=True, url_token="version 1")
    assert codes(plan_of(hook, Webhook("demo", "x", "SLACK", direct_message=False))) == []
    assert codes(plan_of(hook, Webhook("demo", "x", "SLACK", direct_message=True))) == ["noRecord"]


def test_what_a_reader_says_gets_the_line_of_the_spec_that_it_speaks_of() -> None:
    said = Finding("noSuchProject", "bytebase/project", "demo", "there is none")
    plan = plan_of(Project("demo", True), refusals=[said], warnings=[replace(said, name="other")])
    assert plan.refusals[0].origin == ORIGIN
    assert plan.warnings[0].origin is None


CHANGE = Change("bytebase/project", "demo", Action.UPDATE, origin=ORIGIN, observed="f" * 64)
PLAN = Plan(TARGET, (CHANGE, replace(CHANGE, name="ops", origin=Origin("specs/a.yaml", 9))))


def test_a_spec_whose_lines_moved_is_the_same_plan() -> None:
    """A comment added above, or a file renamed, changes nothing that was agreed to."""
    elsewhere = tuple(
        replace(each, origin=place) for each, place in zip(PLAN.changes, [Origin("b.yaml", 1), None], strict=True)
    )
    later = replace(PLAN, changes=elsewhere)
    assert moved(shown=PLAN, now=later) == ()
    assert digest(later) == digest(PLAN)
    assert encode(later)["changes"] != encode(PLAN)["changes"]


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        ({"observed": "0" * 64}, "the live resource moved"),
        ({"action": Action.KEEP}, "it is now keep, the plan said update"),
        ({"erases": ("SLACK",)}, "it would erase SLACK"),
        ({"irreversible": True}, "what can be undone or verified of it differs"),
        ({"origin": Origin("b.yaml", 1), "erases": ("SLACK",)}, "it would erase SLACK"),
        ({"unverifiable": ("url",)}, "what can be undone or verified of it differs"),
    ],
)
def test_what_moved_is_named(now: dict[str, object], sentence: str) -> None:
    other = replace(PLAN, changes=(replace(CHANGE, **now), PLAN.changes[1]))  # type: ignore[arg-type]
    assert moved(shown=PLAN, now=other) == (f"bytebase/project/demo: {sentence}",)
