"""What is said of rights is said of what they will be: a reviewer agrees to that, and not to what is there today."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.declarative_specs import target_of
from fakes.declarative_upstream import World

from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.plan.rights import rights_after
from reconciler.plan.select import Selection
from reconciler.resources.access import RUN, Access, Grant
from reconciler.resources.binding import Binding
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy

SYNC = "serviceAccount:gitops@service.bytebase.com"
SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.acme.example
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
    bindings: [{role: roles/projectReleaser, member: "user:mallory@x.example", project: demo}]
  feishu:
    app: {id: cli_a, secret: {env: S}}
    definitions: [{name: stage-gate}]
  gates:
    - {name: prod, at: stage, match: {projects: [demo], environments: [prod]}, decide: {definition: stage-gate}}
"""
BEFORE = Access(roles={"roles/projectReleaser": frozenset({RUN}), "roles/dba": frozenset({"a"})}, projects={"demo": []})


def test_a_declared_binding_counts_where_it_is_made() -> None:
    member = "user:m@x"
    after = rights_after(BEFORE, [Binding("roles/dba", member, "demo"), Binding("roles/projectReleaser", member)])
    assert after.roles_of(member) == {"roles/projectReleaser"}
    assert after.roles_of(member, "demo") == {"roles/projectReleaser", "roles/dba"}
    assert BEFORE.projects["demo"] == []


def test_a_project_that_was_not_read_stays_unread() -> None:
    after = rights_after(BEFORE, [Binding("roles/dba", "user:m@x", "ops")])
    assert set(after.projects) == {"demo"}


def test_a_declared_role_has_the_permissions_that_are_declared_or_those_it_had() -> None:
    after = rights_after(BEFORE, [Role("dba", title="DBA"), Role("new", permissions=(RUN,)), Role("none")])
    assert after.roles["roles/dba"] == {"a"}
    assert after.roles["roles/none"] == frozenset()
    assert after.roles_with(RUN) == {"roles/projectReleaser", "roles/new"}


@pytest.fixture
def world() -> World:
    world = World()
    world.upstream.put(RolloutPolicy("prod", False, ()), Project("demo"))
    world.upstream.access_value = replace(BEFORE, workspace=[Grant("roles/projectReleaser", (SYNC,))])
    return world


async def bypassing(world: World, selection: Selection) -> str:
    plan = (await make_plan(PlanRequest(target_of(SPEC), selection), world.readers())).plan
    return " ".join(each.message for each in plan.warnings if each.code == "canBypassGate")


async def test_a_plan_that_lets_somebody_past_a_gate_says_so_before_it_is_applied(world: World) -> None:
    assert "user:mallory@x.example" in await bypassing(world, Selection())
    assert await bypassing(world, Selection(exclude=("bytebase/binding",))) == ""


async def test_the_people_who_will_be_asked_are_looked_for(world: World) -> None:
    world.upstream.people = {"mallory@x.example": "ou_m"}
    plan = (await make_plan(PlanRequest(target_of(SPEC)), world.readers())).plan
    assert ("userResolves", "mallory@x.example") in {(each.code, each.name) for each in plan.findings}
