"""An external node over HTTP: what each dialect is sent, and what each answer means; a failure is never an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from providers.external.asked_node import BRIEF, CANARY, PENDING, REQUEST, node
from starlette.applications import Starlette

from reconciler.errors import (
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.external.node import NodeApprovals
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.http import HttpSettings
from reconciler.sandbox.oa import OaServer
from reconciler.secret import Secret
from reconciler.subjects.instance import (
    CancelResult,
    Dialect,
    InstanceStatus,
    NodeTaskStatus,
)

RELAY_FIELDS = {"issueId", "creator", "title", "description", "project", "statement", "createTime"}


def always(status: int, body: object = None, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return lambda _: httpx.Response(status, content=content, headers=headers)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
async def test_r_05_any_2xx_is_success_and_the_question_carries_key_header_and_statement(status, dialect):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json={"id": "7", "status": "PENDING"})

    assert await node(answer, dialect).create(REQUEST) == "node:oa:7"
    (request,) = seen
    body = json.loads(request.content)
    assert (request.method, request.url.path) == ("POST", "/bytebase/approval")
    assert request.headers["idempotency-key"] == REQUEST.uuid
    assert request.headers["authorization"] == CANARY
    assert body["statement"] == "ALTER TABLE t ADD c int;"
    assert (body["issueId"], body["project"], body["createTime"]) == ("101", "demo", "2026-11-25T09:00:00Z")
    more = set() if dialect is Dialect.RELAY else {"subject", "stage", "link", "approvers", "digest"}
    assert set(body) == RELAY_FIELDS | more


FAILURES = {
    400: RefusedError,
    401: CredentialsError,
    403: ForbiddenError,
    404: RefusedError,
    405: RefusedError,
    408: UnavailableError,
    422: RefusedError,
    429: ThrottledError,
    500: UnavailableError,
    503: UnavailableError,
}


@pytest.mark.parametrize(("status", "kind"), FAILURES.items())
@pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
async def test_r_09_a_status_that_is_no_success_is_an_error_that_shows_neither_body_nor_header(status, kind, dialect):
    with pytest.raises(ReconcilerError) as raised:
        await node(always(status, b"the node's own secret words"), dialect).create(REQUEST)
    assert type(raised.value) is kind
    shown = f"{raised.value} {raised.value.why} {raised.value.next_step} {raised.value!r}"
    assert "oa" in shown
    assert str(status) in shown
    assert CANARY not in shown
    assert "secret words" not in shown


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"status": "PENDING"}', b'{"id": ""}', b'{"id": "a/b"}', b'{"id": ".."}', b'{"id": 7}'],
)
async def test_an_answer_that_is_not_the_protocol_leaves_open_whether_it_was_asked(body):
    with pytest.raises(UnavailableError) as raised:
        await node(always(200, body)).create(REQUEST)
    assert raised.value.ambiguous


@pytest.mark.parametrize(("dialect", "times"), [(Dialect.RELAY, 1), (Dialect.V1, 4)])
async def test_a_relay_that_may_have_been_asked_is_not_asked_again_by_itself(dialect, times):
    asked: list[httpx.Request] = []

    def lost(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ReadTimeout("gone", request=request)

    with pytest.raises(UnavailableError) as raised:
        await node(lost, dialect).create(REQUEST)
    assert raised.value.ambiguous
    assert len(asked) == times
    assert {request.headers["idempotency-key"] for request in asked} == {REQUEST.uuid}


async def test_a_redirect_is_not_followed_with_our_header():
    asked: list[str] = []

    def away(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://elsewhere.example/approval"})

    with pytest.raises(UnavailableError):
        await node(away).create(REQUEST)
    assert set(asked) == {"oa.example"}


async def test_an_answer_beyond_a_megabyte_is_refused():
    with pytest.raises(UnavailableError, match="too large"):
        await node(always(200, b" " * 2_000_000)).read("node:oa:7")


WORDS = {
    "APPROVED": InstanceStatus.APPROVED,
    "REJECTED": InstanceStatus.REJECTED,
    "CANCELED": InstanceStatus.CANCELED,
    "PENDING": InstanceStatus.PENDING,
    "approved": InstanceStatus.PENDING,
    "IN_REVIEW": InstanceStatus.PENDING,
    "": InstanceStatus.PENDING,
}


@pytest.mark.parametrize(("word", "status"), WORDS.items())
@pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
async def test_r_06_only_three_words_end_a_question(word, status, dialect):
    found = await node(always(200, {"id": "7", "status": word}), dialect).read("node:oa:7")
    assert (found.code, found.definition_code, found.status) == ("node:oa:7", "node:oa", status)


async def test_r_08_what_a_relay_says_beside_its_status_is_not_read():
    answer = {"id": "7", "status": "APPROVED", "actor": "eve@example.com", "digest": "d1"}
    found = await node(always(200, answer)).read("node:oa:7")
    assert (found.tasks, found.form, found.timeline) == ((), (), ())


async def test_v1_names_who_decided_with_reason_and_digest():
    answer = {"id": "7", "status": "REJECTED", "actor": "Bob@Example.com", "reason": "not today", "digest": "d1"}
    found = await node(always(200, answer), Dialect.V1).read("node:oa:7")
    assert [(task.open_id, task.status) for task in found.tasks] == [("bob@example.com", NodeTaskStatus.REJECTED)]
    assert [(event.open_id, event.comment) for event in found.timeline] == [("bob@example.com", "not today")]
    assert dict(found.form) == {"digest": "d1"}


@pytest.mark.parametrize(
    ("status", "result"), [(200, CancelResult.CANCELED), (204, CancelResult.CANCELED), (409, CancelResult.NOT_PENDING)]
)
@pytest.mark.parametrize(("dialect", "method"), [(Dialect.RELAY, "PATCH"), (Dialect.V1, "DELETE")])
async def test_r_07_each_dialect_withdraws_in_its_own_way(status, result, dialect, method):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status)

    assert await node(answer, dialect).cancel(PENDING) is result
    assert [(request.method, request.url.path) for request in seen] == [(method, "/bytebase/approval/7")]
    if dialect is Dialect.RELAY:
        assert json.loads(seen[0].content) == {"title": "", "statement": ""}


async def test_what_was_withdrawn_reads_as_withdrawn_whatever_an_old_relay_goes_on_to_say():
    def old(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": request.url.path.rpartition("/")[2], "status": "PENDING"})

    port = node(old)
    assert (await port.read("node:oa:7")).status is InstanceStatus.PENDING
    await port.cancel(PENDING)
    assert (await port.read("node:oa:7")).status is InstanceStatus.CANCELED
    assert (await port.read("node:oa:8")).status is InstanceStatus.PENDING


async def test_a_slot_cannot_be_looked_up():
    with pytest.raises(NotFoundError):
        await node(always(200)).find(REQUEST.uuid, "node:oa")


async def test_a_request_made_for_feishu_is_not_sent_to_a_node():
    with pytest.raises(RefusedError):
        await node(always(200, {"id": "7"})).create(replace(REQUEST, brief=None))


@pytest.mark.parametrize(
    ("dialect", "resends", "expected"),
    [(Dialect.RELAY, False, False), (Dialect.RELAY, True, True), (Dialect.V1, False, True)],
)
async def test_v1_may_always_be_asked_again_a_relay_only_where_the_spec_says_so(dialect, resends, expected):
    found = await node(always(200), dialect, resends=resends).definition("node:oa")
    assert (found.code, found.dialect, found.resends) == ("node:oa", dialect, expected)


def test_settings_show_no_secret():
    assert CANARY not in repr(NodeSettings("oa", "https://oa.example", Dialect.V1, "Authorization", Secret(CANARY)))


@pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
async def test_the_sample_oa_is_asked_decides_and_is_asked_once_for_one_key(dialect):
    oa = OaServer()
    transport = httpx.ASGITransport(app=Starlette(routes=list(oa.routes("/oa"))))
    settings = NodeSettings("oa", "http://127.0.0.1/oa", dialect)
    port = NodeApprovals(settings, http=HttpSettings(transport=transport))
    code = await port.create(REQUEST)
    assert await port.create(REQUEST) == code
    (asked,) = oa.approvals()
    assert asked.asked["statement"] == BRIEF.statement
    oa.decide(asked.id, "APPROVED", actor="bob@example.com", reason="fine")
    found = await port.read(code)
    assert found.status is InstanceStatus.APPROVED
    assert [task.open_id for task in found.tasks] == ([] if dialect is Dialect.RELAY else ["bob@example.com"])
    other = await port.create(replace(REQUEST, uuid="22222222-2222-5222-8222-222222222222"))
    await port.cancel(await port.read(other))
    assert (await port.read(other)).status is InstanceStatus.CANCELED
    assert oa.approvals()[0].status == "CANCELED"
    await port.aclose()
