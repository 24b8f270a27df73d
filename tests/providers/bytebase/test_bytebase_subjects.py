"""The gate loop's view of Bytebase: what a cycle costs, what a read means, and that nothing is written twice."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from providers.bytebase.bytebase_areas import URL, no_sleep
from providers.bytebase.tiny_bytebase import SYNC, WHEN, TinyBytebase

from reconciler.errors import ForbiddenError, NotFoundError, UnavailableError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase.directory import Ages, RightsReader
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret
from reconciler.subjects.change import Change, CheckStatus, ReviewStatus, ReviewStep, TaskStatus
from reconciler.subjects.gate import ApproverSource

TODO = {"id": "1", "status": "NOT_STARTED"}
DONE = {"id": "1", "status": "DONE"}
POLICY = ApproverSource("rolloutPolicy")


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 25, 12, tzinfo=UTC)

    def skew(self) -> float:
        return 0.0


@pytest.fixture
def world() -> TinyBytebase:
    return TinyBytebase()


@pytest.fixture
def subjects(world: TinyBytebase) -> BytebaseSubjects:
    settings = HttpSettings(transport=httpx.MockTransport(world), retry=RetryPolicy(sleep=no_sleep))
    client = BytebaseClient(BytebaseConnection(URL, ServiceAccount(SYNC, Secret("k"))), http=settings)
    return BytebaseSubjects(client, StillClock(), rights=RightsReader(client, ages=Ages(rights=0.0)))


def run(plan: str, environment: str, number: int, status: str = "DONE") -> dict[str, Any]:
    name = f"{plan}/rollout/stages/{environment}/tasks/1/taskRuns/{number}"
    return {"name": name, "status": status, "creator": f"users/{SYNC}"}


class TestDiscovery:
    async def test_each_change_is_sighted_with_its_frontier(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        waiting = world.change("demo", 1, {"test": [DONE], "prod": [TODO]})
        over = world.change("demo", 2, {"test": [DONE]})
        elsewhere = world.change("shop", 1, {"test": [TODO]})
        seen = await subjects.discover(full=False)
        assert [(s.plan, s.subject, s.project) for s in seen] == [
            (waiting, f"{waiting}/rollout/stages/prod", "projects/demo"),
            (over, None, "projects/demo"),
            (elsewhere, f"{elsewhere}/rollout/stages/test", "projects/shop"),
        ]

    async def test_a_quiet_cycle_shows_the_same_signals(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        world.change("demo", 1, {"test": [TODO]})
        assert await subjects.discover(full=True) == await subjects.discover(full=False)

    async def test_a_step_of_a_task_changes_the_signal_of_its_change_only(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        moving = world.change("demo", 1, {"test": [TODO]})
        world.change("demo", 2, {"test": [TODO]})
        before = {s.plan: s.signal for s in await subjects.discover(full=False)}
        world.change("demo", 1, {"test": [{"id": "1", "status": "RUNNING"}]})
        after = {s.plan: s.signal for s in await subjects.discover(full=False)}
        assert [plan for plan in before if before[plan] != after[plan]] == [moving]

    async def test_a_right_that_matters_changes_the_signal_and_another_does_not(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.change("demo", 1, {"test": [TODO]})
        world.policy("test", "roles/oncall")
        world.bind("demo", "roles/oncall", "user:alice@x.example")
        signals = [(await subjects.discover(full=False))[0].signal]
        world.bind("demo", "roles/oncall", "user:bob@x.example")
        signals.append((await subjects.discover(full=False))[0].signal)
        members = [{"role": "roles/workspaceMember", "members": ["user:new@x.example"], "condition": {}}]
        world.answer("GET /v1/workspaces/w:getIamPolicy", {"bindings": members, "etag": "2"})
        signals.append((await subjects.discover(full=False))[0].signal)
        assert signals[0] != signals[1] == signals[2]

    async def test_a_change_of_the_rollout_policy_or_of_a_group_changes_the_signal(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.change("demo", 1, {"test": [TODO]})
        world.bind("demo", "roles/projectOwner", "group:dba@x.example")
        world.answer(
            "GET /v1/groups",
            {"groups": [{"name": "groups/dba@x.example", "members": [{"member": "users/bob@x.example"}]}]},
        )
        await subjects.discover(full=False)
        signals = [(await subjects.discover(full=False))[0].signal]
        world.answer("GET /v1/groups", {"groups": [{"name": "groups/dba@x.example", "members": []}]})
        signals.append((await subjects.discover(full=False))[0].signal)
        world.policy("test", automatic=True)
        signals.append((await subjects.discover(full=False))[0].signal)
        assert len(set(signals)) == 3

    async def test_a_hidden_change_is_found_by_a_full_look_and_a_listed_one_is_not_doubled(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        hidden = world.change("demo", 1, {"test": [TODO]}, listed=False)
        listed = world.change("demo", 2, {"test": [TODO]})
        assert [s.plan for s in await subjects.discover(full=False)] == [listed]
        assert [s.plan for s in await subjects.discover(full=True)] == [hidden, listed]

    async def test_an_account_that_may_not_list_rollouts_still_sees_what_is_listed(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        listed = world.change("demo", 1, {"test": [TODO]})
        world.answer("GET /v1/projects/demo/rollouts", httpx.Response(403, json={"code": 7, "message": "no"}))
        assert [s.plan for s in await subjects.discover(full=True)] == [listed]

    async def test_a_closed_plan_stays_in_sight_so_that_its_closing_is_noticed(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.change("demo", 1, {"test": [TODO]})
        before = (await subjects.discover(full=False))[0].signal
        world.change("demo", 1, {"test": [TODO]}, state="DELETED")
        assert (await subjects.discover(full=False))[0].signal != before

    async def test_a_server_without_summaries_is_read_by_its_rollouts(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.answer("GET /v1/actuator/info", {"version": "3.15.0"})
        world.answer("GET /v1/workspaces/-:getIamPolicy", {"bindings": []})
        plan = world.change("demo", 1, {"test": [TODO]})
        assert [s.subject for s in await subjects.discover(full=False)] == [f"{plan}/rollout/stages/test"]
        assert "GET /v1/projects/demo/plans" not in world.asked

    async def test_a_failed_list_fails_the_look_and_never_reads_as_nothing_there(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.change("demo", 1, {"test": [TODO]})
        world.answer("GET /v1/projects/demo/plans", httpx.Response(503))
        with pytest.raises(UnavailableError):
            await subjects.discover(full=False)

    async def test_rights_that_cannot_be_read_do_not_fail_the_look(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.change("demo", 1, {"test": [TODO]})
        world.answer("GET /v1/projects/demo:getIamPolicy", httpx.Response(403, json={"code": 7, "message": "no"}))
        assert len(await subjects.discover(full=False)) == 1

    @pytest.mark.parametrize(("projects", "waiting"), [(1, 1), (1, 200), (12, 5), (30, 40)])
    async def test_a_quiet_cycle_costs_one_page_per_project_and_at_most_twenty_more(
        self, world: TinyBytebase, subjects: BytebaseSubjects, projects: int, waiting: int
    ) -> None:
        for p in range(projects):
            for n in range(waiting):
                world.change(f"p{p}", n + 1, {"test": [DONE], "prod": [TODO]})
        await subjects.discover(full=True)
        mark = len(world.asked)
        await subjects.discover(full=False)
        # The search for projects is a page too; ten of the twenty are left for comments.
        assert len(world.asked_since(mark)) <= projects + 1 + 10

    async def test_more_projects_than_one_look_renews_are_gone_round(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        for p in range(15):
            world.change(f"p{p}", 1, {"test": [TODO]})
        for _ in range(4):
            await subjects.discover(full=False)
        assert len({call for call in world.asked if call.endswith(":getIamPolicy")}) == 15 + 1


class TestObservation:
    async def test_a_change_is_read_whole(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        world.policy("prod", "roles/oncall")
        world.change(
            "demo",
            7,
            {"test": [DONE], "prod": [{**TODO, "databaseUpdate": {"sheet": "projects/demo/sheets/a"}}]},
            runs=[run("projects/demo/plans/7", "test", 1, "FAILED"), run("projects/demo/plans/7", "test", 2)],
            issue={"title": "Add a column", "creator": "users/Alice@x.example", "labels": ["b", "a"]},
        )
        change = await subjects.observe("projects/demo/plans/7")
        assert (change.display_title, change.number) == ("Add a column", "#7")
        assert change.requesters == {"bob@x.example", "alice@x.example"}
        assert (change.project_title, change.is_active, change.by_pipeline) == ("Demo", True, False)
        assert change.link == "https://bb.example/projects/demo/issues/7"
        assert [(s.title, s.policy_roles) for s in change.stages] == [("Test", ()), ("Prod", ("roles/oncall",))]
        assert change.stages[0].tasks[0].newest_run is not None
        assert change.stages[0].tasks[0].newest_run.name.endswith("/2")
        assert change.stages[0].tasks[0].newest_run.creator == SYNC
        assert change.issue is not None
        assert (change.issue.review, change.issue.labels) == (ReviewStatus.SKIPPED, ("a", "b"))
        assert change.checks.status is CheckStatus.NONE

    async def test_only_the_plan_s_own_404_says_that_it_is_gone(self, subjects: BytebaseSubjects) -> None:
        with pytest.raises(NotFoundError):
            await subjects.observe("projects/demo/plans/9")

    @pytest.mark.parametrize("missing", ["issues/1", "plans/1/rollout/stages/-/tasks/-/taskRuns", ""])
    async def test_anything_else_missing_is_a_failed_read(
        self, world: TinyBytebase, subjects: BytebaseSubjects, missing: str
    ) -> None:
        plan = world.change("demo", 1, {"test": [TODO]}, issue={})
        world.answer(f"GET /v1/projects/demo/{missing}".rstrip("/"), None)
        with pytest.raises(UnavailableError):
            await subjects.observe(plan)

    async def test_a_404_from_a_proxy_or_an_unknown_route_is_not_gone_either(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        for answer in (
            httpx.Response(404, html="<html>"),
            httpx.Response(404, json={"code": 2, "message": "not_found: gateway routing error 404"}),
            httpx.Response(401, json={"code": 16, "message": "authenticated user not found"}),
            httpx.Response(403, json={"code": 7, "message": "no"}),
        ):
            world.answer("GET /v1/projects/demo/plans/1", answer)
            with pytest.raises(Exception) as caught:
                await subjects.observe("projects/demo/plans/1")
            assert not isinstance(caught.value, NotFoundError)

    async def test_status_and_run_of_different_moments_are_read_again(
        self, world: TinyBytebase, subjects: BytebaseSubjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reconciler.providers.bytebase.observing.LOOK_PAUSE", 0.0)
        plan = world.change("demo", 1, {"test": [TODO]}, runs=[run("projects/demo/plans/1", "test", 1, "RUNNING")])
        later = {
            "name": f"{plan}/rollout",
            "stages": [
                {
                    "name": f"{plan}/rollout/stages/test",
                    "environment": "environments/test",
                    "tasks": [{"name": f"{plan}/rollout/stages/test/tasks/1", "status": "RUNNING"}],
                }
            ],
        }
        first = world.answers[f"GET /v1/{plan}/rollout"]
        answers = iter([first, later])
        world.answer(f"GET /v1/{plan}/rollout", lambda _: next(answers))
        change = await subjects.observe(plan)
        assert change.stages[0].tasks[0].status is TaskStatus.RUNNING

    async def test_a_rollout_that_never_stands_still_is_a_failed_read(
        self, world: TinyBytebase, subjects: BytebaseSubjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reconciler.providers.bytebase.observing.LOOK_PAUSE", 0.0)
        plan = world.change("demo", 1, {"test": [TODO]}, runs=[run("projects/demo/plans/1", "test", 1, "DONE")])
        with pytest.raises(UnavailableError, match="keeps changing"):
            await subjects.observe(plan)

    async def test_a_task_in_a_status_not_heard_of_is_unknown_and_the_change_still_read(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        plan = world.change("demo", 1, {"test": [{"id": "1", "status": "PONDERING"}]})
        change = await subjects.observe(plan)
        assert change.stages[0].tasks[0].status is TaskStatus.UNKNOWN
        assert change.frontier is change.stages[0]

    async def test_a_plan_without_issue_or_rollout_is_read(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        plan = world.change("demo", 5, {}, creator="users/ci@service.bytebase.com")
        world.answer(f"GET /v1/{plan}/rollout", None)
        change = await subjects.observe(plan)
        assert (change.issue, change.stages, change.number) == (None, (), "plan 5")
        assert change.by_pipeline
        assert change.link == f"https://bb.example/{plan}/rollout"

    async def test_a_release_s_files_come_with_their_digests(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        release = "projects/demo/releases/r1"
        files = [{"path": "1.sql", "version": "1", "sheetSha256": "ab", "sheet": world.sheet("demo", "SELECT 1")}]
        world.answer(f"GET /v1/{release}", {"name": release, "files": files})
        plan = world.change("demo", 1, {"test": [{**TODO, "databaseUpdate": {"release": release}}]})
        change = await subjects.observe(plan)
        assert change.stages[0].tasks[0].release_files == (("1.sql", "1", "ab"),)
        assert [s.text for s in await subjects.statements(change, change.stages[0])] == ["SELECT 1"]

    async def test_databases_without_an_environment_have_the_default_policy(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        plan = world.change("demo", 1, {"-": [TODO]})
        stage = (await subjects.observe(plan)).stages[0]
        assert (stage.automatic, stage.policy_roles, stage.title) == (False, (), "-")

    async def test_checks_are_read_once_when_they_can_change_no_more(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        plan = world.change("demo", 1, {"test": [TODO]})
        world.answer(f"GET /v1/{plan}/planCheckRun", {"name": "c", "status": "RUNNING"})
        assert (await subjects.observe(plan)).checks.status is CheckStatus.RUNNING
        world.answer(
            f"GET /v1/{plan}/planCheckRun", {"name": "c", "status": "DONE", "results": [{"status": "WARNING"}]}
        )
        for _ in range(3):
            assert (await subjects.observe(plan)).checks.status is CheckStatus.WARNING
        assert world.asked.count(f"GET /v1/{plan}/planCheckRun") == 2


class TestStatements:
    async def test_identical_sql_comes_once_with_all_its_tasks(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        one, other = world.sheet("demo", "ALTER TABLE 订单 ADD x int;"), world.sheet("demo", "SELECT 2;")
        tasks = [
            {"id": str(n), "status": "NOT_STARTED", "databaseUpdate": {"sheet": sheet}}
            for n, sheet in enumerate([one, other, one])
        ]
        change = await subjects.observe(world.change("demo", 1, {"test": tasks}))
        found = await subjects.statements(change, change.stages[0])
        assert [(s.text, [t.rsplit("/", 1)[1] for t in s.tasks]) for s in found] == [
            ("ALTER TABLE 订单 ADD x int;", ["0", "2"]),
            ("SELECT 2;", ["1"]),
        ]
        assert all(s.is_complete for s in found)
        assert found[0].size == len("ALTER TABLE 订单 ADD x int;".encode())

    async def test_a_missing_sheet_is_a_failed_read(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        tasks = [{**TODO, "databaseUpdate": {"sheet": "projects/demo/sheets/gone"}}]
        change = await subjects.observe(world.change("demo", 1, {"test": tasks}))
        with pytest.raises(UnavailableError):
            await subjects.statements(change, change.stages[0])

    async def test_of_a_stage_with_too_much_sql_the_beginnings_are_kept(
        self, world: TinyBytebase, subjects: BytebaseSubjects, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reconciler.providers.bytebase.statements.WHOLE_STAGE", 100)
        monkeypatch.setattr("reconciler.providers.bytebase.statements.SHORT", 10)
        sheets = [world.sheet("demo", letter * 80) for letter in "ab"]
        tasks = [
            {"id": letter, "status": "NOT_STARTED", "databaseUpdate": {"sheet": sheet}}
            for letter, sheet in zip("ab", sheets, strict=True)
        ]
        change = await subjects.observe(world.change("demo", 1, {"test": tasks}))
        found = await subjects.statements(change, change.stages[0])
        assert [(s.text, s.size, s.is_complete) for s in found] == [("a" * 80, 80, True), ("b" * 10, 80, False)]

    async def test_a_statement_cut_inside_a_character_shows_no_damage(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        sheet = world.sheet("demo", "变更")
        body = world.answers[f"GET /v1/{sheet}"]
        cut = base64.b64encode("变更".encode()[:-1]).decode()
        world.answer(f"GET /v1/{sheet}", {**body, "content": cut, "contentSize": str(1 << 40)})
        change = await subjects.observe(
            world.change("demo", 1, {"test": [{**TODO, "databaseUpdate": {"sheet": sheet}}]})
        )
        (found,) = await subjects.statements(change, change.stages[0])
        assert (found.text, found.is_complete, found.size) == ("变", False, 1 << 40)

    async def test_a_task_without_sql_has_no_statement(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        change = await subjects.observe(world.change("demo", 1, {"test": [TODO]}))
        assert await subjects.statements(change, change.stages[0]) == []


class TestPeople:
    async def observed(self, world: TinyBytebase, subjects: BytebaseSubjects, **more: Any) -> Change:
        return await subjects.observe(world.change("demo", 1, {"test": [TODO]}, **more))

    async def test_policy_roles_decide_and_without_them_whoever_may_run(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        bindings = [
            {"role": "roles/projectOwner", "members": ["user:alice@x.example"], "condition": {}},
            {"role": "roles/oncall", "members": ["user:bob@x.example"], "condition": {}},
        ]
        world.answer("GET /v1/projects/demo:getIamPolicy", {"bindings": bindings, "etag": "1"})
        change = await self.observed(world, subjects)
        assert (await subjects.entitled(change, change.stages[0], POLICY)).people == {"alice@x.example"}
        world.policy("test", "roles/oncall")
        change = await self.observed(world, subjects)
        assert (await subjects.entitled(change, change.stages[0], POLICY)).people == {"bob@x.example"}

    @pytest.mark.parametrize(
        ("source", "people"),
        [
            (ApproverSource("roles", ("oncall",)), {"bob@x.example"}),
            (ApproverSource("users", ("carol@x.example", "nobody@x.example")), {"carol@x.example"}),
            (ApproverSource("groups", ("dba@x.example",)), {"alice@x.example"}),
        ],
        ids=["roles", "users", "groups"],
    )
    async def test_each_source_finds_its_people(
        self, world: TinyBytebase, subjects: BytebaseSubjects, source: ApproverSource, people: set[str]
    ) -> None:
        world.bind("demo", "roles/oncall", "user:bob@x.example")
        world.answer(
            "GET /v1/groups",
            {"groups": [{"name": "groups/dba@x.example", "members": [{"member": "users/alice@x.example"}]}]},
        )
        change = await self.observed(world, subjects)
        assert (await subjects.entitled(change, change.stages[0], source)).people == people

    async def test_the_flow_asks_whoever_holds_the_role_of_the_step_and_nobody_at_a_stage(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        world.bind("demo", "roles/oncall", "user:bob@x.example")
        change = await self.observed(world, subjects)
        flow = ("roles/projectOwner", "roles/oncall")
        step = ReviewStep("projects/demo/issues/1#1", 1, flow, "Prod", ("environments/test",), ())
        assert (await subjects.entitled(change, step, ApproverSource("flow"))).people == {"bob@x.example"}
        assert (await subjects.entitled(change, change.stages[0], ApproverSource("flow"))).people == frozenset()

    async def test_people_that_cannot_be_read_are_an_error_that_names_the_permission(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        change = await self.observed(world, subjects)
        details = [{"requiredPermissions": ["bb.users.list"]}]
        world.answer("GET /v1/users", httpx.Response(403, json={"code": 7, "message": "no", "details": details}))
        with pytest.raises(ForbiddenError, match=r"bb\.users\.list"):
            await subjects.entitled(change, change.stages[0], POLICY)


class TestActs:
    async def test_the_whole_stage_runs_in_one_call(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        change = await subjects.observe(
            world.change(
                "demo",
                1,
                {"test": [TODO, {"id": "2", "status": "FAILED"}]},
                runs=[{"name": "projects/demo/plans/1/rollout/stages/test/tasks/2/taskRuns/1", "status": "FAILED"}],
            )
        )
        stage = change.stages[0]
        world.answer(f"POST /v1/{stage.name}/tasks:batchRun", {})
        await subjects.run(stage, [task.name for task in stage.runnable])
        assert world.sent[-1] == (f"POST /v1/{stage.name}/tasks:batchRun", {"tasks": [t.name for t in stage.tasks]})

    async def test_a_reason_to_skip_is_cut_to_what_bytebase_takes(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        stage = (await subjects.observe(world.change("demo", 1, {"test": [TODO]}))).stages[0]
        world.answer(f"POST /v1/{stage.name}/tasks:batchSkip", {})
        await subjects.skip(stage, [stage.tasks[0].name], "x" * 5000)
        assert len(world.sent[-1][1]["reason"]) == 1000

    async def test_a_lost_run_is_in_doubt_and_sent_once(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        stage = (await subjects.observe(world.change("demo", 1, {"test": [TODO]}))).stages[0]
        world.answer(f"POST /v1/{stage.name}/tasks:batchRun", httpx.ReadTimeout("lost"))
        with pytest.raises(UnavailableError) as caught:
            await subjects.run(stage, [stage.tasks[0].name])
        assert caught.value.ambiguous
        assert world.asked.count(f"POST /v1/{stage.name}/tasks:batchRun") == 1


class TestComments:
    ISSUE = "projects/demo/issues/1"

    def timeline(self, world: TinyBytebase, *comments: dict[str, Any]) -> None:
        rows = [
            {"name": f"{self.ISSUE}/issueComments/{n}", "createTime": WHEN, "updateTime": WHEN, **c}
            for n, c in enumerate(comments)
        ]
        world.answer(f"GET /v1/{self.ISSUE}/issueComments", {"issueComments": rows})
        world.answer(f"POST /v1/{self.ISSUE}:comment", {"name": "new", "createTime": WHEN})
        world.answer(f"PATCH /v1/{self.ISSUE}:comment", {"name": "0", "createTime": WHEN})

    def written(self, world: TinyBytebase) -> list[tuple[str, Any]]:
        return [(call.partition(" ")[0], body) for call, body in world.sent if call.endswith(":comment")]

    async def test_events_are_no_comments_and_an_edit_shows(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        self.timeline(
            world,
            {"reviewSubmission": {}},
            {"comment": "/feishu", "creator": "users/Bob@x.example"},
            {"comment": "changed", "creator": "users/bob@x.example", "updateTime": "2026-11-22T16:00:00Z"},
            {"comment": "ok", "approval": {"status": "APPROVED"}},
        )
        found = await subjects.comments(self.ISSUE)
        assert [(c.text, c.creator, c.edited) for c in found] == [
            ("/feishu", "bob@x.example", False),
            ("changed", "bob@x.example", True),
        ]

    async def test_full_pages_are_remembered_and_not_read_again(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        asked: list[str] = []

        def pages(request: httpx.Request) -> Any:
            asked.append(request.url.params.get("page_token", ""))
            name = "c2" if asked[-1] else "c1"
            comment = {"name": name, "comment": name, "creator": "users/bob@x.example", "createTime": WHEN}
            return {"issueComments": [comment], **({} if asked[-1] else {"nextPageToken": "t1"})}

        world.answer(f"GET /v1/{self.ISSUE}/issueComments", pages)
        for _ in range(2):
            assert [c.text for c in await subjects.comments(self.ISSUE)] == ["c1", "c2"]
        assert asked == ["", "t1", "t1"]

    async def test_a_comment_is_written_under_its_mark_once(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        self.timeline(world)
        await subjects.put_comment(self.ISSUE, mark="asked:1", text="hello", edit=False)
        assert self.written(world) == [("POST", {"comment": "<!-- reconciler:asked:1 -->\nhello"})]
        self.timeline(world, {"comment": "<!-- reconciler:asked:1 -->\nhello", "creator": f"users/{SYNC}"})
        await subjects.put_comment(self.ISSUE, mark="asked:1", text="other words", edit=False)
        assert len(self.written(world)) == 1

    async def test_an_edited_one_is_brought_up_to_date_only_if_it_differs(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        self.timeline(world, {"comment": "<!-- reconciler:status:1 -->\nwaits", "creator": f"users/{SYNC}"})
        await subjects.put_comment(self.ISSUE, mark="status:1", text="waits", edit=True)
        assert self.written(world) == []
        await subjects.put_comment(self.ISSUE, mark="status:1", text="runs", edit=True)
        name = f"{self.ISSUE}/issueComments/0"
        assert self.written(world) == [("PATCH", {"name": name, "comment": "<!-- reconciler:status:1 -->\nruns"})]

    async def test_a_mark_copied_by_somebody_else_does_not_silence_us(
        self, world: TinyBytebase, subjects: BytebaseSubjects
    ) -> None:
        self.timeline(world, {"comment": "<!-- reconciler:asked:1 -->\nhello", "creator": "users/mallory@x.example"})
        await subjects.put_comment(self.ISSUE, mark="asked:1", text="hello", edit=False)
        assert [method for method, _ in self.written(world)] == ["POST"]

    async def test_a_text_is_cut_to_what_bytebase_takes(self, world: TinyBytebase, subjects: BytebaseSubjects) -> None:
        self.timeline(world)
        await subjects.put_comment(self.ISSUE, mark="m", text="变" * 70_000, edit=False)
        assert len(self.written(world)[0][1]["comment"]) == 65_536


async def test_our_own_e_mail_is_the_account_s(subjects: BytebaseSubjects) -> None:
    assert await subjects.own_email() == SYNC
