"""All writers at once: what a real server accepted, what a refusal becomes, and where secrets do not go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import yaml
from providers.bytebase_resources.written_workspace import HOOK, Sent, WrittenWorkspace

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.ports.declarative import ResourceWriter, Write
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase_resources.approval_rules import ApprovalRulesWriter
from reconciler.providers.bytebase_resources.binding import BindingWriter
from reconciler.providers.bytebase_resources.im import ImWriter
from reconciler.providers.bytebase_resources.project import ProjectWriter, WebhookWriter
from reconciler.providers.bytebase_resources.role import RoleWriter
from reconciler.providers.bytebase_resources.rollout_policy import RolloutPolicyWriter
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.binding import Binding
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook
from reconciler.secret import Secret

RECORDINGS = Path(__file__).parents[2] / "recordings" / "bytebase"
HOOK_ID = "projects/demo/webhooks/8a1f"
SECRETS = {"FEISHU.appSecret": Secret("good canary"), "url": Secret(HOOK)}
IM = Im((ImSetting("FEISHU", "v1", (("appId", "cli_a"),)),))
RULES = ApprovalRules((ApprovalRule("CHANGE_DATABASE", 'resource.environment_id == "prod"', "T", "d", ("roles/oa",)),))
FLAGS = Project("demo", require_issue_approval=True, allow_self_approval=True)
WEBHOOK = Webhook("demo", "changes", "FEISHU", direct_message=True, events=("ISSUE_CREATED",), id=HOOK_ID)
POLICY = RolloutPolicy("prod", automatic=False, roles=("roles/oa",))
ROLE = Role("oa", title="OA", description="d", permissions=("bb.issues.get",))
BINDING = Binding("roles/projectReleaser", "serviceAccount:bare@service.bytebase.com", "demo")
FLAG_PATHS = frozenset({"requireIssueApproval", "allowSelfApproval"})
HOOK_PATHS = frozenset({"directMessage", "events", "url"})
WRITERS: dict[type, type[Any]] = {
    Im: ImWriter,
    ApprovalRules: ApprovalRulesWriter,
    Project: ProjectWriter,
    Webhook: WebhookWriter,
    RolloutPolicy: RolloutPolicyWriter,
    Role: RoleWriter,
    Binding: BindingWriter,
}
WRITES = {
    "im": Write(IM, None, frozenset({"types"}), SECRETS),
    "im unverified": Write(Im(IM.settings, verify=False), None, frozenset({"types"}), SECRETS),
    "approvalRules": Write(RULES, None),
    "project": Write(FLAGS, None, FLAG_PATHS),
    "webhook added": Write(WEBHOOK, None, HOOK_PATHS, SECRETS),
    "webhook changed": Write(WEBHOOK, WEBHOOK, HOOK_PATHS, SECRETS),
    "webhook removed": Write(None, WEBHOOK),
    "rolloutPolicy": Write(POLICY, None),
    "rolloutPolicy reset": Write(None, POLICY),
    "role created": Write(ROLE, None),
    "role changed": Write(ROLE, ROLE),
    "role deleted": Write(None, ROLE),
    "binding": Write(BINDING, None),
}
DENIED = {
    "code": 7,
    "message": "permission denied canary",
    "details": [{"debug": {"requiredPermissions": ["bb.some.right"], "resources": ["projects/demo"]}}],
}


def writer_of(write: Write, client: BytebaseClient) -> ResourceWriter:
    resource = write.desired or write.observed
    return WRITERS[type(resource)](client)  # type: ignore[no-any-return]


def failing(status: int, body: object) -> Any:
    """Answers every write like this; what is read for a write is there."""

    def answer(sent: Sent) -> httpx.Response | None:
        if sent.method == "GET":
            return None
        return httpx.Response(status, json=body)

    return answer


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_missing_right_is_named_with_the_permission_to_bind(workspace: WrittenWorkspace, write: Write) -> None:
    workspace.answer(failing(403, DENIED))
    with pytest.raises(ForbiddenError) as caught:
        await writer_of(write, workspace.client).write(write)
    assert "bb.some.right" in caught.value.next_step
    assert len(workspace.sent) == 1


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(
    ("status", "code", "kinds"),
    [
        (400, 3, (SpecError,)),
        (401, 16, (CredentialsError,)),
        (404, 5, (NotFoundError,)),
        (409, 10, (ConflictError,)),
        (429, 8, (ThrottledError,)),
        (500, 13, (UnavailableError,)),
        (503, 14, (UnavailableError,)),
    ],
    ids=str,
)
async def test_each_refusal_becomes_our_error_without_the_body_that_was_sent(
    workspace: WrittenWorkspace, write: Write, status: int, code: int, kinds: tuple[type[ReconcilerError], ...]
) -> None:
    workspace.answer(failing(status, {"code": code, "message": "no"}))
    writing = writer_of(write, workspace.client).write(write)
    if status == 404 and write.desired is None:
        await writing  # gone already is what was wanted
        return
    if status == 400 and write.desired is None:
        kinds = (ReconcilerError,)  # no declared value is in it
    with pytest.raises(kinds) as caught:
        await writing
    said = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__) + caught.value.next_step
    assert "canary" not in said
    assert caught.value.where
    assert caught.value.next_step


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_an_account_without_rights_is_refused_by_the_stand_in_and_changes_nothing(
    workspace: WrittenWorkspace, write: Write
) -> None:
    before = await workspace.everything()
    with pytest.raises((ForbiddenError, NotFoundError)):
        await writer_of(write, workspace.bare).write(write)
    assert await workspace.changed(before) == {}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_secrets_are_in_the_body_only_and_in_those_of_their_kind(
    workspace: WrittenWorkspace, write: Write
) -> None:
    workspace.answer(failing(403, DENIED))
    with pytest.raises(ForbiddenError):
        await writer_of(write, workspace.client).write(write)
    assert "canary" not in repr(write)
    for sent in workspace.sent:
        assert "canary" not in sent.path + str(sent.query)
        assert ("canary" in json.dumps(sent.body)) == bool(write.secrets)


Accepted = dict[str, tuple[set[str], set[str]]]


@pytest.fixture(scope="module")
def accepted() -> Accepted:
    """By call: what a real server has taken in masks and in bodies. A dialled IM failed at the dial, its shape was taken."""
    found: Accepted = {}
    for file in sorted(RECORDINGS.glob("*.yaml")):
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for exchange in content.get("interactions", ()):
            request, response = exchange["request"], exchange["response"]
            text = str(response["body"]["string"])
            if request["method"] == "GET" or not (response["status"]["code"] == 200 or "failed to refresh" in text):
                continue
            url = httpx.URL(request["uri"])
            call = Sent(request["method"], url.path, dict(url.params), json.loads(request["body"] or "null"))
            masks, bodies = found.setdefault(shape(call), (set(), set()))
            masks.update(query_parts(call))
            bodies.update(body_parts(call.body))
    return found


def shape(sent: Sent) -> str:
    path = re.sub(r"(projects|webhooks|environments|workspaces|roles)/[^/:]+", r"\1/*", unquote(sent.path))
    is_im = "APP_IM" in json.dumps(sent.body)
    return f"{sent.method} {path}{' APP_IM' if is_im else ''}"


def query_parts(sent: Sent) -> set[str]:
    return {f"{key}={part}" for key, value in sent.query.items() if key != "roleId" for part in value.split(",")}


def body_parts(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{prefix}{key}"
            yield from body_parts(each, f"{prefix}{key}.")
    elif isinstance(value, list):
        for each in value:
            yield from body_parts(each, f"{prefix}[].")


UNRECORDED = {
    "webhook changed": {"update_mask=url", "update_mask=direct_message", "url", "directMessage"},
}
"""What no recording shows accepted: these rest on the description of the API (facts §13.2)."""


@pytest.mark.parametrize("name", [name for name in WRITES if not name.startswith("role ")])
async def test_what_is_sent_has_masks_and_fields_that_a_real_server_accepted(
    workspace: WrittenWorkspace, accepted: Accepted, name: str
) -> None:
    workspace.answer(failing(403, DENIED))
    with pytest.raises(ForbiddenError):
        await writer_of(WRITES[name], workspace.client).write(WRITES[name])
    (sent,) = workspace.sent
    masks, bodies = accepted[shape(sent)]
    unknown = (query_parts(sent) - masks) | (set(body_parts(sent.body)) - bodies)
    assert unknown == UNRECORDED.get(name, set())
