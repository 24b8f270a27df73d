"""What our writes put on the wire: exact masks and bodies, nothing that the server would silently misread."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from providers.bytebase.bytebase_areas import Areas, open_areas_over
from providers.bytebase.tiny_bytebase import TinyBytebase

from reconciler.errors import CredentialsError, NotFoundError, RefusedError, SpecError
from reconciler.providers.bytebase.detect import dialect_of
from reconciler.providers.bytebase.projects import ProjectFlags, WebhookFields
from reconciler.providers.bytebase.settings import ImEntry
from reconciler.providers.bytebase.wire_people import WireBinding, WireRole
from reconciler.providers.bytebase.wire_workspace import WireRule
from reconciler.secret import Secret


class Wire:
    """Remembers what was sent and answers with names enough for every message."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.body: Any = {"name": "x"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json=self.body)

    @property
    def last(self) -> tuple[str, str, dict[str, str], Any]:
        request = self.requests[-1]
        body = json.loads(request.content) if request.content else None
        return request.method, request.url.path, dict(request.url.params), body


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def calls(wire: Wire) -> Areas:
    return open_areas_over(wire)


FEISHU = ImEntry("FEISHU", (("appId", "cli_a"), ("appSecret", Secret("canary"))))
TEAMS = ImEntry("TEAMS", (("tenantId", "t"), ("clientId", "c"), ("clientSecret", Secret("canary"))))
SLACK = ImEntry("SLACK", (("token", Secret("canary")),))


async def test_verified_ims_are_named_in_the_mask_with_its_odd_spelling(wire: Wire, calls: Areas) -> None:
    await calls.settings.write_im([FEISHU, TEAMS], verify=True)
    method, path, query, body = wire.last
    assert (method, path) == ("PATCH", "/v1/settings/APP_IM")
    assert query == {"update_mask": "value.app_im.feishu,value.app_im_setting_value.teams"}
    assert body["value"]["appIm"]["settings"][0] == {
        "type": "FEISHU",
        "feishu": {"appId": "cli_a", "appSecret": "canary"},
    }


@pytest.mark.parametrize(("entries", "verify"), [([FEISHU, SLACK], False), ([], True), ([], False)])
async def test_unverified_or_cleared_ims_go_by_connect_without_a_mask(
    wire: Wire, calls: Areas, entries: list[ImEntry], verify: bool
) -> None:
    await calls.settings.write_im(entries, verify=verify)
    method, path, query, body = wire.last
    assert (method, path, query) == ("POST", "/bytebase.v1.SettingService/UpdateSetting", {})
    assert set(body) == {"setting"}
    assert len(body["setting"]["value"]["appIm"]["settings"]) == len(entries)
    assert wire.requests[-1].headers["connect-protocol-version"] == "1"


@pytest.mark.parametrize(
    "entry",
    [
        ImEntry("FEISHU", (("appId", "cli_a"),)),
        ImEntry("FEISHU", (("appId", "cli_a"), ("appSecret", Secret("")))),
        ImEntry("FEISHU", (("appId", "cli_a"), ("appSecret", Secret("canary")), ("token", "x"))),
        ImEntry("CARRIER_PIGEON", (("token", "x"),)),
    ],
    ids=["missing", "empty", "of another type", "unknown type"],
)
async def test_an_entry_that_bytebase_would_store_empty_is_never_sent(wire: Wire, calls: Areas, entry: ImEntry) -> None:
    with pytest.raises(SpecError) as caught:
        await calls.settings.write_im([entry], verify=False)
    assert wire.requests == []
    assert "canary" not in str(caught.value) + repr(entry)


async def test_rules_are_written_out_even_where_a_part_is_empty(wire: Wire, calls: Areas) -> None:
    rule = WireRule.model_validate({"condition": {"expression": "true"}, "template": {"title": "None", "flow": {}}})
    await calls.settings.write_approval_rules([rule])
    assert wire.last[3]["value"]["workspaceApproval"]["rules"] == [
        {"condition": {"expression": "true"}, "template": {"title": "None", "flow": {"roles": []}}}
    ]


async def test_a_policy_is_written_with_its_type_and_created_where_missing(wire: Wire, calls: Areas) -> None:
    await calls.settings.write_rollout_policy("environments/prod", automatic=False, roles=["roles/a"])
    assert wire.last == (
        "PATCH",
        "/v1/environments/prod/policies/rollout_policy",
        {"update_mask": "rollout_policy", "allow_missing": "true"},
        {
            "name": "environments/prod/policies/rollout_policy",
            "type": "ROLLOUT_POLICY",
            "rolloutPolicy": {"automatic": False, "roles": ["roles/a"]},
        },
    )


async def test_only_the_given_flags_are_in_mask_and_body(wire: Wire, calls: Areas) -> None:
    await calls.projects.update("projects/demo", ProjectFlags(require_issue_approval=True, allow_self_approval=False))
    _, _, query, body = wire.last
    assert query == {"update_mask": "require_issue_approval,allow_self_approval"}
    assert body == {"name": "projects/demo", "requireIssueApproval": True, "allowSelfApproval": False}


async def test_the_events_of_a_webhook_have_a_singular_mask(wire: Wire, calls: Areas) -> None:
    fields = WebhookFields(
        url=Secret("https://open.feishu.cn/hook/canary"), events=("ISSUE_CREATED",), direct_message=False
    )
    await calls.projects.update_webhook("projects/demo/webhooks/1", fields)
    _, path, query, body = wire.last
    assert path == "/v1/projects/demo/webhooks/1:updateWebhook"
    assert query == {"update_mask": "url,direct_message,notification_type"}
    assert body["notificationTypes"] == ["ISSUE_CREATED"]
    assert "title" not in body
    assert "canary" not in repr(fields)


async def test_an_added_webhook_is_found_by_what_was_not_there_before() -> None:
    hooks = [{"name": "projects/demo/webhooks/old", "title": "changes"}]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            hooks.append({"name": "projects/demo/webhooks/new", "title": "changes"})
        return httpx.Response(200, json={"name": "projects/demo", "webhooks": hooks})

    added = await open_areas_over(answer).projects.add_webhook(
        "projects/demo", "FEISHU", WebhookFields(title="changes")
    )
    assert added.name == "projects/demo/webhooks/new"


async def test_a_webhook_that_is_not_there_after_adding_is_said() -> None:
    areas = open_areas_over(lambda request: httpx.Response(200, json={"name": "projects/demo"}))
    with pytest.raises(NotFoundError):
        await areas.projects.add_webhook("projects/demo", "FEISHU", WebhookFields(title="changes"))


async def test_bindings_are_written_back_without_what_the_server_added(wire: Wire, calls: Areas) -> None:
    condition = {"expression": 'request.time < timestamp("2027-12-31T00:00:00Z")', "title": "until"}
    read = {"role": "roles/a", "members": ["user:a@x.example"], "condition": condition, "parsedExpr": {"id": "3"}}
    plain = {"role": "roles/b", "members": ["group:b@x.example"], "condition": {}}
    bindings = [WireBinding.model_validate(each) for each in (read, plain)]
    wire.body = {"etag": "2"}
    assert (await calls.iam.set_policy("projects/demo", bindings, etag="1")).etag == "2"
    del read["parsedExpr"]
    assert wire.last[3] == {"policy": {"bindings": [read, plain]}, "etag": "1"}


async def test_a_role_is_created_under_its_id_and_changed_by_mask(wire: Wire, calls: Areas) -> None:
    role = WireRole(name="roles/oa", title="OA", permissions=("bb.issues.get",))
    await calls.iam.create_role(role)
    assert wire.last[1:3] == ("/v1/roles", {"roleId": "oa"})
    await calls.iam.update_role(role)
    assert wire.last[1:3] == ("/v1/roles/oa", {"update_mask": "title,description,permissions"})
    assert wire.last[3]["permissions"] == ["bb.issues.get"]


async def test_a_scheduled_run_is_sent_with_its_time(wire: Wire, calls: Areas) -> None:
    from datetime import UTC, datetime

    await calls.rollouts.run("projects/p/plans/1/rollout/stages/test", ["t"], at=datetime(2031, 5, 1, tzinfo=UTC))
    assert wire.last[3] == {"tasks": ["t"], "runTime": "2031-05-01T00:00:00Z"}


async def test_nobody_is_asked_about_no_people(wire: Wire, calls: Areas) -> None:
    wire.body = {}
    assert await calls.iam.users_by_name([]) == ()


@pytest.mark.parametrize(
    ("version", "summaries", "best_effort"),
    [
        ("3.21.1", True, False),
        ("v3.17.0", True, False),
        ("4.0.0", True, False),
        ("3.16.2", False, True),
        ("3.14.0", False, True),
        ("development", True, False),
        ("3.22.0-rc1", True, False),
    ],
)
def test_a_version_says_what_can_be_expected(version: str, summaries: bool, best_effort: bool) -> None:
    dialect = dialect_of(version)
    assert (dialect.has_stage_summaries, dialect.is_best_effort, dialect.version) == (summaries, best_effort, version)


@pytest.mark.parametrize("version", ["3.13.9", "3.0.0", "2.22.1", "1.10.0"])
def test_an_older_server_is_refused_by_name_with_the_way_out(version: str) -> None:
    with pytest.raises(RefusedError, match=version.replace(".", r"\.")) as caught:
        dialect_of(version)
    assert "3.17" in caught.value.next_step


async def test_a_server_is_asked_once_and_an_old_one_nothing_more(client_over: Any) -> None:
    tiny = TinyBytebase()
    async with client_over(tiny) as client:
        server = await client.server()
        assert await client.server() is server
    assert (server.workspace, server.external_url, server.has_reviews) == ("workspaces/w", "https://bb.example", False)
    assert tiny.asked.count("GET /v1/actuator/info") == 1
    tiny.answer("GET /v1/actuator/info", {"version": "3.5.0"})
    mark = len(tiny.asked)
    async with client_over(tiny) as client:
        with pytest.raises(RefusedError):
            await client.server()
    assert tiny.asked[mark:] == ["GET /v1/actuator/info"]


async def test_a_server_that_shows_its_version_to_members_only_is_asked_as_one(client_over: Any) -> None:
    tiny = TinyBytebase()

    def guarded(request: httpx.Request) -> Any:
        if "authorization" in request.headers:
            return {"version": "3.22.0", "workspace": "workspaces/w"}
        return httpx.Response(401, json={"code": 16, "message": "access token not found"})

    tiny.answer("GET /v1/actuator/info", guarded)
    async with client_over(tiny) as client:
        assert (await client.server()).dialect.version == "3.22.0"


async def test_a_wrong_key_is_one_clear_error(client_over: Any) -> None:
    tiny = TinyBytebase()
    tiny.answer("POST /v1/auth/login", httpx.Response(401, json={"code": 16, "message": "invalid email or password"}))
    async with client_over(tiny) as client:
        with pytest.raises(CredentialsError) as caught:
            await client.iam.me()
    assert "bbs_canary" not in str(caught.value) + repr(caught.value)
    assert caught.value.next_step


async def test_the_audit_log_is_asked_for_its_newest_entries_in_one_call(wire: Wire, calls: Areas) -> None:
    wire.body = {
        "auditLogs": [{"name": "a", "createTime": "2026-11-22T15:00:00Z", "request": "canary"}],
        "nextPageToken": "t",
    }
    entries = await calls.system.audit('method == "/bytebase.v1.SettingService/UpdateSetting"', limit=5)
    assert [entry.name for entry in entries] == ["a"]
    assert len(wire.requests) == 1
    assert wire.last[3]["orderBy"] == "create_time desc"
    assert wire.last[3]["pageSize"] == 5
    assert "canary" not in repr(entries)


async def test_a_server_without_a_workspace_in_its_version_is_asked_for_it(client_over: Any) -> None:
    tiny = TinyBytebase()
    tiny.answer("GET /v1/actuator/info", {"version": "3.18.0"})
    tiny.answer("GET /v1/workspaces/-", {"name": "workspaces/w"})
    async with client_over(tiny) as client:
        assert (await client.server()).workspace == "workspaces/w"
