"""Both faces: routes, JSON mapping, masks, refusals (facts §1, §2)."""

from __future__ import annotations

import base64

import pytest

WRONG = "application/xml"


async def test_health_and_pages_need_no_credentials(bytebase):
    health = await bytebase.ask("GET", "/healthz", who=None)
    page = await bytebase.ask("GET", "/anything/else", who=None)

    assert (health.status, health.body) == (200, "OK")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("verb", "path", "status"), [("GET", "nosuch", 404), ("DELETE", "projects/demo/issues", 405)])
async def test_unknown_routes_answer_code_2_with_or_without_credentials(bytebase, verb, path, status):
    for who in ("admin", None):
        reply = await bytebase.ask(verb, path, who=who)
        assert (reply.status, reply.code) == (status, 2)
        assert f"gateway routing error {status}" in reply.body["message"]


async def test_a_verb_after_a_name_is_a_name_on_get(bytebase):
    reply = await bytebase.get("projects/demo/issues/101:approve")

    assert (reply.status, reply.code) == (400, 3)


async def test_defaults_are_left_out_and_int64_is_text(bytebase):
    content = base64.b64encode(b"SELECT 1").decode()
    sheet = (await bytebase.post("projects/demo/sheets", {"content": content})).body
    empty = await bytebase.get("projects/demo/issues")
    project = (await bytebase.get("projects/demo")).body

    assert sheet["contentSize"] == "8"
    assert empty.body == {}
    assert project["executionRetryPolicy"] == {}
    assert "allowSelfApproval" not in project


async def test_input_takes_both_spellings_numbers_for_enums_and_null_for_unset(bytebase):
    body = {"name": "projects/demo", "allow_self_approval": True, "title": None}
    reply = await bytebase.patch("projects/demo", body, update_mask="allow_self_approval")
    assert reply.body["allowSelfApproval"] is True

    plan = await bytebase.plan("CREATE TABLE t(id int)")
    issue = await bytebase.post("projects/demo/issues", {"type": 1, "title": "By number", "plan": plan}, who="bob")
    assert issue.body["type"] == "DATABASE_CHANGE"


async def test_unknown_fields_are_refused_on_rest_and_ignored_on_connect(bytebase):
    rest = await bytebase.post("projects/-/issues:search", {"nope": 1})
    connect = await bytebase.connect("IssueService/SearchIssues", {"parent": "projects/-", "nope": 1})

    assert (rest.status, rest.code) == (400, 3)
    assert '"nope"' in rest.body["message"]
    assert connect.status == 200


async def test_unknown_enum_values_are_refused_on_rest_and_nothing_on_connect(bytebase):
    body = {"parent": "projects/demo", "issues": ["projects/demo/issues/1"], "status": "WHAT"}
    rest = await bytebase.post("projects/demo/issues:batchUpdateStatus", body)
    connect = await bytebase.connect("IssueService/BatchUpdateIssuesStatus", body)

    assert "invalid value for enum" in rest.body["message"]
    assert connect.code == "invalid_argument"
    assert "UNSPECIFIED" in connect.body["message"]


async def test_unknown_query_parameters_and_empty_bodies_are_fine(bytebase):
    assert (await bytebase.get("projects/demo/issues", nonsense="1")).status == 200
    response = await bytebase.client.post(
        "/v1/projects:search", headers={"Authorization": f"Bearer {await bytebase.token('admin')}"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize("body", [b"{bad", b'"text"', b"\xff\xfe", b"[" * 100_000])
async def test_malformed_json_is_invalid_on_both_faces(bytebase, body):
    headers = {"Authorization": f"Bearer {await bytebase.token('admin')}", "Content-Type": "application/json"}
    for path in ("/v1/projects:search", "/bytebase.v1.ProjectService/SearchProjects"):
        response = await bytebase.client.post(path, content=body, headers=headers)
        assert response.status_code == 400
        assert response.json()["code"] in (3, "invalid_argument")


async def test_connect_refuses_what_is_no_method_in_its_own_ways(bytebase):
    headers = {"Content-Type": "application/json"}
    no_method = await bytebase.client.post("/bytebase.v1.IssueService/Nope", headers=headers)
    no_service = await bytebase.client.post("/bytebase.v1.NopeService/Nope", headers=headers)
    by_get = await bytebase.client.get("/bytebase.v1.IssueService/GetIssue")
    by_xml = await bytebase.client.post("/bytebase.v1.IssueService/GetIssue", headers={"Content-Type": WRONG})

    assert (no_method.status_code, no_method.headers["content-type"][:10]) == (404, "text/plain")
    assert (no_service.status_code, no_service.json()) == (405, {"message": "Method Not Allowed"})
    assert (by_get.status_code, by_get.headers["allow"], by_get.content) == (405, "POST", b"")
    assert (by_xml.status_code, by_xml.content) == (415, b"")


async def test_connect_compresses_when_asked_and_rest_never_does(bytebase):
    headers = {"Authorization": f"Bearer {await bytebase.token('admin')}", "Accept-Encoding": "gzip"}
    connect = await bytebase.client.post("/bytebase.v1.RoleService/ListRoles", json={}, headers=headers)
    rest = await bytebase.client.get("/v1/roles", headers=headers)

    assert connect.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in rest.headers
    assert connect.json() == rest.json()


@pytest.mark.parametrize("who", ["bare", None])
async def test_a_too_long_title_is_refused_before_anybody_asks_who_calls(bytebase, who):
    reply = await bytebase.post("projects/demo/issues", {"title": "x" * 201}, who=who)

    assert (reply.status, reply.code) == (400, 3)
    detail = reply.body["details"][0]
    assert detail["@type"].endswith("buf.validate.Violations")
    assert [e["fieldName"] for e in detail["violations"][0]["field"]["elements"]] == ["issue", "title"]


async def test_a_refusal_by_permission_names_method_permission_and_project(bytebase):
    rest = await bytebase.get("projects/demo/issues", who="bare")
    connect = await bytebase.connect("IssueService/ListIssues", {"parent": "projects/demo"}, who="bare")

    detail = rest.body["details"][0]
    assert (rest.status, rest.code, detail["requiredPermissions"]) == (403, 7, ["bb.issues.list"])
    assert (detail["method"], detail["resources"]) == ("/bytebase.v1.IssueService/ListIssues", ["projects/demo"])
    assert connect.body["details"][0]["type"] == "bytebase.v1.PermissionDeniedDetail"
    value = connect.body["details"][0]["value"]
    assert b"bb.issues.list" in base64.b64decode(value + "=" * (-len(value) % 4))


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("projects/nope", 404, 5),
        ("projects/nope/issues", 404, 5),
        ("projects/demo/issues/9", 404, 5),
        ("projects/demo/issues/abc", 400, 3),
        ("projects/demo/plans/9/rollout", 404, 5),
        ("projects/demo/sheets/" + "0" * 64, 404, 5),
        ("projects/demo/sheets/short", 500, 13),
        ("instances/nope", 500, 13),
        ("instances/i-test/databases/nope", 500, 13),
        ("users/nobody@example.com", 404, 5),
        ("groups/none@example.com", 404, 5),
        ("settings/NOPE", 400, 3),
        ("settings/EMAIL", 404, 5),
    ],
)
async def test_what_does_not_exist_is_said_as_the_server_says_it(bytebase, path, status, code):
    reply = await bytebase.get(path)

    assert (reply.status, reply.code) == (status, code)


async def test_rest_patch_without_a_mask_invents_one_that_holds_the_name(bytebase):
    named = await bytebase.patch("projects/demo", {"name": "projects/demo", "title": "New"})
    bare = await bytebase.patch("projects/demo", {"title": "New"})

    assert (named.status, bare.status) == (400, 200)
    assert bare.body["title"] == "New"


async def test_masks_are_snake_case_on_rest_and_camel_case_on_connect(bytebase):
    body = {"name": "projects/demo", "allowSelfApproval": True}
    assert (await bytebase.patch("projects/demo", body, update_mask="allowSelfApproval")).status == 400
    snake = await bytebase.connect(
        "ProjectService/UpdateProject", {"project": body, "updateMask": "allow_self_approval"}
    )
    assert snake.code == "invalid_argument"
    camel = await bytebase.connect("ProjectService/UpdateProject", {"project": body, "updateMask": "allowSelfApproval"})
    assert camel.body["allowSelfApproval"] is True
    absent = await bytebase.connect("ProjectService/UpdateProject", {"project": body})
    assert absent.code == "invalid_argument"


async def test_a_method_outside_the_stand_in_says_so(bytebase):
    reply = await bytebase.connect("SubscriptionService/CreatePurchase")

    assert (reply.status, reply.code) == (501, "unimplemented")
