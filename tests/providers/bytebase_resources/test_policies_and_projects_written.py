"""Rollout policies of environments, flags of projects, and webhooks."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from providers.bytebase_resources.written_workspace import HOOK, Sent, WrittenWorkspace

from reconciler.diff import diff
from reconciler.errors import BugError, NotFoundError, SpecError, UnavailableError
from reconciler.ports.declarative import Write
from reconciler.providers.bytebase_resources.project import ProjectReader, ProjectWriter, WebhookReader, WebhookWriter
from reconciler.providers.bytebase_resources.reads import SharedReads
from reconciler.providers.bytebase_resources.rollout_policy import RolloutPolicyReader, RolloutPolicyWriter
from reconciler.resources.im import Im
from reconciler.resources.project import Project
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook
from reconciler.secret import Secret

PROD = "environments/prod/policies/rollout_policy"
WANTED = Webhook("demo", "changes", "FEISHU", direct_message=True, events=("ISSUE_CREATED",), url_token="v1")
URL_SECRET = {"url": Secret(HOOK)}


async def policy(workspace: WrittenWorkspace, environment: str) -> RolloutPolicy:
    reader = RolloutPolicyReader(workspace.client, SharedReads(workspace.client))
    (live,) = (await reader.observe([RolloutPolicy(environment)], inventory=False)).live
    assert isinstance(live, RolloutPolicy)
    return live


async def webhook(workspace: WrittenWorkspace, wanted: Webhook = WANTED) -> Webhook:
    reader = WebhookReader(SharedReads(workspace.client), None)
    (live,) = (await reader.observe([wanted], inventory=False)).live
    assert isinstance(live, Webhook)
    return live


async def test_a_policy_is_written_whole_and_only_for_its_environment(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    desired = RolloutPolicy("prod", automatic=False, roles=("roles/projectReleaser", "roles/oa"))
    await RolloutPolicyWriter(workspace.client).write(Write(desired, await policy(workspace, "prod")))
    assert workspace.sent == [
        Sent(
            "PATCH",
            f"/v1/{PROD}",
            {"update_mask": "rollout_policy", "allow_missing": "true"},
            {
                "name": PROD,
                "type": "ROLLOUT_POLICY",
                "rolloutPolicy": {"automatic": False, "roles": ["roles/oa", "roles/projectReleaser"]},
            },
        )
    ]
    assert list(await workspace.changed(before)) == [PROD]
    assert diff(await policy(workspace, "prod"), desired).fields == ()


@pytest.mark.parametrize(
    ("desired", "written"),
    [
        (RolloutPolicy("prod", automatic=False), {"automatic": False, "roles": ["roles/projectReleaser"]}),
        (RolloutPolicy("prod", roles=("roles/oa",)), {"automatic": True, "roles": ["roles/oa"]}),
    ],
    ids=["roles not declared", "automatic not declared"],
)
async def test_a_part_of_a_policy_that_is_not_declared_stays_as_it_is(
    workspace: WrittenWorkspace, desired: RolloutPolicy, written: dict[str, object]
) -> None:
    await RolloutPolicyWriter(workspace.client).write(Write(desired, await policy(workspace, "prod")))
    assert workspace.sent[0].body["rolloutPolicy"] == written


async def test_a_pruned_policy_becomes_the_default_and_a_second_time_is_no_error(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    live = await policy(workspace, "prod")
    for _ in range(2):
        await RolloutPolicyWriter(workspace.client).write(Write(None, live))
    assert [(sent.method, sent.path, sent.body) for sent in workspace.sent] == [("DELETE", f"/v1/{PROD}", None)] * 2
    assert list(await workspace.changed(before)) == [PROD]
    assert diff(await policy(workspace, "prod"), RolloutPolicy("prod", automatic=False, roles=())).fields == ()


@pytest.mark.parametrize(
    ("paths", "mask", "body"),
    [
        ({"requireIssueApproval"}, "require_issue_approval", {"requireIssueApproval": True}),
        ({"allowSelfApproval"}, "allow_self_approval", {"allowSelfApproval": False}),
        (
            {"requireIssueApproval", "allowSelfApproval"},
            "require_issue_approval,allow_self_approval",
            {"requireIssueApproval": True, "allowSelfApproval": False},
        ),
    ],
)
async def test_only_the_flags_that_differ_are_sent(
    workspace: WrittenWorkspace, paths: set[str], mask: str, body: dict[str, object]
) -> None:
    desired = Project("demo", require_issue_approval=True, allow_self_approval=False)
    await ProjectWriter(workspace.client).write(Write(desired, Project("demo"), frozenset(paths)))
    assert workspace.sent == [
        Sent("PATCH", "/v1/projects/demo", {"update_mask": mask}, {"name": "projects/demo", **body})
    ]


async def test_a_flag_changes_its_project_and_reads_back(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    desired = Project("demo", require_issue_approval=True)
    await ProjectWriter(workspace.client).write(Write(desired, Project("demo"), frozenset({"requireIssueApproval"})))
    changed = await workspace.changed(before)
    assert changed == {"projects/demo": {**before["projects/demo"], "requireIssueApproval": True}}
    (live,) = (await ProjectReader(SharedReads(workspace.client)).observe([desired], inventory=False)).live
    assert diff(live, desired).fields == ()


async def test_a_webhook_is_added_with_its_url_in_the_body_and_nowhere_else(workspace: WrittenWorkspace) -> None:
    before = await workspace.everything()
    write = Write(WANTED, None, frozenset({"directMessage", "events", "url"}), URL_SECRET)
    await WebhookWriter(workspace.client).write(write)
    assert workspace.sent == [
        Sent(
            "POST",
            "/v1/projects/demo:addWebhook",
            {},
            {
                "webhook": {
                    "type": "FEISHU",
                    "title": "changes",
                    "url": HOOK,
                    "directMessage": True,
                    "notificationTypes": ["ISSUE_CREATED"],
                },
            },
        )
    ]
    assert list(await workspace.changed(before)) == ["projects/demo"]
    assert diff(await webhook(workspace), WANTED).fields == ()
    assert "canary" not in repr(write) + repr(await webhook(workspace))


async def test_a_changed_webhook_gets_its_changed_fields_and_keeps_its_url(workspace: WrittenWorkspace) -> None:
    writer = WebhookWriter(workspace.client)
    await writer.write(Write(WANTED, None, frozenset({"url"}), URL_SECRET))
    live, before = await webhook(workspace), await workspace.everything()
    desired = replace(WANTED, events=("ISSUE_CREATED", "ISSUE_APPROVAL_REQUESTED"), direct_message=False)
    await writer.write(Write(desired, live, frozenset({"events"}), URL_SECRET))
    assert workspace.sent[-1] == Sent(
        "PATCH",
        f"/v1/{live.id}:updateWebhook",
        {"update_mask": "notification_type"},
        {"name": live.id, "notificationTypes": ["ISSUE_APPROVAL_REQUESTED", "ISSUE_CREATED"]},
    )
    changed = await workspace.changed(before)
    assert list(changed) == ["projects/demo"]
    assert changed["projects/demo"]["webhooks"][0]["directMessage"]


async def test_a_url_is_sent_again_only_where_its_version_changed(workspace: WrittenWorkspace) -> None:
    writer = WebhookWriter(workspace.client)
    await writer.write(Write(WANTED, None, frozenset({"url"}), URL_SECRET))
    live = await webhook(workspace)
    await writer.write(Write(replace(WANTED, url_token="v2"), live, frozenset({"url"}), URL_SECRET))
    sent = workspace.sent[-1]
    assert (sent.query, sent.body) == ({"update_mask": "url"}, {"name": live.id, "url": HOOK})


async def test_only_the_named_webhook_is_removed_and_one_that_is_gone_is_no_error(workspace: WrittenWorkspace) -> None:
    writer = WebhookWriter(workspace.client)
    other = replace(WANTED, title="other")
    for each in (WANTED, other):
        await writer.write(Write(each, None, frozenset({"url"}), URL_SECRET))
    live = await webhook(workspace)
    for _ in range(2):
        await writer.write(Write(None, live))
    assert workspace.sent[-1] == Sent("POST", f"/v1/{live.id}:removeWebhook", {}, {"webhook": {"name": live.id}})
    hooks = (await workspace.everything())["projects/demo"]["webhooks"]
    assert [hook["title"] for hook in hooks] == ["other"]


async def test_a_url_that_bytebase_refuses_is_the_authors_to_change_and_stays_secret(
    workspace: WrittenWorkspace,
) -> None:
    secret = {"url": Secret("https://bot.example.com/hook/canary")}
    with pytest.raises(SpecError) as caught:
        await WebhookWriter(workspace.client).write(Write(WANTED, None, frozenset({"url"}), secret))
    assert "canary" not in str(caught.value) + repr(caught.value)


async def test_an_adding_whose_answer_was_lost_is_not_repeated(workspace: WrittenWorkspace) -> None:
    lost = httpx.ReadError("gone")
    workspace.answer(lambda sent: lost if sent.path.endswith(":addWebhook") else None)
    with pytest.raises(UnavailableError) as caught:
        await WebhookWriter(workspace.client).write(Write(WANTED, None, frozenset({"url"}), URL_SECRET))
    assert caught.value.ambiguous
    assert len(workspace.sent) == 1


async def test_projects_and_environments_that_do_not_exist_are_refused_before_anything_is_written(
    workspace: WrittenWorkspace,
) -> None:
    reads = SharedReads(workspace.client)
    missing = replace(WANTED, project="none")
    found = [
        await ProjectReader(reads).observe([Project("none", require_issue_approval=True)], inventory=False),
        await WebhookReader(reads, None).observe([missing], inventory=False),
        await RolloutPolicyReader(workspace.client, reads).observe([RolloutPolicy("none")], inventory=False),
    ]
    assert [(seen.live, [each.code for each in seen.refusals]) for seen in found] == [
        ((), ["noSuchProject"]),
        ((), ["noSuchProject"]),
        ((), ["noSuchEnvironment"]),
    ]
    with pytest.raises(NotFoundError):
        await ProjectWriter(workspace.client).write(
            Write(Project("none", require_issue_approval=True), None, frozenset({"requireIssueApproval"}))
        )


async def test_two_webhooks_of_one_name_are_refused_and_neither_is_taken(workspace: WrittenWorkspace) -> None:
    for _ in range(2):
        await WebhookWriter(workspace.client).write(Write(WANTED, None, frozenset({"url"}), URL_SECRET))
    seen = await WebhookReader(SharedReads(workspace.client), None).observe([WANTED], inventory=True)
    assert (seen.live, seen.others) == ((), ())
    assert [each.code for each in seen.refusals] == ["ambiguousWebhook"]


async def test_a_resource_of_another_kind_is_never_written(workspace: WrittenWorkspace) -> None:
    client = workspace.client
    for writer in (ProjectWriter(client), WebhookWriter(client), RolloutPolicyWriter(client)):
        with pytest.raises(BugError):
            await writer.write(Write(Im(()), None))
    with pytest.raises(BugError):
        await ProjectWriter(client).write(Write(None, Project("demo")))
    assert workspace.sent == []
