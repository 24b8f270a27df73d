"""Every recorded exchange that the product can make is made by our client and understood as the real server meant it.

The table below turns a recorded request into the client call that sends exactly it; what no call of ours sends is listed with
its reason. A call that sent anything else would find no answer, because the network is blocked.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.errors import (
    BugError,
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    UnavailableError,
)
from reconciler.providers.bytebase.auth import Session
from reconciler.providers.bytebase.channel import Page
from reconciler.providers.bytebase.connection import ServiceAccount, WorkloadIdentity
from reconciler.providers.bytebase.projects import ProjectFlags, WebhookFields
from reconciler.providers.bytebase.settings import ImEntry
from reconciler.providers.bytebase.translate import agrees, newest_runs
from reconciler.providers.bytebase.wire import Wire
from reconciler.providers.bytebase.wire_changes import WireRollout, WireSheet, WireTaskRuns
from reconciler.providers.bytebase.wire_people import WireBinding
from reconciler.providers.bytebase.wire_workspace import WireRule
from reconciler.secret import Secret

RECORDINGS = [
    "auth-login",
    "whoami",
    "detect-free",
    "detect-ent",
    "settings-app-im-connect",
    "settings-app-im-rest-refused",
    "settings-profile-environment",
    "rollout-policy-cycle",
    "project-flags",
    "webhooks-cycle",
    "users-iam",
    "groups-roles-iam",
    "change-free-lifecycle",
    "task-failed-rerun",
    "task-skip",
    "task-cancel",
    "automatic-environment",
    "batchrun-oddities",
    "plan-check-error",
    "rollout-without-issue",
    "lists-paging",
    "rollout-watermark-hole",
    "errors-rest",
    "errors-connect",
    "review-two-steps",
    "review-reject-request",
    "review-spec-change",
    "review-cancel-reopen",
    "review-bindings",
    "review-blind-retry",
    "review-no-roles",
    "approval-rules",
    "require-issue-approval",
    "policy-role-runner",
    "comments-paging",
    "least-privilege",
    "plans-summaries",
    "audit-feed",
]

Send = Callable[[Any, Any, re.Match[str]], Awaitable[Any]]


def camel_to_snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name)


def flags_of(body: dict[str, Any]) -> ProjectFlags:
    return ProjectFlags(**{camel_to_snake(key): value for key, value in body.items() if key != "name"})


def webhook_of(body: dict[str, Any]) -> WebhookFields:
    events = body.get("notificationTypes")
    return WebhookFields(
        title=body.get("title"),
        url=Secret(body["url"]) if "url" in body else None,
        direct_message=body.get("directMessage"),
        events=tuple(events) if events is not None else None,
    )


def entries_of(setting: dict[str, Any]) -> list[ImEntry]:
    entries = setting["value"]["appIm"].get("settings", [])
    return [ImEntry(entry["type"], tuple(entry[entry["type"].lower()].items())) for entry in entries]


def rules_of(setting: dict[str, Any]) -> list[WireRule]:
    return [WireRule.model_validate(rule) for rule in setting["value"]["workspaceApproval"]["rules"]]


async def login(areas: Any, e: Any, m: re.Match[str]) -> Any:
    session = Session(areas.http, ServiceAccount(e.body["email"], Secret("x")))
    assert (await session.token()).reveal() == "REDACTED"


async def exchange(areas: Any, e: Any, m: re.Match[str]) -> Any:
    await Session(areas.http, WorkloadIdentity(e.body["email"], Secret("x"))).token()


OURS: list[tuple[str, str, Callable[[Any], bool], Send]] = [
    ("POST", r"/v1/auth/login", lambda e: "web" not in e.body, login),
    ("POST", r"/v1/auth:exchangeToken", lambda e: True, exchange),
    ("GET", r"/v1/users/me", lambda e: True, lambda a, e, m: a.iam.me()),
    ("GET", r"/v1/users/([^/:]+)", lambda e: True, lambda a, e, m: a.iam.user(m[1])),
    (
        "GET",
        r"/v1/users:batchGet",
        lambda e: True,
        lambda a, e, m: a.iam.users_by_name([name.removeprefix("users/") for _, name in e.query]),
    ),
    ("GET", r"/v1/(groups/[^/:]+)", lambda e: True, lambda a, e, m: a.iam.group(m[1])),
    ("GET", r"/v1/(roles/\w[^/:]*)", lambda e: True, lambda a, e, m: a.iam.role(m[1])),
    ("GET", r"/v1/((?:projects|workspaces)/[^/:]+):getIamPolicy", lambda e: True, lambda a, e, m: a.iam.policy(m[1])),
    (
        "POST",
        r"/v1/((?:projects|workspaces)/[^/:]+):setIamPolicy",
        lambda e: "etag" in e.body,
        lambda a, e, m: a.iam.set_policy(
            m[1],
            [WireBinding.model_validate(binding) for binding in e.body["policy"]["bindings"]],
            etag=e.body["etag"],
        ),
    ),
    ("GET", r"/v1/actuator/info", lambda e: True, lambda a, e, m: a.system.actuator()),
    ("GET", r"/v1/subscription", lambda e: True, lambda a, e, m: a.system.subscription()),
    ("GET", r"/v1/workspaces/-", lambda e: True, lambda a, e, m: a.system.workspace()),
    ("GET", r"/v1/(instances/[^/]+/databases/[^/]+)", lambda e: True, lambda a, e, m: a.system.database(m[1])),
    ("GET", r"/v1/settings", lambda e: True, lambda a, e, m: a.settings.list_all()),
    ("GET", r"/v1/settings/(\w+)", lambda e: True, lambda a, e, m: a.settings.get(m[1])),
    (
        "POST",
        r"/bytebase.v1.SettingService/UpdateSetting",
        lambda e: (
            set(e.body) == {"setting"}
            and "appIm" in e.body["setting"]["value"]
            and all(entry["type"].lower() in entry for entry in e.body["setting"]["value"]["appIm"]["settings"])
        ),
        lambda a, e, m: a.settings.write_im(entries_of(e.body["setting"]), verify=False),
    ),
    (
        "PATCH",
        r"/v1/settings/APP_IM",
        lambda e: dict(e.query) == {"update_mask": "value.app_im.feishu"},
        lambda a, e, m: a.settings.write_im(entries_of(e.body), verify=True),
    ),
    (
        "PATCH",
        r"/v1/settings/WORKSPACE_APPROVAL",
        lambda e: (
            dict(e.query) == {"update_mask": "value.workspace_approval"}
            and all(
                {"condition", "template"} <= set(rule)
                and "flow" in rule["template"]
                and isinstance(rule.get("source", ""), str)
                for rule in e.body["value"]["workspaceApproval"]["rules"]
            )
        ),
        lambda a, e, m: a.settings.write_approval_rules(rules_of(e.body)),
    ),
    (
        "PATCH",
        r"/v1/settings/WORKSPACE_PROFILE",
        lambda e: dict(e.query).get("update_mask") == "value.workspace_profile.external_url",
        lambda a, e, m: a.settings.write_external_url(e.body["value"]["workspaceProfile"]["externalUrl"]),
    ),
    (
        "GET",
        r"/v1/(environments/\w+)/policies/rollout_policy",
        lambda e: True,
        lambda a, e, m: a.settings.rollout_policy(m[1]),
    ),
    (
        "GET",
        r"/v1/(environments/\w+)/policies",
        lambda e: bool(e.query),
        lambda a, e, m: a.settings.written_policies(m[1]),
    ),
    (
        "PATCH",
        r"/v1/(environments/\w+)/policies/rollout_policy",
        lambda e: (
            "allow_missing" in dict(e.query)
            and e.body.get("type") == "ROLLOUT_POLICY"
            and set(e.body["rolloutPolicy"]) == {"automatic", "roles"}
        ),
        lambda a, e, m: a.settings.write_rollout_policy(m[1], **e.body["rolloutPolicy"]),
    ),
    (
        "DELETE",
        r"/v1/(environments/\w+)/policies/rollout_policy",
        lambda e: True,
        lambda a, e, m: a.settings.reset_rollout_policy(m[1]),
    ),
    ("GET", r"/v1/(projects/[^/:-][^/:]*)", lambda e: True, lambda a, e, m: a.projects.get(m[1])),
    (
        "PATCH",
        r"/v1/(projects/[^/:]+)",
        lambda e: (
            dict(e.query).get("update_mask", "") == ",".join(camel_to_snake(key) for key in e.body if key != "name")
            and "issueLabels" not in e.body
        ),
        lambda a, e, m: a.projects.update(m[1], flags_of(e.body)),
    ),
    (
        "PATCH",
        r"/v1/(projects/[^/]+/webhooks/[^:]+):updateWebhook",
        lambda e: (
            "type" not in e.body and dict(e.query).get("update_mask", "notification_types") != "notification_types"
        ),
        lambda a, e, m: a.projects.update_webhook(m[1], webhook_of(e.body)),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/webhooks/[^:]+):removeWebhook",
        lambda e: True,
        lambda a, e, m: a.projects.remove_webhook(m[1]),
    ),
    ("GET", r"/v1/(projects/[^/]+/issues/[^/:]+)", lambda e: True, lambda a, e, m: a.issues.get(m[1])),
    (
        "POST",
        r"/v1/(projects/[^/]+/issues/\d+):comment",
        lambda e: True,
        lambda a, e, m: a.issues.comment(m[1], e.body["comment"]),
    ),
    (
        "PATCH",
        r"/v1/(projects/[^/]+/issues/\d+):comment",
        lambda e: True,
        lambda a, e, m: a.issues.edit_comment(m[1], e.body["name"], e.body["comment"]),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/issues/\d+):(approve|reject|request)",
        lambda e: e.body is not None and "comment" in e.body,
        lambda a, e, m: getattr(a.issues, m[2])(m[1], e.body["comment"]),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/issues/\d+):retryApproval",
        lambda e: e.body == {},
        lambda a, e, m: a.issues.retry_approval(m[1]),
    ),
    (
        "POST",
        r"/v1/projects/[^/]+/issues:batchUpdateStatus",
        lambda e: bool(e.body) and {"issues", "status", "reason"} == set(e.body),
        lambda a, e, m: a.issues.set_status(e.body["issues"], e.body["status"], e.body["reason"]),
    ),
    ("GET", r"/v1/(projects/[^/]+/plans/\d+)", lambda e: True, lambda a, e, m: a.plans.get(m[1])),
    ("GET", r"/v1/(projects/[^/]+/plans/\d+)/planCheckRun", lambda e: True, lambda a, e, m: a.plans.checks(m[1])),
    (
        "POST",
        r"/v1/(projects/[^/]+/plans/\d+):runPlanChecks",
        lambda e: e.body == {},
        lambda a, e, m: a.plans.run_checks(m[1]),
    ),
    ("GET", r"/v1/(projects/[^/]+/plans/\d+)/rollout", lambda e: True, lambda a, e, m: a.rollouts.get(m[1])),
    (
        "POST",
        r"/v1/(projects/[^/]+/plans/\d+)/rollout",
        lambda e: e.body == {},
        lambda a, e, m: a.rollouts.create(m[1]),
    ),
    (
        "GET",
        r"/v1/(projects/[^/]+/plans/\d+)/rollout/stages/-/tasks/-/taskRuns",
        lambda e: True,
        lambda a, e, m: a.rollouts.task_runs(m[1]),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/plans/\d+/rollout/stages/\w+)/tasks:batchRun",
        lambda e: set(e.body) == {"tasks"},
        lambda a, e, m: a.rollouts.run(m[1], e.body["tasks"]),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/plans/\d+/rollout/stages/\w+)/tasks:batchSkip",
        lambda e: set(e.body) == {"tasks", "reason"} and len(e.body["reason"]) <= 1000,
        lambda a, e, m: a.rollouts.skip(m[1], e.body["tasks"], e.body["reason"]),
    ),
    (
        "POST",
        r"/v1/(projects/[^/]+/plans/\d+/rollout/stages/\w+)/tasks/-/taskRuns:batchCancel",
        lambda e: True,
        lambda a, e, m: a.rollouts.cancel(m[1], e.body["taskRuns"]),
    ),
    ("GET", r"/v1/(projects/[^/]+/sheets/\w+)", lambda e: not e.query, lambda a, e, m: a.plans.sheet(m[1])),
]
"""Method, path, whether the exchange has the form we send, and the call that sends it."""

NOT_OURS: list[tuple[str, str, str]] = [
    (r"POST /v1/projects/[^/]+/(sheets|plans|issues)", "people and pipelines make changes, we do not"),
    (r"PATCH /v1/projects/[^/]+/(plans|issues)/\d+", "people edit changes, we do not"),
    (r"POST /v1/projects/[^/]+/plans/\d+/rollout", "a target, which we never give"),
    (r"POST /v1/auth/(login|refresh|signup)", "a person's ways in"),
    (r"POST /bytebase\.v1\.\w+/\w+", "Connect where we use REST, and forms refused on purpose"),
    (r"GET /bytebase\.v1\.\w+/\w+", "a wrong verb on purpose"),
    (
        r"GET /v1/(healthz|nosuch|auth/restriction|projects/demo/nosuch/1)|GET /healthz",
        "not part of the API, or unknown routes",
    ),
    (r"DELETE /v1/projects/demo/issues|GET /v1/projects/demo/issues/101:approve", "a wrong verb on purpose"),
    (
        r"GET /v1/(projects|users|groups|roles|workspaces/[^/]+/serviceAccounts)",
        "lists: other page sizes than ours; below",
    ),
    (r"GET /v1/\w+:batchGet", "read by list instead"),
    (r"GET /v1/projects:batchGet", "read by list instead"),
    (r"GET /v1/projects/[^/]+/(issues|plans|rollouts)", "lists: other page sizes than ours; below"),
    (r"GET /v1/projects/[^/]+/issues/\d+/issueComments", "lists: other page sizes than ours; below"),
    (
        r"POST /v1/(projects/[^/]+/)?(issues|auditLogs):search|POST /v1/projects:search",
        "lists: other page sizes; below",
    ),
    (r"POST /v1/projects/[^/]+/issues:search", "lists: other page sizes than ours; below"),
    (r"GET /v1/serviceAccounts/[^/]+", "read by list"),
    (r"GET /v1/instances/[^/]+", "databases are read instead"),
    (r"GET /v1/environments/\w+/policies", "without the filter that we send"),
    (r"PATCH /v1/environments/\w+/policies/rollout_policy", "no mask, no type or half a policy, on purpose"),
    (r"PATCH /v1/settings/\w+", "masks refused on purpose, or settings we do not write"),
    (r"PATCH /v1/projects/[^/]+", "masks refused on purpose, or labels"),
    (r"PATCH /v1/projects/[^/]+/webhooks/[^/]+", "masks refused on purpose"),
    (r"POST /v1/projects/[^/]+:addWebhook", "we read the project first: tested on its own"),
    (r"POST /v1/(projects|instances|groups|roles)", "creating what we do not create"),
    (r"POST /v1/(projects|workspaces)/[^/]+:setIamPolicy", "without an etag, which we always send"),
    (r"POST /v1/projects/[^/]+/issues:batchUpdateStatus", "without a reason, or damaged on purpose"),
    (r"POST /v1/projects/[^/]+/plans/\d+/rollout/stages/\w+/tasks:batch\w+", "at a later time, or a reason too long"),
    (r"GET /v1/projects/[^/]+/plans/\d+/rollout/stages/\w+/tasks/.*", "runs are read of the whole rollout"),
    (r"GET /v1/projects/[^/]+/sheets/\w+", "the whole sheet, where we ask for its beginning first"),
]
"""Exchanges that no call of ours makes, each with its reason."""

BY_CODE: dict[int, tuple[type[ReconcilerError], ...]] = {
    2: (UnavailableError,),
    3: (SpecError, ConflictError, BugError, CredentialsError),
    5: (NotFoundError, CredentialsError),
    6: (ConflictError,),
    7: (ForbiddenError, CredentialsError),
    8: (ForbiddenError,),
    9: (ConflictError,),
    10: (ConflictError,),
    13: (UnavailableError,),
    16: (CredentialsError,),
}
"""Which of our errors a recorded error code may become; the log-in turns all of its own into CredentialsError."""

CONNECT_CODES = {"invalid_argument": 3, "permission_denied": 7}
ABSORBED = re.compile(r"GET .*/(rollout|planCheckRun)$|DELETE .*/rollout_policy$|POST .*:removeWebhook$")
"""Calls for which 'not found' is an answer and no error."""


def call_for(exchange: Any) -> tuple[Send, re.Match[str]] | None:
    for method, pattern, has_our_form, send in OURS:
        match = re.fullmatch(pattern, exchange.path)
        if exchange.method == method and match and has_our_form(exchange):
            return send, match
    return None


@pytest.mark.parametrize("name", RECORDINGS)
async def test_each_exchange_means_to_us_what_the_server_meant(
    name: str, areas: Any, played: Any, recorded: Any
) -> None:
    made = 0
    with played(name):
        for exchange in recorded(name):
            found = call_for(exchange)
            if found is None:
                assert any(re.fullmatch(pattern, f"{exchange.method} {exchange.path}") for pattern, _ in NOT_OURS), str(
                    exchange
                )
                continue
            made += 1
            await check(exchange, areas, *found)
    assert made or name in {"errors-connect", "audit-feed", "plans-summaries", "lists-paging"}


async def check(exchange: Any, areas: Any, send: Send, match: re.Match[str]) -> None:
    if exchange.status == 200:
        answer = await send(areas, exchange, match)
        if isinstance(answer, Wire):
            assert_nothing_lost(answer, json.loads(exchange.text), str(exchange))
        return
    code = json.loads(exchange.text)["code"]
    number = CONNECT_CODES[code] if isinstance(code, str) else code
    if number == 5 and ABSORBED.match(f"{exchange.method} {exchange.path}"):
        assert await send(areas, exchange, match) is None
        return
    with pytest.raises(BY_CODE[number]) as caught:
        await send(areas, exchange, match)
    assert caught.value.next_step, str(exchange)
    assert "\n" not in str(caught.value), str(exchange)


def assert_nothing_lost(message: Wire, raw: dict[str, Any], where: str) -> None:
    """A server leaves defaults out, so whatever it sends of the fields we know must be other than our default."""
    for name, field in type(message).model_fields.items():
        alias = field.alias or name
        value = getattr(message, name)
        if alias not in raw:
            assert field.is_required() is False, f"{alias} is not sent: {where}"
            continue
        if raw[alias] in ({}, []):
            continue
        assert value != field.get_default(call_default_factory=True), f"{alias} was lost: {where}"
        if isinstance(value, Wire):
            assert_nothing_lost(value, raw[alias], where)
        elif isinstance(value, tuple) and value and isinstance(value[0], Wire):
            assert len(value) == len(raw[alias])
            for one, raw_one in zip(value, raw[alias], strict=True):
                assert_nothing_lost(one, raw_one, where)


def test_most_exchanges_are_made_by_us(recorded: Any) -> None:
    exchanges = [exchange for name in RECORDINGS for exchange in recorded(name)]
    ours = [exchange for exchange in exchanges if call_for(exchange)]
    assert len(ours) > 0.6 * len(exchanges), f"{len(ours)} of {len(exchanges)}"


def test_no_reason_for_leaving_out_is_stale(recorded: Any) -> None:
    left = {f"{e.method} {e.path}" for name in RECORDINGS for e in recorded(name) if call_for(e) is None}
    unused = [pattern for pattern, _ in NOT_OURS if not any(re.fullmatch(pattern, text) for text in left)]
    assert unused == []


PAGES = [
    (r"GET /v1/projects/[^/]+/issues", "WireIssues", "issues"),
    (r"GET /v1/projects/[^/]+/plans", "WirePlans", "plans"),
    (r"GET /v1/projects/[^/]+/rollouts", "WireRollouts", "rollouts"),
    (r"GET /v1/projects/[^/]+/issues/\d+/issueComments", "WireComments", "issueComments"),
    (r"POST /v1/projects/[^/]+/issues:search", "WireIssues", "issues"),
    (r"GET /v1/users", "WireUsers", "users"),
    (r"GET /v1/groups", "WireGroups", "groups"),
    (r"GET /v1/projects|POST /v1/projects:search", "WireProjects", "projects"),
    (r"POST /v1/(projects/[^/]+/)?auditLogs:search", "WireAuditEntries", "auditLogs"),
    (r"GET /v1/workspaces/[^/]+/serviceAccounts", "WireServiceAccounts", "serviceAccounts"),
]


def test_every_recorded_page_is_parsed_in_full(recorded: Any) -> None:
    from reconciler.providers.bytebase import wire_changes, wire_people, wire_workspace

    seen = set()
    for name in RECORDINGS:
        for exchange in recorded(name):
            for pattern, model_name, key in PAGES:
                if exchange.status != 200 or not re.fullmatch(pattern, f"{exchange.method} {exchange.path}"):
                    continue
                model = next(
                    getattr(module, model_name)
                    for module in (wire_changes, wire_people, wire_workspace)
                    if hasattr(module, model_name)
                )
                raw = json.loads(exchange.text)
                page: Page[Any] = model.model_validate_json(exchange.text)
                assert_nothing_lost(page, raw, str(exchange))
                assert [item.name for item in page.items] == [entry["name"] for entry in raw.get(key, [])]
                seen.add(pattern)
    assert seen == {pattern for pattern, _, _ in PAGES}


async def test_a_whole_sheet_is_what_was_sent(areas: Any, recorded: Any) -> None:
    raw = next(json.loads(e.text) for e in recorded("change-free-lifecycle") if dict(e.query).get("raw"))
    sheet = WireSheet.model_validate(raw)
    assert sheet.is_complete
    assert sheet.raw == base64.b64decode(raw["content"])
    assert len(sheet.raw) == int(raw["contentSize"])


def test_a_rollout_and_the_runs_read_after_it_agree_wherever_nothing_moved(recorded: Any) -> None:
    """What `agrees` takes for granted, seen on the real server: a task shows its newest run's status."""
    pairs = 0
    for name in RECORDINGS:
        rollouts: dict[str, WireRollout] = {}
        for exchange in recorded(name):
            if exchange.method == "GET" and exchange.status == 200 and exchange.path.endswith("/rollout"):
                rollouts[exchange.path] = WireRollout.model_validate_json(exchange.text)
            rollout = rollouts.get(exchange.path.partition("/stages/-/")[0])
            if rollout is not None and exchange.path.endswith("/stages/-/tasks/-/taskRuns"):
                runs = WireTaskRuns.model_validate_json(exchange.text).task_runs
                assert agrees(rollout, newest_runs(runs)), f"{name}: {exchange}"
                pairs += 1
    assert pairs >= 10
