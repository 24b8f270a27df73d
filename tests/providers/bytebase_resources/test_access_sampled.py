"""Rights as they stand in Bytebase: how many projects are looked at, and that asking for rights alone looks at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.declarative_specs import SMALL, target_of
from fakes.declarative_upstream import World
from providers.bytebase_resources.written_workspace import WrittenWorkspace

from reconciler.operations.plan import PlanRequest, make_plan
from reconciler.plan.capability import MOST_UNNAMED
from reconciler.plan.change import Plan
from reconciler.plan.select import Selection
from reconciler.providers.bytebase_resources.access import BytebaseAccess
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.resources.access import RUN
from reconciler.resources.im import Im
from reconciler.resources.rollout_policy import RolloutPolicy

TEAMS = tuple(f"team-{number:02}" for number in range(1, 15))
GATED = (
    SMALL
    + """\
  gates:
    - {name: prod, at: stage, match: {projects: ["team-*", demo], environments: [prod]}, decide: {definition: d}, approvers: {roles: [roles/projectOwner]}}
  feishu:
    app: {id: cli_a, secret: {env: S}}
    definitions: [{name: d, code: null}]
"""
)


@pytest.fixture
async def teams(workspace: WrittenWorkspace) -> WrittenWorkspace:
    """Two seeded projects and fourteen teams."""
    for team in TEAMS:
        assert (await workspace.ask("POST", "projects", {"title": team}, projectId=team)).status_code == 200
    return workspace


def policies_read(workspace: WrittenWorkspace) -> list[str]:
    found = [path for path in workspace.reads if path.startswith("projects/") and path.endswith(":getIamPolicy")]
    return [path.removeprefix("projects/").removesuffix(":getIamPolicy") for path in found]


async def plan(workspace: WrittenWorkspace, *, only: tuple[str, ...] = ()) -> Plan:
    world = World()
    world.upstream.put(RolloutPolicy("prod", True, ()), RolloutPolicy("test", False, ()), Im(()))
    access = BytebaseAccess(workspace.client, SharedReads(workspace.client))
    request = PlanRequest(target_of(GATED), selection=Selection(only))
    return (await make_plan(request, replace(world.readers(), access=access))).plan


async def test_a_plan_of_everything_reads_the_named_projects_and_a_sample_of_the_others(
    teams: WrittenWorkspace,
) -> None:
    made = await plan(teams)
    assert set(policies_read(teams)) == {"demo", *TEAMS[:MOST_UNNAMED]}
    (sampled,) = [each for each in made.warnings if each.code == "rightsSampled"]
    assert f"{MOST_UNNAMED + 1} of the {len(TEAMS) + 1} projects" in sampled.message
    assert "--only capability" in sampled.next


async def test_a_plan_of_rights_alone_reads_every_project_and_says_nothing_of_a_sample(teams: WrittenWorkspace) -> None:
    made = await plan(teams, only=("capability",))
    assert set(policies_read(teams)) == {"demo", *TEAMS}
    assert [each.code for each in made.warnings if each.code == "rightsSampled"] == []
    assert "canBypassGate" in {each.code for each in made.warnings}
    assert made.changes == ()


async def test_no_project_is_read_twice_where_a_name_and_a_pattern_mean_it(teams: WrittenWorkspace) -> None:
    access = BytebaseAccess(teams.client, SharedReads(teams.client))
    found = await access.access(["team-01", "team-0*", "demo"], most=None)
    assert sorted(policies_read(teams)) == sorted({"demo", *TEAMS[:9]})
    assert sorted(found.projects) == sorted({"demo", *TEAMS[:9]})


@pytest.mark.parametrize(("most", "unread"), [(0, ("demo", "other")), (1, ("other",)), (2, ()), (None, ())])
async def test_what_was_left_out_is_named(
    workspace: WrittenWorkspace, most: int | None, unread: tuple[str, ...]
) -> None:
    access = BytebaseAccess(workspace.client, SharedReads(workspace.client))
    found = await access.access(["*"], most=most)
    assert found.unread == unread
    assert sorted(found.projects) == sorted({"demo", "other"} - set(unread))


async def test_names_alone_search_for_no_projects_and_an_unknown_one_is_left_out(workspace: WrittenWorkspace) -> None:
    access = BytebaseAccess(workspace.client, SharedReads(workspace.client))
    found = await access.access(["demo", "gone"], most=0)
    assert sorted(found.projects) == ["demo"]
    assert "projects:search" not in workspace.reads


async def test_roles_groups_and_conditions_are_read_as_they_stand(workspace: WrittenWorkspace) -> None:
    await workspace.ask(
        "POST",
        "groups",
        {"title": "DBA", "members": [{"member": "users/alice@example.com"}]},
        groupEmail="dba@example.com",
    )
    until = {"expression": 'request.time < timestamp("2031-01-01T00:00:00Z")'}
    bindings = [
        {"role": "roles/projectOwner", "members": ["user:alice@example.com"], "condition": {}},
        {"role": "roles/projectReleaser", "members": ["group:dba@example.com"], "condition": until},
    ]
    await workspace.ask("POST", "projects/demo:setIamPolicy", {"policy": {"bindings": bindings}})
    found = await BytebaseAccess(workspace.client, SharedReads(workspace.client)).access(["demo"], most=None)
    assert found.groups == {"dba@example.com": ("alice@example.com",)}
    assert [(each.role, each.conditional) for each in found.projects["demo"]] == [
        ("roles/projectOwner", False),
        ("roles/projectReleaser", True),
    ]
    assert RUN in found.roles["roles/projectReleaser"]
    assert found.roles["roles/oa"] == {"bb.issues.get"}
    assert "serviceAccount:gitops@service.bytebase.com" in found.holders(frozenset({"roles/workspaceAdmin"}))
