"""From plan to review: checks, findings, approvals, what wipes them (facts §8, §9)."""

from __future__ import annotations

import base64
import hashlib
import uuid

import pytest

ADD = "CREATE TABLE t(id int)"


def rules(*steps, condition="true"):
    flow = {"flow": {"roles": list(steps)}, "title": "T"}
    rule = {"source": "CHANGE_DATABASE", "condition": {"expression": condition}, "template": flow}
    return {"name": "settings/WORKSPACE_APPROVAL", "value": {"workspaceApproval": {"rules": [rule]}}}


async def with_rules(bytebase, *steps, condition="true"):
    reply = await bytebase.patch("settings/WORKSPACE_APPROVAL", rules(*steps, condition=condition))
    assert reply.status == 200


async def comments(bytebase, issue):
    return (await bytebase.get(f"{issue}/issueComments", page_size=100)).body.get("issueComments", [])


async def status(bytebase, issue):
    return (await bytebase.get(issue)).body["approvalStatus"]


async def test_sheets_are_named_by_their_content_and_shared_by_all_projects(bytebase):
    content = b"SELECT '\xc3\xa4';"
    body = {"content": base64.b64encode(content).decode()}
    sheet = (await bytebase.post("projects/demo/sheets", body)).body
    sha = hashlib.sha256(content).hexdigest()

    assert sheet["name"] == f"projects/demo/sheets/{sha}"
    assert (await bytebase.get(f"projects/other/sheets/{sha}")).body["content"] == body["content"]
    batch = await bytebase.post("projects/demo/sheets:batchCreate", {"requests": [{"sheet": body}, {"sheet": body}]})
    assert [each["name"] for each in batch.body["sheets"]] == [sheet["name"]] * 2


async def test_a_long_sheet_is_cut_unless_raw(bytebase):
    content = b"-- " + b"x" * (2 * 1024 * 1024)
    name = (await bytebase.post("projects/demo/sheets", {"content": base64.b64encode(content).decode()})).body["name"]
    cut, raw = await bytebase.get(name), await bytebase.get(name, raw="true")

    assert len(base64.b64decode(cut.body["content"])) == 2 * 1024 * 1024
    assert int(cut.body["contentSize"]) == len(content)
    assert base64.b64decode(raw.body["content"]) == content


async def test_plans_count_their_checks_and_number_from_101(bytebase):
    first, second = await bytebase.plan(ADD), await bytebase.plan("ALTER TABLE IF EXISTS ghost ADD x int")

    assert (first, second) == ("projects/demo/plans/101", "projects/demo/plans/102")
    assert (await bytebase.get(first)).body["planCheckRunStatusCount"] == {"DONE": 1, "SUCCESS": 4}
    assert (await bytebase.get(second)).body["planCheckRunStatusCount"] == {"DONE": 1, "SUCCESS": 2, "WARNING": 2}
    report = (await bytebase.get(f"{first}/planCheckRun")).body["results"][1]["sqlSummaryReport"]
    assert report == {"statementTypes": ["CREATE_TABLE"]}


@pytest.mark.parametrize(
    "specs",
    [
        [],
        [{"id": "no-uuid", "changeDatabaseConfig": {"targets": ["instances/i-test/databases/app"], "sheet": "SHEET"}}],
        [{"id": "UUID", "changeDatabaseConfig": {"targets": ["instances/i-test/databases/ghost"], "sheet": "SHEET"}}],
        [{"id": "UUID", "changeDatabaseConfig": {"targets": ["instances/i-test/databases/app"], "sheet": "projects/demo/sheets/" + "0" * 64}}],
        [{"id": "UUID", "changeDatabaseConfig": {"targets": ["instances/i-test/databases/app"]}}],
        [{"id": "UUID"}],
    ],
)  # fmt: skip
async def test_plans_that_cannot_be_are_refused(bytebase, specs):
    sheet = (await bytebase.post("projects/demo/sheets", {"content": base64.b64encode(b"SELECT 1").decode()})).body
    for spec in specs:
        spec["id"] = spec["id"].replace("UUID", str(uuid.uuid4()))
        config = spec.get("changeDatabaseConfig", {})
        if config.get("sheet") == "SHEET":
            config["sheet"] = sheet["name"]

    assert (await bytebase.post("projects/demo/plans", {"title": "T", "specs": specs})).code == 3


async def test_a_review_goes_step_by_step_and_ends_in_a_rollout(bytebase):
    await with_rules(bytebase, "roles/projectOwner", "roles/workspaceDBA")
    issue, plan = await bytebase.issue(ADD)
    first = await bytebase.post(f"{issue}:approve", {"comment": "fine"}, who="alice")
    assert first.body["approvers"] == [{"status": "APPROVED", "principal": "users/alice@example.com"}]
    assert (await bytebase.post(f"{issue}:approve", {}, who="alice")).code == 7
    assert (await bytebase.post(f"{issue}:approve", {}, who="admin")).code == 7
    last = await bytebase.post(f"{issue}:approve", {}, who="carol")
    assert (last.body["status"], last.body["approvalStatus"]) == ("OPEN", "APPROVED")
    shown = await bytebase.until(plan, lambda found: found.get("hasRollout"))
    assert (shown["issueStatus"], shown["approvalStatus"]) == ("DONE", "APPROVED")
    assert (await bytebase.post(f"{issue}:approve", {}, who="carol")).code == 3
    kinds = [
        next(k for k in c if k in ("reviewSubmission", "approval", "issueUpdate"))
        for c in await comments(bytebase, issue)
    ]
    assert kinds == ["reviewSubmission", "approval", "approval", "issueUpdate"]


async def test_who_made_the_issue_may_not_approve_it_unless_the_project_lets_him(bytebase):
    issue, _ = await bytebase.issue(ADD, who="alice")
    refused = await bytebase.post(f"{issue}:approve", {}, who="alice")
    assert (refused.code, "self-approval" in refused.body["message"]) == (7, True)
    body = {"name": "projects/demo", "allowSelfApproval": True}
    await bytebase.patch("projects/demo", body, update_mask="allow_self_approval")
    assert (await bytebase.post(f"{issue}:approve", {}, who="alice")).status == 200


async def test_a_rejection_stops_the_flow_until_its_creator_asks_again(bytebase):
    issue, _ = await bytebase.issue(ADD)
    await bytebase.post(f"{issue}:reject", {"comment": "no"}, who="alice")
    assert await status(bytebase, issue) == "REJECTED"
    for verb in ("approve", "reject"):
        assert (await bytebase.post(f"{issue}:{verb}", {}, who="alice")).code == 3
    assert (await bytebase.post(f"{issue}:request", {}, who="alice")).code == 7
    assert (await bytebase.post(f"{issue}:request", {"comment": "again"}, who="bob")).body[
        "approvalStatus"
    ] == "PENDING"
    assert (await bytebase.post(f"{issue}:request", {}, who="bob")).code == 3
    assert (await comments(bytebase, issue))[-1]["approval"] == {"status": "PENDING"}


async def test_approving_what_needs_nobody_is_an_internal_error(free):
    issue, _ = await free.issue(ADD)

    assert await status(free, issue) == "SKIPPED"
    assert (await free.post(f"{issue}:approve", {}, who="alice")).code == 13


async def test_an_empty_flow_rolls_out_and_stays_pending(bytebase):
    await with_rules(bytebase)
    issue, plan = await bytebase.issue(ADD)
    await bytebase.until(plan, lambda found: found.get("hasRollout"))
    shown = (await bytebase.get(issue)).body

    assert (shown["status"], shown["approvalStatus"], shown["approvalTemplate"]["flow"]) == ("DONE", "PENDING", {})
    assert (await bytebase.post(f"{issue}:approve", {}, who="alice")).code == 3


@pytest.mark.parametrize(
    ("condition", "sql", "matches"),
    [
        ('resource.environment_id == "prod"', ADD, True),
        ('resource.environment_id in ["stage"]', ADD, False),
        ('risk.level == "HIGH"', "DROP TABLE t", True),
        ('risk.level == "MODERATE"', "UPDATE t SET a = 1", True),
        ('risk.level == "LOW" && statement.sql_type == "INSERT"', "INSERT INTO t VALUES (1), (2)", True),
        ("statement.affected_rows > 1", "INSERT INTO t VALUES (1), (2)", True),
        ('statement.text.contains("secret")', ADD, False),
        ('resource.table_name == "t" || nope.unset == 1', ADD, None),
        ('"urgent" in issue.labels', ADD, True),
        ('!(resource.project_id == "demo")', ADD, False),
    ],
)
async def test_rules_are_judged_by_target_statement_and_label(bytebase, condition, sql, matches):
    if matches is None:
        assert (await bytebase.patch("settings/WORKSPACE_APPROVAL", rules("roles/oa", condition=condition))).code == 3
        return
    await with_rules(bytebase, "roles/projectOwner", condition=condition)
    issue, _ = await bytebase.issue(sql, labels=["urgent"])

    assert await status(bytebase, issue) == ("PENDING" if matches else "SKIPPED")


async def test_saving_specs_wipes_approvals_and_comments_only_on_a_difference(bytebase):
    await with_rules(bytebase, "roles/projectOwner", "roles/workspaceDBA")
    issue, plan = await bytebase.issue(ADD)
    await bytebase.post(f"{issue}:approve", {}, who="alice")
    specs = (await bytebase.get(plan)).body["specs"]
    assert (await bytebase.patch(plan, {"name": plan, "specs": specs}, who="sync", update_mask="specs")).code == 7
    bytebase.stand_in._clock.time_scale = 1
    await bytebase.patch(plan, {"name": plan, "specs": specs}, who="bob", update_mask="specs")
    assert (await bytebase.post(f"{issue}:approve", {}, who="alice")).code == 9
    shown = await bytebase.until(issue, lambda found: found["approvalStatus"] == "PENDING")
    assert "approvers" not in shown
    assert not any("planUpdate" in comment for comment in await comments(bytebase, issue))

    other = (await bytebase.post("projects/demo/sheets", {"content": base64.b64encode(b"SELECT 2").decode()})).body
    specs[0]["changeDatabaseConfig"]["sheet"] = other["name"]
    await bytebase.patch(plan, {"name": plan, "specs": specs}, who="bob", update_mask="specs")
    assert "toSpecs" in (await comments(bytebase, issue))[-1]["planUpdate"]


async def test_labels_reset_a_review_only_when_they_change(bytebase):
    await with_rules(bytebase, "roles/projectOwner", "roles/workspaceDBA")
    issue, _ = await bytebase.issue(ADD)
    await bytebase.post(f"{issue}:approve", {}, who="alice")
    before = (await bytebase.get(issue)).body
    await bytebase.patch(issue, {"name": issue}, who="bob", update_mask="labels")
    assert (await bytebase.get(issue)).body == before
    await bytebase.patch(issue, {"name": issue, "labels": ["urgent"]}, who="bob", update_mask="labels")
    shown = await bytebase.until(issue, lambda found: found["approvalStatus"] == "PENDING")
    assert "approvers" not in shown


async def test_edits_touch_what_the_mask_names_and_ignore_the_rest(bytebase):
    issue, plan = await bytebase.issue(ADD)
    body = {"name": issue, "title": "B", "description": "D", "riskLevel": "HIGH"}
    edited = (await bytebase.patch(issue, body, who="bob", update_mask="title,risk_level")).body
    assert (edited["title"], edited["riskLevel"], "description" in edited) == ("B", "LOW", False)
    assert (await bytebase.get(plan)).body["title"] == "Change"
    assert (await bytebase.patch(issue, {"name": issue}, who="bob", update_mask="title")).code == 3


async def test_cancelling_moves_no_time_and_nothing_is_rolled_out_until_somebody_says_so(bytebase):
    issue, plan = await bytebase.issue(ADD)
    before = (await bytebase.get(issue)).body["updateTime"]
    cancel = {"issues": [issue], "status": "CANCELED", "reason": "later"}
    assert (await bytebase.post("projects/demo/issues:batchUpdateStatus", cancel, who="bob")).body == {}
    assert (await bytebase.get(issue)).body["updateTime"] == before
    assert (await comments(bytebase, issue))[-1]["comment"] == "later"
    assert (await bytebase.post(f"{issue}:approve", {}, who="alice")).status == 200
    await bytebase.post("projects/demo/issues:batchUpdateStatus", {**cancel, "status": "OPEN"}, who="bob")
    await bytebase.post(f"{issue}:retryApproval", {}, who="bob")
    shown = (await bytebase.get(plan)).body
    assert (shown["issueStatus"], shown["approvalStatus"], "hasRollout" in shown) == ("OPEN", "APPROVED", False)
    await bytebase.post(f"{plan}/rollout", {}, who="sync")
    assert (await bytebase.get(issue)).body["status"] == "DONE"
    assert (await bytebase.post("projects/demo/issues:batchUpdateStatus", cancel, who="bob")).code == 9


async def test_a_status_is_set_for_all_or_none(bytebase):
    issue, _ = await bytebase.issue(ADD)
    both = {"issues": [issue, "projects/demo/issues/999"], "status": "CANCELED"}
    assert (await bytebase.post("projects/demo/issues:batchUpdateStatus", both)).code == 9
    assert (await bytebase.get(issue)).body["status"] == "OPEN"
    foreign = {"issues": ["projects/other/issues/1"], "status": "CANCELED"}
    assert (await bytebase.post("projects/demo/issues:batchUpdateStatus", foreign)).code == 3
    assert (await bytebase.post("projects/demo/issues:batchUpdateStatus", {"status": "DONE"})).code == 13


async def test_a_plan_has_one_issue_and_a_draft_is_hidden_until_submitted(bytebase):
    plan = await bytebase.plan(ADD)
    body = {"type": "DATABASE_CHANGE", "title": "Mine", "plan": plan}
    draft = (await bytebase.post("projects/demo/issues", {**body, "draft": True}, who="bob")).body
    assert (draft["title"], draft["draft"]) == ("Change", True)
    assert (await bytebase.post("projects/demo/issues", body, who="bob")).code == 9
    assert (await bytebase.get("projects/demo/issues")).body == {}
    assert (await bytebase.get(plan)).body["issue"] == draft["name"]
    assert (await bytebase.post(f"{draft['name']}:approve", {}, who="alice")).code == 9
    await bytebase.patch(draft["name"], {"name": draft["name"], "draft": False}, who="bob", update_mask="draft")
    await bytebase.until(draft["name"], lambda found: found["approvalStatus"] == "PENDING")
    assert (await bytebase.post("projects/demo/issues", body, who="bob")).code == 6


async def test_labels_can_be_required(bytebase):
    body = {"name": "projects/demo", "forceIssueLabels": True}
    await bytebase.patch("projects/demo", body, update_mask="force_issue_labels")
    plan = await bytebase.plan(ADD)
    issue = {"type": "DATABASE_CHANGE", "title": "T", "plan": plan}
    assert (await bytebase.post("projects/demo/issues", issue, who="bob")).code == 3
    assert (await bytebase.post("projects/demo/issues", {**issue, "labels": ["x"]}, who="bob")).status == 200


async def test_comments_come_back_as_they_were_sent_and_anybody_may_edit_them(bytebase):
    issue, _ = await bytebase.issue(ADD)
    text = '<!-- m:{"a":1} -->\t*b* 审批 \n'
    made = await bytebase.post(f"{issue}:comment", {"comment": text}, who="sync")
    assert made.body["comment"] == text
    edit = {"name": made.body["name"], "comment": "changed"}
    edited = await bytebase.patch(f"{issue}:comment", edit, who="bob", update_mask="comment")
    assert (edited.body["comment"], edited.body["creator"]) == ("changed", "users/sync@service.bytebase.com")
    for comment in ("", "x" * 65_537):
        assert (await bytebase.post(f"{issue}:comment", {"comment": comment}, who="sync")).code == 3


async def test_a_request_for_a_role_binds_it_once_approved(bytebase, free):
    role = {"name": "settings/WORKSPACE_APPROVAL", "value": {"workspaceApproval": {"rules": [
        {"source": "REQUEST_ROLE", "condition": {"expression": "true"},
         "template": {"title": "T", "flow": {"roles": ["roles/projectOwner"]}}}]}}}  # fmt: skip
    await bytebase.patch("settings/WORKSPACE_APPROVAL", role)
    grant = {"role": "roles/projectReleaser", "user": "users/bob@example.com"}
    body = {"type": "ROLE_GRANT", "title": "Please", "roleGrant": grant}
    issue = (await bytebase.post("projects/demo/issues", body, who="bob")).body["name"]
    await bytebase.until(issue, lambda found: found["approvalStatus"] == "PENDING")
    await bytebase.post(f"{issue}:approve", {}, who="alice")

    assert (await bytebase.get(issue)).body["status"] == "DONE"
    bindings = (await bytebase.get("projects/demo:getIamPolicy")).body["bindings"]
    assert {"role": "roles/projectReleaser", "members": ["user:bob@example.com"], "condition": {}} in bindings
    assert (await free.post("projects/demo/issues", body, who="bob")).code == 7


async def test_checks_are_cancelled_and_run_again(bytebase):
    plan = await bytebase.plan(ADD)
    bytebase.stand_in._clock.time_scale = 0.001  # nothing ends by itself now
    assert (await bytebase.post(f"{plan}:runPlanChecks", {}, who="bob")).body == {}
    assert (await bytebase.get(plan)).body["planCheckRunStatusCount"] == {"AVAILABLE": 1}
    assert (await bytebase.post(f"{plan}/planCheckRun:cancel", {}, who="bob")).body == {}
    assert (await bytebase.get(plan)).body["planCheckRunStatusCount"] == {"CANCELED": 1}
    bytebase.stand_in._clock.time_scale = 100
    await bytebase.post(f"{plan}:runPlanChecks", {}, who="bob")
    await bytebase.until(plan, lambda found: found["planCheckRunStatusCount"].get("DONE"))
