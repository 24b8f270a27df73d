"""What a click waits for is asked for in one go, and a remembered place to look never stands in for what is there."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from providers.bytebase.bytebase_areas import URL, no_sleep
from providers.bytebase.test_bytebase_subjects import POLICY, TODO, StillClock
from providers.bytebase.tiny_bytebase import SYNC, TinyBytebase

from reconciler.errors import NotFoundError, UnavailableError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret
from reconciler.subjects.change import CheckStatus


class Waves:
    """Answers nothing until everybody who can ask has asked; each wave is what was asked without an answer between."""

    def __init__(self, world: TinyBytebase) -> None:
        self._world = world
        self._waiting: list[asyncio.Event] = []
        self.waves: list[set[str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self._waiting:
            self.waves.append(set())
            asyncio.get_running_loop().call_later(0.02, self._answer)
        self.waves[-1].add(request.url.path.removeprefix("/v1/projects/demo/").removeprefix("/v1/"))
        asked = asyncio.Event()
        self._waiting.append(asked)
        await asked.wait()
        return self._world(request)

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.set()


@pytest.fixture
def world() -> TinyBytebase:
    return TinyBytebase()


@pytest.fixture
def waves(world: TinyBytebase) -> Waves:
    return Waves(world)


@pytest.fixture
def subjects(waves: Waves) -> BytebaseSubjects:
    settings = HttpSettings(transport=httpx.MockTransport(waves), retry=RetryPolicy(sleep=no_sleep))
    client = BytebaseClient(BytebaseConnection(URL, ServiceAccount(SYNC, Secret("k"))), http=settings)
    return BytebaseSubjects(client, StillClock())


def moved_to_another_issue(world: TinyBytebase, plan: str) -> None:
    other: dict[str, Any] = {**world.answers[f"GET /v1/{plan}"], "issue": "projects/demo/issues/9"}
    world.answer(f"GET /v1/{plan}", other)
    world.answer("GET /v1/projects/demo/issues/9", {"name": "projects/demo/issues/9", "status": "DONE", "title": "New"})


async def test_a_change_seen_before_is_read_in_one_go(
    world: TinyBytebase, waves: Waves, subjects: BytebaseSubjects
) -> None:
    plan = world.change("demo", 1, {"test": [TODO], "prod": [TODO]}, issue={})
    first = await subjects.observe(plan)
    subjects.distrust()
    waves.waves.clear()
    assert await subjects.observe(plan) == first
    assert waves.waves == [
        {
            "plans/1",
            "plans/1/rollout",
            "plans/1/rollout/stages/-/tasks/-/taskRuns",
            "issues/1",
            "environments/test/policies/rollout_policy",
            "environments/prod/policies/rollout_policy",
        }
    ]


async def test_rights_are_read_in_one_go_with_whatever_they_were_seen_to_need(
    world: TinyBytebase, waves: Waves, subjects: BytebaseSubjects
) -> None:
    world.bind("demo", "roles/projectOwner", "group:dba@x.example")
    members = [{"member": "users/bob@x.example"}]
    world.answer("GET /v1/groups", {"groups": [{"name": "groups/dba@x.example", "members": members}]})
    change = await subjects.observe(world.change("demo", 1, {"test": [TODO]}))
    await subjects.entitled(change, change.stages[0], POLICY)
    subjects.distrust()
    waves.waves.clear()
    found = await subjects.entitled(change, change.stages[0], POLICY)
    assert found.people == {"bob@x.example"}
    iam = {"/v1/projects/demo:getIamPolicy", "workspaces/w:getIamPolicy"}
    assert [{path.replace("projects/demo:", "/v1/projects/demo:") for path in wave} for wave in waves.waves] == [
        {*iam, "users", "roles", "groups"}
    ]


async def test_a_group_that_a_policy_names_since_is_read_too(world: TinyBytebase, subjects: BytebaseSubjects) -> None:
    change = await subjects.observe(world.change("demo", 1, {"test": [TODO]}))
    assert (await subjects.entitled(change, change.stages[0], POLICY)).people == frozenset()
    world.bind("demo", "roles/projectOwner", "group:dba@x.example")
    members = [{"member": "users/bob@x.example"}]
    world.answer("GET /v1/groups", {"groups": [{"name": "groups/dba@x.example", "members": members}]})
    subjects.distrust()
    assert (await subjects.entitled(change, change.stages[0], POLICY)).people == {"bob@x.example"}


async def test_another_issue_or_another_stage_than_remembered_is_read_after_it(
    world: TinyBytebase, subjects: BytebaseSubjects
) -> None:
    plan = world.change("demo", 1, {"test": [TODO]}, issue={"title": "Old"})
    await subjects.observe(plan)
    world.policy("prod", "roles/oncall", automatic=True)
    world.change("demo", 1, {"test": [TODO], "prod": [TODO]}, issue={"title": "Old"})
    moved_to_another_issue(world, plan)
    change = await subjects.observe(plan)
    assert change.issue is not None
    assert change.issue.title == "New"
    assert [(stage.title, stage.policy_roles, stage.automatic) for stage in change.stages] == [
        ("Test", (), False),
        ("Prod", ("roles/oncall",), True),
    ]


async def test_a_remembered_issue_that_is_gone_matters_only_while_the_plan_names_it(
    world: TinyBytebase, subjects: BytebaseSubjects
) -> None:
    plan = world.change("demo", 1, {"test": [TODO]}, issue={"title": "Old"})
    await subjects.observe(plan)
    world.answer("GET /v1/projects/demo/issues/1", None)
    with pytest.raises(UnavailableError):
        await subjects.observe(plan)
    moved_to_another_issue(world, plan)
    change = await subjects.observe(plan)
    assert change.issue is not None
    assert change.issue.title == "New"


async def test_a_plan_that_is_gone_is_gone_whatever_else_fails_with_it(
    world: TinyBytebase, subjects: BytebaseSubjects
) -> None:
    plan = world.change("demo", 1, {"test": [TODO]}, issue={})
    await subjects.observe(plan)
    for call in list(world.answers):
        if call.startswith("GET /v1/projects/demo/"):
            world.answer(call, httpx.Response(503))
    world.answer(f"GET /v1/{plan}", None)
    with pytest.raises(NotFoundError):
        await subjects.observe(plan)


async def test_checks_asked_for_while_there_was_no_rollout_are_not_taken_for_final(
    world: TinyBytebase, subjects: BytebaseSubjects
) -> None:
    """Without a rollout checks can be run again, also between our reading them and our reading the rollout."""
    plan = world.change("demo", 1, {"test": [TODO]})
    there = world.answers[f"GET /v1/{plan}/rollout"]
    world.answer(f"GET /v1/{plan}/rollout", None)
    world.answer(f"GET /v1/{plan}/planCheckRun", {"name": "c", "status": "DONE", "results": [{"status": "SUCCESS"}]})
    await subjects.observe(plan)
    world.answer(f"GET /v1/{plan}/rollout", there)
    answers = iter(["SUCCESS", "ERROR"])
    world.answer(
        f"GET /v1/{plan}/planCheckRun",
        lambda _: {"name": "c", "status": "DONE", "results": [{"status": next(answers)}]},
    )
    assert (await subjects.observe(plan)).checks.status is CheckStatus.ERROR
    assert (await subjects.observe(plan)).checks.status is CheckStatus.ERROR
