"""Projects, their flags, webhooks and bindings; the audit log (facts §13, §14)."""

from __future__ import annotations

import json

import pytest

from reconciler.sandbox.bytebase.times import stamp

HOOK = {"type": "FEISHU", "title": "Bot", "url": "https://open.feishu.cn/open-apis/bot/v2/hook/x"}
ALICE = {"role": "roles/projectOwner", "members": ["user:alice@example.com"]}


async def set_iam(bytebase, *bindings, project="demo", **more):
    body = {"policy": {"bindings": [ALICE, *bindings]}, **more}
    return await bytebase.post(f"projects/{project}:setIamPolicy", body)


async def test_a_project_is_made_flagged_archived_and_found(bytebase):
    made = await bytebase.post("projects", {"title": "New", "requireIssueApproval": True}, projectId="fresh")
    assert made.body["requireIssueApproval"] is True
    assert (await bytebase.post("projects", {}, projectId="fresh")).status == 409
    assert (await bytebase.post("projects", {}, projectId="default-x")).status == 400
    creator = (await bytebase.get("projects/fresh:getIamPolicy")).body["bindings"]
    assert creator == [{"role": "roles/projectOwner", "members": ["user:admin@example.com"], "condition": {}}]

    mask = "parallel_tasks_per_rollout,issue_labels"
    body = {"name": "projects/fresh", "parallelTasksPerRollout": 2, "issueLabels": [{"value": "schema"}]}
    assert (await bytebase.patch("projects/fresh", body, update_mask=mask)).body["parallelTasksPerRollout"] == 2
    assert (await bytebase.patch("projects/fresh", body, update_mask="shoe")).body["message"] == (
        'unsupport update_mask "shoe"'
    )
    assert (await bytebase.ask("DELETE", "projects/fresh")).status == 200
    assert (await bytebase.get("projects/fresh")).body["state"] == "DELETED"
    listed = (await bytebase.get("projects", filter='state == "DELETED"')).body["projects"]
    assert [project["title"] for project in listed] == ["New"]
    assert (await bytebase.post("projects/fresh:undelete")).body["state"] == "ACTIVE"


async def test_the_default_project_is_there_and_stays_as_it_is(bytebase):
    name = (await bytebase.get("actuator/info", who=None)).body["defaultProject"]
    assert (await bytebase.get(name)).body["title"] == "Default"
    assert (await bytebase.patch(name, {"title": "Mine"}, update_mask="title")).status == 400
    rest = await bytebase.get("projects", filter="exclude_default == true")
    assert [project["name"] for project in rest.body["projects"]] == ["projects/demo", "projects/other"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('name == "Demo"', ["demo"]),
        ('resource_id == "other" || name == "Demo"', ["demo", "other"]),
        ('name.matches("oth")', ["other"]),
        ('labels.team == "a"', []),
    ],
)
async def test_projects_are_filtered(bytebase, text, found):
    reply = await bytebase.get("projects", filter=text)

    assert [project["name"].partition("/")[2] for project in reply.body.get("projects", [])] == found


async def test_a_batch_of_projects_needs_each_of_them(bytebase):
    assert (
        len((await bytebase.get("projects:batchGet", names=["projects/demo", "projects/other"])).body["projects"]) == 2
    )
    assert (await bytebase.get("projects:batchGet", names=["projects/demo", "projects/nope"])).status == 404
    refused = await bytebase.get("projects:batchGet", who="sync", names=["projects/demo", "projects/other"])
    assert refused.body["details"][0]["resources"] == ["projects/other"]


async def test_webhooks_are_added_changed_by_odd_paths_and_removed(bytebase):
    added = await bytebase.post("projects/demo:addWebhook", {"webhook": HOOK})
    (hook,) = added.body["webhooks"]
    assert "notificationTypes" not in hook
    path = f"{hook['name']}:updateWebhook"
    body = {"name": hook["name"], "title": "B", "notificationTypes": ["ISSUE_CREATED"]}
    changed = await bytebase.patch(path, body, update_mask="title,notification_type")
    assert changed.body["webhooks"][0]["notificationTypes"] == ["ISSUE_CREATED"]
    assert changed.body["webhooks"][0]["url"] == HOOK["url"]
    for mask in ("notification_types", "type", "name"):
        assert (await bytebase.patch(path, body, update_mask=mask)).status == 400
    assert (await bytebase.patch(path, {"name": hook["name"]}, update_mask="notification_type")).status == 400
    gone = {"webhook": {"name": hook["name"]}}
    assert (await bytebase.post(f"{hook['name']}:removeWebhook", gone)).body.get("webhooks") is None
    assert (await bytebase.post(f"{hook['name']}:removeWebhook", gone)).status == 404


@pytest.mark.parametrize(
    ("kind", "url", "status"),
    [
        ("FEISHU", "https://bot.example.com/x", 400),
        ("LARK", "https://open.larksuite.com/open-apis/bot/v2/hook/x", 200),
        ("LARK", HOOK["url"], 400),
        ("CUSTOM", HOOK["url"], 400),
    ],
)
async def test_webhooks_go_to_known_hosts_only(bytebase, kind, url, status):
    body = {"webhook": {"type": kind, "title": "T", "url": url, "directMessage": True}}

    assert (await bytebase.post("projects/demo:addWebhook", body)).status == status


async def test_testing_a_webhook_is_for_people(bytebase):
    await set_iam(bytebase, {"role": "roles/projectOwner", "members": ["serviceAccount:sync@service.bytebase.com"]})
    person = await bytebase.post("projects/demo:testWebhook", {"webhook": HOOK}, who="alice")
    account = await bytebase.post("projects/demo:testWebhook", {"webhook": HOOK}, who="sync")

    assert (person.status, bool(person.body["error"])) == (200, True)
    assert (account.status, account.code) == (500, 13)


async def test_bindings_are_replaced_under_an_e_tag_beside_the_policy(bytebase):
    first = (await bytebase.get("projects/demo:getIamPolicy")).body
    second = (await set_iam(bytebase, etag=first["etag"])).body
    stale = await set_iam(bytebase, etag=first["etag"])
    inside = await bytebase.post("projects/demo:setIamPolicy", {"policy": {"bindings": [ALICE], "etag": first["etag"]}})

    assert second["etag"] != first["etag"]
    assert (stale.status, stale.code) == (409, 10)
    assert inside.status == 200


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        ({"role": "roles/ghost", "members": ["user:a@x"]}, 3),
        ({"role": "roles/projectOwner", "members": ["a@x"]}, 13),
        ({"role": "roles/projectOwner", "members": ["user:a@x"], "condition": {"expression": "request.time <"}}, 3),
        ({"role": "roles/projectOwner", "members": ["user:ghost@x", "group:ghost@x", "allUsers"]}, None),
    ],
)
async def test_bindings_are_checked_as_far_as_the_server_does(bytebase, binding, code):
    assert (await set_iam(bytebase, binding)).code == code


async def test_no_bindings_at_all_are_refused(bytebase):
    assert (await bytebase.post("projects/demo:setIamPolicy", {"policy": {}})).code == 3


async def test_a_condition_comes_back_with_its_parsed_form_and_ends_the_role_in_time(bytebase):
    def until(text):
        condition = {"expression": f'request.time < timestamp("{text}")'}
        return {
            "role": "roles/projectViewer",
            "members": ["serviceAccount:bare@service.bytebase.com"],
            "condition": condition,
        }

    shown = (await set_iam(bytebase, until("2999-01-01T00:00:00Z"))).body["bindings"][1]
    assert shown["parsedExpr"]["callExpr"]["function"] == "_<_"
    assert (await bytebase.get("projects/demo", who="bare")).status == 200
    await set_iam(bytebase, until("2001-01-01T00:00:00Z"))
    assert (await bytebase.get("projects/demo", who="bare")).status == 403


async def test_roles_must_expire_where_the_profile_says_so(bytebase):
    body = {"name": "settings/WORKSPACE_PROFILE", "value": {"workspaceProfile": {"maximumRoleExpiration": "86400s"}}}
    path = "settings/WORKSPACE_PROFILE"
    await bytebase.patch(path, body, update_mask="value.workspace_profile.maximum_role_expiration")
    viewer = {"role": "roles/projectViewer", "members": ["user:bob@example.com"]}

    def until(moment):
        return {**viewer, "condition": {"expression": f'request.time < timestamp("{moment}")'}}

    soon = stamp(bytebase.stand_in._clock.now().replace(microsecond=0))
    assert (await set_iam(bytebase, viewer)).code == 3
    assert (await set_iam(bytebase, until("2999-01-01T00:00:00Z"))).code == 3
    assert (await set_iam(bytebase, until(soon))).status == 200


async def test_the_workspace_policy_needs_its_real_name_and_an_administrator(bytebase):
    name = (await bytebase.get("workspaces/-", who=None)).body["name"]
    assert (await bytebase.get("workspaces/-:getIamPolicy")).status == 403
    assert (await bytebase.get(f"{name}:getIamPolicy", who="sync")).status == 200
    nobody = {"bindings": [{"role": "roles/workspaceMember", "members": ["allUsers"]}]}
    assert (await bytebase.post(f"{name}:setIamPolicy", {"policy": nobody})).status == 400


async def test_all_users_holds_for_accounts_too(bytebase):
    await set_iam(bytebase, {"role": "roles/projectViewer", "members": ["allUsers"]})

    assert (await bytebase.get("projects/demo", who="bare")).status == 200


async def entries(bytebase, text="", **body):
    reply = await bytebase.post("auditLogs:search", {"filter": text, "pageSize": 100, **body})
    return reply.body.get("auditLogs", [])


async def test_the_audit_log_holds_what_was_done_and_what_was_refused_inside(bytebase):
    issue, _ = await bytebase.issue("CREATE TABLE t(id int)")
    await bytebase.post(f"{issue}:approve", {"comment": "no"}, who="bob")
    await bytebase.patch(issue, {"labels": ["x"]}, who="sync", update_mask="labels")
    await bytebase.patch("projects/demo", {"title": "T"}, update_mask="title")

    approve = 'method == "/bytebase.v1.IssueService/ApproveIssue"'
    (refused,) = await entries(bytebase, approve)
    assert refused["status"]["code"] == 7
    assert json.loads(refused["request"]) == {"name": issue, "comment": "no"}
    assert refused["name"].startswith("projects/demo/auditLogs/")
    assert "resource" not in refused
    methods = {entry["method"].rpartition("/")[2] for entry in await entries(bytebase)}
    assert {"CreatePlan", "CreateIssue", "Login"} <= methods
    assert not {"UpdateIssue", "UpdateProject"} & methods  # refused at the gate; not audited at all


async def test_the_audit_log_is_ordered_by_time_filtered_and_paged(bytebase):
    await bytebase.plan("CREATE TABLE t(id int)")
    asc = [entry["createTime"] for entry in await entries(bytebase, orderBy="create_time asc")]
    assert asc == sorted(asc)
    assert [entry["createTime"] for entry in await entries(bytebase)] == asc[::-1]
    assert (await bytebase.post("auditLogs:search", {"orderBy": "method"})).code == 3
    assert (await bytebase.post("auditLogs:search", {"filter": 'shoe == "x"'})).code == 3
    both = 'user == "users/bob@example.com" || user == "users/admin@example.com"'
    assert {entry["user"] for entry in await entries(bytebase, both)} == {
        "users/bob@example.com",
        "users/admin@example.com",
    }
    page = (await bytebase.post("auditLogs:search", {"pageSize": 1})).body
    assert (len(page["auditLogs"]), bool(page["nextPageToken"])) == (1, True)


async def test_the_audit_log_keeps_the_secret_of_an_im_and_no_password(bytebase):
    setting = {"name": "settings/APP_IM", "value": {"appIm": {"settings": [{"type": "FEISHU", "feishu": {"appSecret": "geheim"}}]}}}  # fmt: skip
    await bytebase.connect("SettingService/UpdateSetting", {"setting": setting})
    (entry,) = await entries(bytebase, 'resource == "settings/APP_IM"')
    logins = await entries(bytebase, 'method == "/bytebase.v1.AuthService/Login"')

    assert "geheim" in entry["request"]
    assert all("Passw0rd!" not in login["request"] + login["response"] for login in logins)


async def test_there_is_no_audit_log_on_free(free):
    reply = await free.post("auditLogs:search")

    assert (reply.status, "FEATURE_AUDIT_LOG" in reply.body["message"]) == (403, True)
