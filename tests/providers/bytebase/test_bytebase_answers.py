"""What answers mean: renewal on 401, what is retried and what is not, and damaged answers of every kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from providers.bytebase.bytebase_areas import open_areas_over

from reconciler.errors import (
    BugError,
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.errors import plain_message
from reconciler.providers.bytebase.projects import ProjectFlags
from reconciler.providers.bytebase.wire_changes import WireIssue, WireRollout, WireSheet
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy

STAGE = "projects/demo/plans/1/rollout/stages/test"
TASKS = [f"{STAGE}/tasks/1"]
ISSUE = "projects/demo/issues/1"
ClientOver = Callable[[Callable[[httpx.Request], httpx.Response]], BytebaseClient]


class Script:
    """Answers in turn, the last one for ever, and counts."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.calls = list(answers), 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def failing(status: int, code: int, message: str = "no", **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message, **more})


OK = httpx.Response(200, json={})


async def test_a_refused_token_is_renewed_once_and_the_call_made_again(client_over: ClientOver) -> None:
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/login":
            return httpx.Response(200, json={"token": f"t{len(tokens)}"})
        tokens.append(request.headers["authorization"])
        return OK if len(tokens) > 1 else failing(401, 16, "access token expired")

    async with client_over(answer) as client:
        await client.rollouts.run(STAGE, TASKS)
    assert tokens == ["Bearer t0", "Bearer t1"]


async def test_a_token_refused_twice_is_an_error_and_no_loop(client_over: ClientOver) -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        if request.url.path == "/v1/auth/login":
            return httpx.Response(200, json={"token": "t"})
        return failing(401, 16, "authenticated user not found")

    async with client_over(answer) as client:
        with pytest.raises(CredentialsError, match="authenticated user not found"):
            await client.issues.get(ISSUE)
    assert calls == ["/v1/auth/login", "/v1/projects/demo/issues/1", "/v1/auth/login", "/v1/projects/demo/issues/1"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_read_waits_out_what_passes(status: int) -> None:
    script = Script(httpx.Response(status), httpx.Response(status), httpx.Response(200, json={"name": ISSUE}))
    assert (await open_areas_over(script).issues.get(ISSUE)).name == ISSUE
    assert script.calls == 3


async def test_an_internal_error_is_not_retried_because_it_also_means_not_found() -> None:
    script = Script(failing(500, 13, 'instance "instances/nope" not found'))
    with pytest.raises(UnavailableError):
        await open_areas_over(script).issues.get(ISSUE)
    assert script.calls == 1


@pytest.mark.parametrize("answer", [failing(503, 14), httpx.Response(502, html="<html>"), httpx.ReadTimeout("lost")])
@pytest.mark.parametrize(
    "act",
    [
        lambda a: a.rollouts.run(STAGE, TASKS),
        lambda a: a.rollouts.skip(STAGE, TASKS, "why"),
        lambda a: a.rollouts.cancel(STAGE, ["r"]),
        lambda a: a.rollouts.create("projects/demo/plans/1"),
        lambda a: a.issues.approve(ISSUE, "ok"),
        lambda a: a.issues.reject(ISSUE, "no"),
        lambda a: a.issues.request(ISSUE, "again"),
        lambda a: a.issues.set_status([ISSUE], "CANCELED", "why"),
        lambda a: a.issues.comment(ISSUE, "hello"),
        lambda a: a.iam.set_policy("projects/demo", [], etag="1"),
    ],
    ids=["run", "skip", "cancel", "rollout", "approve", "reject", "request", "status", "comment", "iam"],
)
async def test_an_act_whose_answer_was_lost_is_in_doubt_and_not_repeated(act: Any, answer: Any) -> None:
    script = Script(answer)
    with pytest.raises(UnavailableError) as caught:
        await act(open_areas_over(script))
    assert caught.value.ambiguous is True
    assert script.calls == 1


async def test_even_an_approval_that_was_certainly_not_sent_is_left_to_the_caller() -> None:
    script = Script(httpx.ConnectError("refused"))
    with pytest.raises(UnavailableError) as caught:
        await open_areas_over(script).issues.approve(ISSUE, "ok")
    assert (caught.value.ambiguous, script.calls) == (False, 1)


async def test_a_write_that_sets_a_state_is_repeated() -> None:
    script = Script(httpx.ReadTimeout("lost"), httpx.Response(200, json={"name": "projects/demo"}))
    await open_areas_over(script).projects.update("projects/demo", ProjectFlags(allow_self_approval=True))
    assert script.calls == 2


async def test_retry_after_of_a_throttled_read_is_waited_for() -> None:
    waits: list[float] = []

    async def remember(seconds: float) -> None:
        waits.append(seconds)

    script = Script(httpx.Response(429, headers={"Retry-After": "3"}), httpx.Response(200, json={"name": ISSUE}))
    settings = HttpSettings(transport=httpx.MockTransport(script), retry=RetryPolicy(sleep=remember))
    from reconciler.providers.bytebase.channel import Channel
    from reconciler.providers.bytebase.issues import Issues
    from reconciler.providers.http import HttpClient

    await Issues(Channel(HttpClient("http://127.0.0.1:1", upstream="bytebase", settings=settings))).get(ISSUE)
    assert 3.0 <= waits[0] < 4.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failing(400, 3), BugError),
        (failing(400, 9), ConflictError),
        (failing(404, 5), NotFoundError),
        (failing(404, 2, "not_found: gateway routing error 404: request method GET"), UnavailableError),
        (failing(409, 6), ConflictError),
        (failing(409, 10), ConflictError),
        (failing(403, 7), ForbiddenError),
        (failing(401, 16), CredentialsError),
        (failing(501, 12), UnavailableError),
        (failing(429, 8, "slow down"), ThrottledError),
        (failing(429, 8, "activation instance count has reached the limit (0)"), ForbiddenError),
        (httpx.Response(404, html="<html>404</html>"), UnavailableError),
        (httpx.Response(403, html="<html>sign in</html>"), UnavailableError),
        (httpx.Response(400, json={"code": "failed_precondition"}), ConflictError),
        (httpx.Response(404, json=["not", "an", "object"]), UnavailableError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value.status_code} {value.text[:30]}",
)
async def test_the_body_decides_what_a_failure_means(answer: httpx.Response, kind: type[ReconcilerError]) -> None:
    with pytest.raises(kind) as caught:
        await open_areas_over(Script(answer)).issues.get(ISSUE)
    assert type(caught.value) is kind
    assert caught.value.next_step


async def test_400_is_two_things_and_for_an_act_both_mean_look_again() -> None:
    for code in (3, 9):
        with pytest.raises(ConflictError):
            await open_areas_over(Script(failing(400, code))).issues.approve(ISSUE, "ok")
    with pytest.raises(SpecError):
        await open_areas_over(Script(failing(400, 3))).projects.update("projects/demo", ProjectFlags(title="x" * 300))


@pytest.mark.parametrize(
    "details",
    [
        [{"@type": "…", "requiredPermissions": ["bb.issues.get"], "resources": ["projects/demo"]}],
        [
            {
                "type": "…",
                "value": "Ci…",
                "debug": {"requiredPermissions": ["bb.issues.get"], "resources": ["projects/demo"]},
            }
        ],
    ],
    ids=["REST", "Connect"],
)
async def test_a_missing_permission_is_named_with_its_place(details: Any) -> None:
    with pytest.raises(ForbiddenError) as caught:
        await open_areas_over(Script(failing(403, 7, "permission denied", details=details))).issues.get(ISSUE)
    assert "bb.issues.get on projects/demo" in str(caught.value)
    assert "bb.issues.get" in caught.value.next_step


async def test_a_licence_that_lacks_a_feature_is_named() -> None:
    message = "feature FEATURE_APPROVAL_WORKFLOW is a ENTERPRISE feature, please upgrade to access it"
    with pytest.raises(ForbiddenError) as caught:
        await open_areas_over(Script(failing(403, 7, message))).settings.write_approval_rules([])
    assert caught.value.next_step == "APPROVAL_WORKFLOW needs the ENTERPRISE plan"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<html>canary</html>", "text/html"),
        (b"", "application/json"),
        (b'{"name": ', "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"{}", "application/json"),
        (b'{"name": 7.5, "title": "canary"}', "application/json"),
        (b'{"name": "a", "approvers": "canary"}', "application/json"),
        (b'{"name": "\xff\xfe canary"}', "application/json"),
        (b'{"name": "a", "createTime": "yesterday"}', "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
    ids=[
        "html",
        "empty",
        "half",
        "list",
        "null",
        "no name",
        "number for text",
        "text for list",
        "invalid utf-8",
        "no time",
        "deep nesting",
    ],
)
async def test_an_answer_of_another_shape_is_one_clear_error_without_its_content(
    content: bytes, media_type: str
) -> None:
    answer = httpx.Response(200, content=content, headers={"Content-Type": media_type})
    with pytest.raises(UnavailableError) as caught:
        await open_areas_over(Script(answer)).issues.get(ISSUE)
    text = str(caught.value) + caught.value.next_step
    assert "canary" not in text
    assert "check" in caught.value.next_step


def test_a_panic_is_not_forwarded() -> None:
    panic = "error: interface conversion: interface {} is int64\ngithub.com/x/y.(*T).f\n\tissue_service.go:228"
    assert plain_message(panic) == "an internal failure of the server"
    assert plain_message("line\none\x1b[31m \u202e end") == "line one [31m end"
    assert len(plain_message("x" * 5000)) == 300


async def test_words_and_fields_of_a_newer_server_are_kept_and_not_a_crash() -> None:
    body = {"name": ISSUE, "status": "PONDERING", "approvalStatus": 17, "somethingNew": {"a": 1}}
    issue = await open_areas_over(Script(httpx.Response(200, json=body))).issues.get(ISSUE)
    assert (issue.status, issue.approval_status) == ("PONDERING", "17")


async def test_an_error_in_sending_a_lone_surrogate_is_not_ours_to_make() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"name": "c", "createTime": "2026-11-22T15:00:00Z"})

    await open_areas_over(answer).issues.comment(ISSUE, "half \ud83d emoji 变更")
    assert bodies == [{"comment": "half ? emoji 变更"}]


def test_a_pending_issue_with_an_empty_flow_has_no_pending_role() -> None:
    empty = WireIssue.model_validate({"name": ISSUE, "approvalStatus": "PENDING", "approvalTemplate": {"flow": {}}})
    assert empty.pending_role is None
    two = {"name": ISSUE, "approvalStatus": "PENDING", "approvalTemplate": {"flow": {"roles": ["roles/a", "roles/b"]}}}
    assert WireIssue.model_validate(two).pending_role == "roles/a"
    assert WireIssue.model_validate({**two, "approvers": [{"status": "APPROVED"}]}).pending_role == "roles/b"
    assert WireIssue.model_validate({**two, "approvalStatus": "CHECKING"}).pending_role is None


class TestSheets:
    """Statements: whole, cut, huge and damaged."""

    NAME = "projects/demo/sheets/" + "a" * 64

    def body(self, raw: bytes, size: int | None = None) -> dict[str, str]:
        return {"name": self.NAME, "content": base64.b64encode(raw).decode(), "contentSize": str(size or len(raw))}

    async def test_a_statement_cut_by_the_server_is_read_again_whole(self) -> None:
        whole = "变更" * 500_000
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.params.get("raw", ""))
            raw = whole.encode() if asked[-1] else whole.encode()[: 2 << 20]
            return httpx.Response(200, json=self.body(raw, len(whole.encode())))

        sheet = await open_areas_over(answer).plans.sheet(self.NAME)
        assert sheet.raw.decode() == whole
        assert asked == ["", "true"]

    async def test_of_an_enormous_statement_the_beginning_is_enough(self) -> None:
        script = Script(httpx.Response(200, json=self.body(b"SELECT 1;" * 100, 1 << 30)))
        sheet = await open_areas_over(script).plans.sheet(self.NAME)
        assert (sheet.is_complete, script.calls) == (False, 1)

    def test_invalid_utf_8_is_shown_and_not_lost(self) -> None:
        sheet = WireSheet.model_validate(self.body(b"SELECT '\xff\xfe'; -- ok"))
        assert sheet.raw == b"SELECT '\xff\xfe'; -- ok"
        assert sheet.is_complete

    def test_content_that_is_not_base64_counts_as_incomplete(self) -> None:
        sheet = WireSheet.model_validate({"name": self.NAME, "content": "%%%", "contentSize": "9"})
        assert (sheet.raw, sheet.is_complete) == (b"", False)


def test_a_rollout_without_stages_and_a_stage_without_tasks_are_read() -> None:
    assert WireRollout.model_validate({"name": "r"}).stages == ()
    assert WireRollout.model_validate({"name": "r", "stages": [{"name": "s"}]}).stages[0].tasks == ()
