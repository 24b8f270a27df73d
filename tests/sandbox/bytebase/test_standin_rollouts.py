"""Rollouts and their tasks: created, run, skipped, cancelled, seen (facts §10, §11)."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta

import pytest

from reconciler.sandbox.bytebase.times import stamp

ADD = "CREATE TABLE t(id int)"
OWNERS = ["roles/projectOwner"]


def names(tasks):
    return [task["name"] for task in tasks]


async def run(bytebase, plan, environment, *, who="sync", **body):
    tasks = names((await bytebase.tasks(plan))[environment])
    return await bytebase.post(f"{plan}/rollout/stages/{environment}/tasks:batchRun", {"tasks": tasks, **body}, who=who)


async def done(bytebase, plan, environment, status="DONE"):
    def reached(rollout):
        tasks = [t for stage in rollout["stages"] if stage["id"] == environment for t in stage["tasks"]]
        return all(task["status"] == status for task in tasks)

    return await bytebase.until(f"{plan}/rollout", reached)


async def policy(bytebase, environment, **rollout):
    name = f"environments/{environment}/policies/rollout_policy"
    body = {"name": name, "type": "ROLLOUT_POLICY", "rolloutPolicy": rollout}
    await bytebase.patch(name, body, update_mask="rollout_policy", allow_missing=True)


async def test_a_rollout_closes_the_issue_and_freezes_the_specs(bytebase):
    plan = await bytebase.rolled_out(ADD)
    shown = (await bytebase.get(plan)).body
    rollout = (await bytebase.get(f"{plan}/rollout")).body

    assert shown["issueStatus"] == "DONE"
    assert [stage["id"] for stage in rollout["stages"]] == ["test", "prod"]
    assert rollout["createTime"] == shown["createTime"]
    assert [s["taskStatusCounts"] for s in shown["rolloutStageSummaries"]] == [
        [{"status": "NOT_STARTED", "count": 1}]
    ] * 2
    body = {"name": plan, "specs": shown["specs"]}
    assert (await bytebase.patch(plan, body, who="bob", update_mask="specs")).code == 3
    assert (await bytebase.post(f"{plan}:runPlanChecks", {}, who="bob")).code == 9


async def test_tasks_run_and_say_when_and_by_whom(bytebase):
    plan = await bytebase.rolled_out(ADD)
    before = (await bytebase.get(plan)).body["updateTime"]
    assert (await run(bytebase, plan, "test")).body == {}
    rollout = await done(bytebase, plan, "test")
    (attempt,) = (await bytebase.get(f"{plan}/rollout/stages/-/tasks/-/taskRuns")).body["taskRuns"]

    assert attempt["creator"] == "users/sync@service.bytebase.com"
    assert rollout["stages"][0]["tasks"][0]["updateTime"] == attempt["updateTime"]
    assert rollout["updateTime"] == attempt["updateTime"]
    assert (await bytebase.get(plan)).body["updateTime"] == before
    log = (await bytebase.get(f"{attempt['name']}/log")).body["entries"]
    assert [entry["type"] for entry in log] == ["TRANSACTION_CONTROL", "COMMAND_EXECUTE", "TRANSACTION_CONTROL"]
    assert (await bytebase.get(attempt["name"])).body == attempt
    assert (await bytebase.get(f"{attempt['name']}/session")).status == 200
    assert (await bytebase.post(f"{attempt['name']}:previewRollback")).code == 3


async def test_running_again_what_runs_or_is_done_or_is_unknown_does_nothing(bytebase):
    plan = await bytebase.rolled_out(ADD)
    await run(bytebase, plan, "test")
    await run(bytebase, plan, "test")
    await done(bytebase, plan, "test")
    await run(bytebase, plan, "test")
    ghost = f"{plan}/rollout/stages/test/tasks/99999"
    assert (
        await bytebase.post(f"{plan}/rollout/stages/test/tasks:batchRun", {"tasks": [ghost]}, who="sync")
    ).body == {}
    assert len((await bytebase.get(f"{plan}/rollout/stages/test/tasks/-/taskRuns")).body["taskRuns"]) == 1


async def test_a_task_fails_with_its_detail_and_is_tried_again(bytebase):
    plan = await bytebase.rolled_out("SELECT will_fail", targets=["instances/i-test/databases/app"])
    await run(bytebase, plan, "test")
    await done(bytebase, plan, "test", "FAILED")
    runs = (await bytebase.get(f"{plan}/rollout/stages/-/tasks/-/taskRuns")).body["taskRuns"]
    assert runs[0]["detail"].startswith("ERROR: ")
    await run(bytebase, plan, "test")
    await bytebase.until(
        f"{plan}/rollout/stages/-/tasks/-/taskRuns",
        lambda found: [each["status"] for each in found["taskRuns"]] == ["FAILED", "FAILED"],
    )


@pytest.mark.parametrize(
    ("tasks", "code"),
    [([], 3), (["nonsense"], 3), (["{plan}/rollout/stages/test/tasks/1", "{plan}/rollout/stages/prod/tasks/2"], 3)],
)
async def test_a_run_names_tasks_of_one_environment(bytebase, tasks, code):
    plan = await bytebase.rolled_out(ADD)
    body = {"tasks": [task.format(plan=plan) for task in tasks]}

    assert (await bytebase.post(f"{plan}/rollout/stages/test/tasks:batchRun", body, who="sync")).code == code


async def test_the_stage_in_the_url_is_not_looked_at_but_the_task_s_own_is(bytebase):
    plan = await bytebase.rolled_out(ADD)
    prod = names((await bytebase.tasks(plan))["prod"])
    await bytebase.post(f"{plan}/rollout/stages/test/tasks:batchRun", {"tasks": prod}, who="sync")
    rollout = await done(bytebase, plan, "prod")

    assert rollout["stages"][0]["tasks"][0]["status"] == "NOT_STARTED"


async def test_a_role_of_the_policy_suffices_to_run_its_stage_only(bytebase):
    plan = await bytebase.rolled_out(ADD)
    assert (await run(bytebase, plan, "test", who="bare")).code == 7
    await policy(bytebase, "test", roles=["roles/oa"])
    bindings = (await bytebase.get("projects/demo:getIamPolicy")).body["bindings"]
    bindings.append({"role": "roles/oa", "members": ["serviceAccount:bare@service.bytebase.com"]})
    await bytebase.post("projects/demo:setIamPolicy", {"policy": {"bindings": bindings}})

    assert (await run(bytebase, plan, "prod", who="bare")).code == 7
    assert (await run(bytebase, plan, "test", who="bare")).status == 200
    assert (await bytebase.get(f"{plan}/rollout", who="bare")).status == 403


async def test_skipped_is_for_good(bytebase):
    plan = await bytebase.rolled_out(ADD)
    tasks = names((await bytebase.tasks(plan))["prod"])
    path = f"{plan}/rollout/stages/prod/tasks:batchSkip"
    assert (await bytebase.post(path, {"tasks": tasks}, who="bob")).code == 7
    before = (await bytebase.get(f"{plan}/rollout")).body["updateTime"]
    assert (await bytebase.post(path, {"tasks": tasks, "reason": "no"}, who="sync")).body == {}
    (task,) = (await bytebase.tasks(plan))["prod"]
    assert (task["status"], task["skippedReason"]) == ("SKIPPED", "no")
    assert (await bytebase.get(f"{plan}/rollout")).body["updateTime"] == before
    assert (await bytebase.post(path, {"tasks": tasks}, who="sync")).body == {}
    assert (await run(bytebase, plan, "prod")).code == 9
    assert (await bytebase.post(path, {"tasks": [f"{tasks[0]}9"]}, who="sync")).code == 5
    await run(bytebase, plan, "test")
    await done(bytebase, plan, "test")
    finished = names((await bytebase.tasks(plan))["test"])
    assert (
        await bytebase.post(f"{plan}/rollout/stages/test/tasks:batchSkip", {"tasks": finished}, who="sync")
    ).code == 9


async def test_a_running_statement_stops_when_cancelled_and_can_run_again(bytebase):
    plan = await bytebase.rolled_out("SELECT pg_sleep(60)", targets=["instances/i-test/databases/app"])
    await run(bytebase, plan, "test")
    await done(bytebase, plan, "test", "RUNNING")
    (attempt,) = (await bytebase.get(f"{plan}/rollout/stages/-/tasks/-/taskRuns")).body["taskRuns"]
    path, body = f"{plan}/rollout/stages/test/tasks/-/taskRuns:batchCancel", {"taskRuns": [attempt["name"]]}
    assert (await bytebase.post(path.replace("test", "prod"), body, who="sync")).code == 3
    assert (await bytebase.post(path, body, who="bob")).code == 7
    assert (await bytebase.post(path, body, who="sync")).body == {}
    assert (await bytebase.tasks(plan))["test"][0]["status"] == "CANCELED"
    assert (await bytebase.post(path, body, who="sync")).code == 3
    await run(bytebase, plan, "test")
    await done(bytebase, plan, "test", "RUNNING")


async def test_a_run_waits_for_its_time(bytebase):
    plan = await bytebase.rolled_out(ADD, targets=["instances/i-test/databases/app"])
    clock = bytebase.stand_in._clock
    await run(bytebase, plan, "test", runTime=stamp(clock.now() + timedelta(hours=1)))
    (task,) = (await bytebase.tasks(plan))["test"]
    assert (task["status"], "runTime" in task) == ("PENDING", True)
    clock.offset += 3601
    bytebase.tokens.clear()
    await done(bytebase, plan, "test")


async def test_no_more_tasks_run_at_once_than_the_project_allows(bytebase):
    body = {"name": "projects/demo", "parallelTasksPerRollout": 1}
    await bytebase.patch("projects/demo", body, update_mask="parallel_tasks_per_rollout")
    targets = ["instances/i-test/databases/app", "instances/i-test/databases/crm"]
    plan = await bytebase.rolled_out("SELECT pg_sleep(60)", targets=targets)
    await run(bytebase, plan, "test")
    runs = await bytebase.until(
        f"{plan}/rollout/stages/-/tasks/-/taskRuns",
        lambda found: any("schedulerInfo" in attempt for attempt in found["taskRuns"]),
    )
    assert sorted(attempt["status"] for attempt in runs["taskRuns"]) == ["PENDING", "RUNNING"]
    (waiting,) = [attempt for attempt in runs["taskRuns"] if attempt["status"] == "PENDING"]
    assert waiting["schedulerInfo"]["waitingCause"] == {"parallelTasksLimit": True}


async def test_an_automatic_environment_runs_at_once_and_in_the_system_s_name(bytebase):
    await policy(bytebase, "prod", automatic=True)
    plan = await bytebase.rolled_out(ADD)
    await done(bytebase, plan, "prod")
    (attempt,) = (await bytebase.get(f"{plan}/rollout/stages/-/tasks/-/taskRuns")).body["taskRuns"]

    assert attempt["creator"] == "users/"
    assert (await bytebase.tasks(plan))["test"][0]["status"] == "NOT_STARTED"
    await policy(bytebase, "test", automatic=True)
    assert (await bytebase.tasks(plan))["test"][0]["status"] == "NOT_STARTED"


async def test_stages_follow_the_environments_and_go_with_them(bytebase):
    plan = await bytebase.rolled_out(ADD)

    async def order(*ids):
        items = [{"id": each, "title": each} for each in ids]
        setting = {"name": "settings/ENVIRONMENT", "value": {"environment": {"environments": items}}}
        await bytebase.patch("settings/ENVIRONMENT", setting)
        return list(await bytebase.tasks(plan))

    assert await order("prod", "test") == ["prod", "test"]
    assert await order("test") == ["test"]
    assert len((await bytebase.get(plan)).body["rolloutStageSummaries"]) == 1


async def test_an_error_of_the_checks_keeps_only_the_automatic_rollout_away(bytebase):
    issue, plan = await bytebase.issue("CREAT TABLE x(id int)")
    await bytebase.post(f"{issue}:approve", {}, who="alice")
    assert (await bytebase.get(plan)).body["planCheckRunStatusCount"] == {"DONE": 1, "ERROR": 4}
    assert (await bytebase.get(f"{plan}/rollout")).status == 404
    made = await bytebase.post(f"{plan}/rollout", {}, who="sync")
    assert made.body["updateTime"] == made.body["createTime"]
    assert (await bytebase.get(issue)).body["status"] == "DONE"


async def test_a_rollout_may_begin_with_one_environment_or_with_none(bytebase):
    plan = await bytebase.plan(ADD)
    made = await bytebase.post(f"{plan}/rollout", {"target": "environments/test"}, who="sync")
    assert [stage["id"] for stage in made.body["stages"]] == ["test"]
    more = await bytebase.post(f"{plan}/rollout", {}, who="sync")
    assert [stage["id"] for stage in more.body["stages"]] == ["test", "prod"]

    other = await bytebase.plan("SELECT 1")
    assert (await bytebase.post(f"{other}/rollout", {"target": "nonsense"}, who="sync")).code == 13
    assert "hasRollout" not in (await bytebase.get(other)).body
    empty = await bytebase.post(f"{other}/rollout", {"target": "environments/nowhere"}, who="sync")
    assert "stages" not in empty.body
    assert (await bytebase.get(other)).body["hasRollout"] is True


async def test_a_project_may_insist_on_approval(bytebase):
    issue, plan = await bytebase.issue(ADD)
    body = {"name": "projects/demo", "requireIssueApproval": True}
    await bytebase.patch("projects/demo", body, update_mask="require_issue_approval")
    assert (await bytebase.post(f"{plan}/rollout", {}, who="sync")).code == 9
    off = {"name": "projects/demo", "requireIssueApproval": False}
    await bytebase.patch("projects/demo", off, update_mask="require_issue_approval")
    await bytebase.post(f"{plan}/rollout", {}, who="sync")
    await bytebase.patch("projects/demo", body, update_mask="require_issue_approval")
    assert (await run(bytebase, plan, "test")).code == 9
    await bytebase.post(f"{issue}:approve", {}, who="alice")
    assert (await run(bytebase, plan, "test")).status == 200


async def test_a_closed_plan_gets_no_rollout_by_itself(bytebase):
    issue, plan = await bytebase.issue(ADD)
    await bytebase.patch(plan, {"name": plan, "state": "DELETED"}, who="bob", update_mask="state")
    await bytebase.post(f"{issue}:approve", {}, who="alice")

    assert (await bytebase.get(f"{plan}/rollout")).status == 404
    assert (await bytebase.post(f"{plan}/rollout", {}, who="sync")).status == 200


async def test_a_database_is_created_by_a_task_of_its_own(bytebase):
    def spec(**more):
        config = {"target": "instances/i-test", "database": "fresh", "environment": "environments/test", **more}
        return {"title": "New", "specs": [{"id": str(uuid.uuid4()), "createDatabaseConfig": config}]}

    bad = (await bytebase.post("projects/demo/plans", spec(), who="bob")).body["name"]
    good = (await bytebase.post("projects/demo/plans", spec(characterSet="UTF8", collation="C"), who="bob")).body[
        "name"
    ]
    for plan, status in ((bad, "FAILED"), (good, "DONE")):
        made = (await bytebase.post(f"{plan}/rollout", {}, who="sync")).body
        (task,) = made["stages"][0]["tasks"]
        assert (task["type"], task["target"], "sheet" in task["databaseCreate"]) == (
            "DATABASE_CREATE",
            "instances/i-test",
            True,
        )
        await run(bytebase, plan, "test")
        await done(bytebase, plan, "test", status)
    created = (await bytebase.get("instances/i-test/databases/fresh")).body
    assert (created["project"], created["effectiveEnvironment"]) == ("projects/demo", "environments/test")
    assert (await bytebase.patch(good, {**spec(), "name": good}, who="bob", update_mask="specs")).code == 3


async def test_a_release_is_rolled_out_without_an_issue(bytebase):
    file = {"path": "1.sql", "version": "1", "statement": base64.b64encode(b"SELECT 1").decode()}
    release = await bytebase.post("projects/demo/releases", {"type": "VERSIONED", "files": [file]})
    config = {"targets": ["instances/i-test/databases/app"], "release": release.body["name"]}
    body = {"title": "Pipeline", "specs": [{"id": str(uuid.uuid4()), "changeDatabaseConfig": config}]}
    plan = (await bytebase.post("projects/demo/plans", body)).body["name"]
    made = (await bytebase.post(f"{plan}/rollout", {}, who="sync")).body

    assert (await bytebase.get(release.body["name"], who="sync")).body["files"][0]["sheetSha256"]
    assert made["stages"][0]["tasks"][0]["databaseUpdate"] == {"release": release.body["name"]}
    assert [p["name"] for p in (await bytebase.get("projects/demo/plans")).body["plans"]] == [plan]
    assert (await bytebase.post(f"{plan}:runPlanChecks", {})).status == 400
    assert (await bytebase.get("projects/demo/releases")).body["releases"] == [release.body]
