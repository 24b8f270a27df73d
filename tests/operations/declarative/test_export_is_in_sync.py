"""What is exported plans to nothing, whatever is live."""

from __future__ import annotations

from fakes import declarative_resources as generated
from fakes.declarative_specs import FULL, target_of
from fakes.declarative_upstream import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.operations.apply import ApplyRequest, apply
from reconciler.operations.export import Exported, export
from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.report.spec_text import spec_text
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Resource
from reconciler.resources.im import Im
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook

IDS = st.text("abcdefgh", min_size=1, max_size=8)
TEXTS = (
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)
WORDS = TEXTS | st.sampled_from(["no", "010", "0o17", "null", "1e3", "@x", "- a", "a: b", "#x", "'", "~", "2026-11-22"])
policies = st.builds(RolloutPolicy, IDS, st.booleans(), generated.tuples_of(IDS.map("roles/{}".format)))
projects = st.builds(Project, IDS, st.booleans(), st.booleans())
roles = st.builds(Role, IDS, WORDS, WORDS, generated.tuples_of(IDS.map("bb.{}".format)))
rules = st.builds(
    ApprovalRule,
    st.sampled_from(["", "CHANGE_DATABASE"]),
    WORDS,
    WORDS,
    WORDS,
    generated.tuples_of(IDS.map("roles/{}".format), smallest=1),
)


def exported_text(exported: Exported) -> str:
    return spec_text(exported.document, exported.notes, exported.left_out)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(policies, unique_by=lambda each: each.key, max_size=3),
    st.lists(projects, unique_by=lambda each: each.key, max_size=3),
    st.lists(roles, unique_by=lambda each: each.key, max_size=3),
    st.lists(rules, min_size=1, max_size=3),
    st.lists(WORDS, unique=True, max_size=3),
)
def test_an_exported_world_plans_to_nothing(
    environments: list[RolloutPolicy],
    all_projects: list[Project],
    all_roles: list[Role],
    all_rules: list[ApprovalRule],
    titles: list[str],
) -> None:
    import asyncio

    hooks: list[Resource] = [
        Webhook(project.project, title, "SLACK", direct_message=True, events=("ISSUE_CREATED",))
        for project in all_projects
        for title in titles
    ]
    world = World()
    world.upstream.put(*environments, *all_projects, *all_roles, *hooks, ApprovalRules(tuple(all_rules)), Im(()))
    world.upstream.put(App("cli_a1b2", bot=True, published=True))

    async def story() -> None:
        text = exported_text(await export(target_of(FULL), world.readers()))
        plan = (await make_plan(PlanRequest(target_of(text)), world.readers())).plan
        assert plan.pending == (), text
        assert plan.refusals == ()
        assert {change.name for change in plan.changes if change.kind == "bytebase/project"} == {
            each.project for each in all_projects
        }

    asyncio.run(story())


async def test_an_applied_world_is_exported_with_its_definitions_adopted() -> None:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), Project("demo", False, False), Im(()), ApprovalRules(()))
    world.upstream.put(App("cli_a1b2", bot=True, published=True))
    request = ApplyRequest(PlanRequest(target_of(FULL)), create_definitions=frozenset({"stage-gate"}))
    assert (await apply(request, world.ports())).exit_code == 0
    text = exported_text(await export(target_of(FULL), world.readers()))
    assert "mode: adopted" in text
    assert "env: SLACK_TOKEN" in text
    assert "canary" not in text
    plan = (await make_plan(PlanRequest(target_of(text)), world.readers())).plan
    assert plan.pending == ()
    assert plan.refusals == ()
