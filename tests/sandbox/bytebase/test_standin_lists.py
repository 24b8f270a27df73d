"""Lists: pages, filters, orders and their traps (facts §1.4, §8.2, §9.1, §10.3)."""

from __future__ import annotations

import pytest

ADD = "CREATE TABLE t(id int)"
ONE = ["instances/i-test/databases/app"]


async def ids(bytebase, path, key, **query):
    reply = await bytebase.get(path, **query)
    return [item["name"].rpartition("/")[2] for item in reply.body.get(key, [])]


async def three(bytebase):
    return [await bytebase.issue(ADD, targets=ONE, labels=labels) for labels in (["a"], ["a", "b"], [])]


async def test_pages_go_by_offset_and_each_request_s_size(bytebase):
    await three(bytebase)
    first = (await bytebase.get("projects/demo/issues", page_size=2)).body
    assert [i["name"][-3:] for i in first["issues"]] == ["103", "102"]
    rest = (await bytebase.get("projects/demo/issues", page_size=5, page_token=first["nextPageToken"])).body
    assert [i["name"][-3:] for i in rest["issues"]] == ["101"]
    assert "nextPageToken" not in rest
    await bytebase.issue(ADD, targets=ONE)
    moved = (await bytebase.get("projects/demo/issues", page_size=5, page_token=first["nextPageToken"])).body
    assert [i["name"][-3:] for i in moved["issues"]] == ["102", "101"]


async def test_ten_is_a_page_unless_said_otherwise(bytebase):
    for _ in range(11):
        await bytebase.plan(ADD)
    for number in range(101, 112):
        body = {"type": "DATABASE_CHANGE", "title": "T", "plan": f"projects/demo/plans/{number}"}
        await bytebase.post("projects/demo/issues", body, who="bob")

    assert len(await ids(bytebase, "projects/demo/plans", "plans")) == 10
    assert len(await ids(bytebase, "projects/demo/plans", "plans", page_size=5000)) == 11


@pytest.mark.parametrize("query", [{"page_token": "abc"}, {"page_size": -1}])
async def test_bad_pages_are_invalid(bytebase, query):
    assert (await bytebase.get("projects/demo/issues", **query)).code == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('status == "OPEN"', ["103", "102", "101"]),
        ('status in ["DONE", "CANCELED"]', []),
        ('type == "DATABASE_CHANGE" && labels == "a"', ["102", "101"]),
        ('labels in ["a", "b"]', ["102"]),
        ('risk_level in ["LOW"]', ["103", "102", "101"]),
        ('create_time >= "2000-01-01T00:00:00Z"', ["103", "102", "101"]),
        ('create_time <= "2000-01-01T00:00:00Z"', []),
        ('creator == "users/bob@example.com"', ["103", "102", "101"]),
        ('creator == "users/sync@service.bytebase.com"', []),
        ('approval_status == "PENDING"', ["103", "102", "101"]),
        ('current_approver == "users/alice@example.com"', ["103", "102", "101"]),
        ('current_approver == "users/bob@example.com"', []),
    ],
)
async def test_issues_are_filtered(bytebase, text, found):
    await three(bytebase)

    assert await ids(bytebase, "projects/demo/issues", "issues", filter=text) == found
    search = await bytebase.post("projects/-/issues:search", {"filter": text})
    assert [item["name"].rpartition("/")[2] for item in search.body.get("issues", [])] == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('status == "OPEN" || status == "DONE"', 3),
        ('update_time >= "2000-01-01T00:00:00Z"', 3),
        ('foo == "x"', 3),
        ('create_time >= "yesterday"', 3),
        ('create_time >= "2020-01-01"', 3),
        ('status == "WHAT"', 3),
        ('risk_level == "LOW"', 3),
        ('creator == "users/ghost@example.com"', 3),
        ("status == ", 3),
        ("status == 1", 13),
    ],
)
async def test_filters_that_cannot_be_are_refused(bytebase, text, code):
    assert (await bytebase.get("projects/demo/issues", filter=text)).code == code


async def test_some_terms_are_judged_after_the_page_is_cut(bytebase):
    issues = await three(bytebase)
    await bytebase.post(f"{issues[0][0]}:reject", {}, who="alice")
    page = (await bytebase.get("projects/demo/issues", page_size=1, filter='approval_status == "REJECTED"')).body

    assert "issues" not in page
    assert page["nextPageToken"]


async def test_issues_are_ordered_by_time(bytebase):
    issues = await three(bytebase)
    await bytebase.patch(issues[0][0], {"name": issues[0][0], "title": "N"}, who="bob", update_mask="title")

    for order, found in (("create_time asc", "101"), ("create_time desc", "103"), ("update_time desc", "101")):
        assert (await ids(bytebase, "projects/demo/issues", "issues", order_by=order))[0] == found
    assert (await bytebase.get("projects/demo/issues", order_by="title")).code == 3


async def test_all_projects_at_once_are_for_searching_issues_only(bytebase):
    await three(bytebase)

    assert len((await bytebase.post("projects/-/issues:search", who="sync")).body["issues"]) == 3
    assert (await bytebase.get("projects/-/issues", who="sync")).status == 403
    assert (await bytebase.get("projects/-/issues")).body == {}
    assert (await bytebase.get("projects/-/plans")).body == {}
    assert (await bytebase.get("projects/-/rollouts")).status == 404


async def test_searching_one_project_asks_for_no_right(bytebase):
    await three(bytebase)

    assert len((await bytebase.post("projects/demo/issues:search", who="bare")).body["issues"]) == 3


async def test_a_search_looks_into_titles(bytebase):
    await bytebase.issue(ADD, targets=ONE, title="Add ledger")
    assert len((await bytebase.post("projects/-/issues:search", {"query": "LEDGER"})).body["issues"]) == 1
    assert (await bytebase.post("projects/-/issues:search", {"query": "nothing"})).body == {}


async def test_plans_without_an_issue_are_hidden_and_deleted_ones_are_not(bytebase):
    hidden = await bytebase.plan(ADD)
    assert await ids(bytebase, "projects/demo/plans", "plans") == []
    await bytebase.patch(hidden, {"name": hidden, "state": "DELETED"}, who="bob", update_mask="state")
    assert await ids(bytebase, "projects/demo/plans", "plans") == ["101"]
    assert await ids(bytebase, "projects/demo/plans", "plans", filter='state == "ACTIVE"') == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("has_rollout == true", ["101"]),
        ("has_rollout == false", ["102"]),
        ('has_rollout == true && state == "ACTIVE"', ["101"]),
        ('title == "Change"', ["102", "101"]),
        ('title.contains("ang")', ["102", "101"]),
        ('spec_type == "create_database_config"', []),
        ('creator == "users/bob@example.com"', ["102", "101"]),
    ],
)
async def test_plans_are_filtered(bytebase, text, found):
    await bytebase.rolled_out(ADD, targets=ONE)
    await bytebase.issue(ADD, targets=ONE)

    assert await ids(bytebase, "projects/demo/plans", "plans", filter=text, order_by="update_time") == found


async def test_the_update_filter_of_rollouts_looks_at_runs_and_not_at_the_update(bytebase):
    plan = await bytebase.rolled_out(ADD, targets=ONE)
    created = (await bytebase.get(plan)).body["createTime"]
    rollout = (await bytebase.get("projects/demo/rollouts")).body["rollouts"][0]
    after = rollout["updateTime"]
    assert after > created
    missed = await bytebase.get("projects/demo/rollouts", filter=f'update_time >= "{after}"')
    assert missed.body == {}
    kinds = 'task_type in ["DATABASE_MIGRATE"]'
    assert len((await bytebase.get("projects/demo/rollouts", filter=kinds)).body["rollouts"]) == 1


async def test_comments_are_paged_oldest_first(bytebase):
    issue, _ = await bytebase.issue(ADD, targets=ONE)
    for text in ("one", "two", "three"):
        await bytebase.post(f"{issue}:comment", {"comment": text}, who="sync")
    first = (await bytebase.get(f"{issue}/issueComments", page_size=2)).body
    second = (await bytebase.get(f"{issue}/issueComments", page_size=2, page_token=first["nextPageToken"])).body

    assert [c.get("comment") for c in first["issueComments"] + second["issueComments"]] == [None, "one", "two", "three"]


async def test_databases_are_listed_by_project_and_instance(bytebase):
    own = await ids(bytebase, "projects/demo/databases", "databases")
    server = await ids(bytebase, "instances/i-test/databases", "databases")

    assert (own, server) == (["app", "app", "crm"], ["app", "crm"])
    assert (await bytebase.get("projects/demo/databases", who="bare")).status == 403
