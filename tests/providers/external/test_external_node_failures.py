"""Where a node is in trouble, or written in its own way: nothing is asked twice, believed wrongly or retried for ever."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from providers.external.asked_node import PENDING, REQUEST, node

from reconciler.errors import (
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.external.node import NodeApprovals
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.http import HttpSettings
from reconciler.secret import Secret
from reconciler.subjects.instance import (
    CancelResult,
    Dialect,
    InstanceStatus,
)

BOTH = pytest.mark.parametrize("dialect", [Dialect.RELAY, Dialect.V1])
Answering = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A node that answers as told, and what it was sent."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._answer(request)

    def port(self, dialect: Dialect, **more: object) -> NodeApprovals:
        return node(self, dialect, **more)


def always(status: int, body: object = None, **headers: str) -> Wire:
    return Wire(lambda _: httpx.Response(status, content=json.dumps(body).encode(), headers=headers))


def by_method(**answers: tuple[int, object]) -> Wire:
    return Wire(lambda request: httpx.Response(answers[request.method][0], json=answers[request.method][1]))


@pytest.mark.parametrize(
    ("status", "relay", "v1"),
    [(302, 1, 4), (303, 1, 4), (307, 1, 4), (500, 1, 4), (502, 1, 4), (504, 1, 4), (408, 1, 4)],
)
async def test_after_a_failure_that_leaves_it_open_a_relay_is_asked_once_and_v1_again_by_the_same_key(
    status, relay, v1
):
    for dialect, times in ((Dialect.RELAY, relay), (Dialect.V1, v1)):
        wire = always(status, Location="https://elsewhere.example/approval")
        with pytest.raises(UnavailableError) as raised:
            await wire.port(dialect).create(REQUEST)
        assert raised.value.ambiguous
        assert len(wire.sent) == times
        assert {(request.url.host, request.headers["idempotency-key"]) for request in wire.sent} == {
            ("oa.example", REQUEST.uuid)
        }


@BOTH
@pytest.mark.parametrize("status", [429, 503])
async def test_a_node_that_says_that_it_did_not_handle_a_question_is_asked_again(status, dialect):
    wire = always(status)
    with pytest.raises((UnavailableError, ThrottledError)) as raised:
        await wire.port(dialect).create(REQUEST)
    assert not getattr(raised.value, "ambiguous", False)
    assert len(wire.sent) == 4


async def test_a_relay_that_cannot_be_reached_was_not_asked():
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    wire = Wire(unreachable)
    with pytest.raises(UnavailableError) as raised:
        await wire.port(Dialect.RELAY).create(REQUEST)
    assert not raised.value.ambiguous
    assert len(wire.sent) == 4


async def test_a_key_that_a_v1_node_is_busy_with_is_tried_again_later_and_a_relays_conflict_is_a_refusal():
    with pytest.raises(UnavailableError) as raised:
        await always(409).port(Dialect.V1).create(REQUEST)
    assert raised.value.ambiguous
    with pytest.raises(RefusedError):
        await always(409).port(Dialect.RELAY).create(REQUEST)


@BOTH
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UnavailableError),
        (401, CredentialsError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (405, UnavailableError),
        (410, NotFoundError),
        (500, UnavailableError),
    ],
)
async def test_only_an_answer_about_the_approval_itself_says_that_it_is_gone(status, kind, dialect):
    with pytest.raises(ReconcilerError) as raised:
        await always(status).port(dialect).read("node:oa:7")
    assert type(raised.value) is kind
    assert raised.value.next_step


@BOTH
async def test_an_answer_about_another_approval_is_not_believed(dialect):
    with pytest.raises(UnavailableError, match="another approval"):
        await always(200, {"id": "8", "status": "APPROVED"}).port(dialect).read("node:oa:7")


async def test_what_a_relay_sends_besides_may_have_any_shape():
    wire = always(200, {"id": "7", "status": "APPROVED", "actor": {"name": "Bob"}, "reason": 4, "digest": None})
    assert (await wire.port(Dialect.RELAY).read("node:oa:7")).status is InstanceStatus.APPROVED


@BOTH
@pytest.mark.parametrize("status", [None, 3, {}, "WAITING"])
async def test_r_06_a_status_of_any_other_shape_means_still_pending(status, dialect):
    found = await always(200, {"id": "7", "status": status}).port(dialect).read("node:oa:7")
    assert found.status is InstanceStatus.PENDING


async def test_null_is_absent_in_v1():
    wire = always(200, {"id": "7", "status": "APPROVED", "actor": None, "reason": None, "digest": None})
    found = await wire.port(Dialect.V1).read("node:oa:7")
    assert (found.status, found.tasks, found.form) == (InstanceStatus.APPROVED, (), ())


async def test_a_rejection_by_nobody_leaves_the_node_to_be_named():
    wire = always(200, {"id": "7", "status": "REJECTED", "reason": "no"})
    assert (await wire.port(Dialect.V1).read("node:oa:7")).timeline == ()


@BOTH
@pytest.mark.parametrize("found", ["\u202e7", "7\n", "a b", "x" * 201, "a?b", "a#b", "a\\b"])
async def test_an_id_that_would_lead_elsewhere_or_hide_its_letters_is_not_taken(found, dialect):
    with pytest.raises(UnavailableError) as raised:
        await always(200, {"id": found}).port(dialect).create(REQUEST)
    assert raised.value.ambiguous
    assert found not in str(raised.value)


@pytest.mark.parametrize("found", ["7", "a:b", "100%25", "请假-1", "A_b.c~d"])
async def test_an_id_comes_back_as_one_segment_of_the_path(found):
    wire = Wire(lambda _: httpx.Response(200, json={"id": found, "status": "PENDING"}))
    port = wire.port(Dialect.RELAY)
    code = await port.create(REQUEST)
    assert code == f"node:oa:{found}"
    assert (await port.read(code)).code == code
    assert wire.sent[-1].url.path == f"/bytebase/approval/{found}"


# Withdrawing


@BOTH
@pytest.mark.parametrize("status", [400, 404, 405, 410, 422])
@pytest.mark.parametrize(
    ("says", "result"),
    [
        ((404, {}), CancelResult.NOT_PENDING),
        ((200, {"id": "7", "status": "APPROVED"}), CancelResult.NOT_PENDING),
        ((200, {"id": "7", "status": "CANCELED"}), CancelResult.NOT_PENDING),
        ((200, {"id": "7", "status": "PENDING"}), CancelResult.REFUSED),
    ],
)
async def test_what_a_node_does_not_withdraw_is_judged_by_how_it_stands_there(says, result, status, dialect):
    wire = by_method(PATCH=(status, {}), DELETE=(status, {}), GET=says)
    port = wire.port(dialect)
    assert await port.cancel(PENDING) is result
    if says[0] == 200:
        assert (await port.read("node:oa:7")).status.value == says[1]["status"]


@BOTH
@pytest.mark.parametrize("word", ["APPROVED", "REJECTED"])
async def test_a_decision_that_was_faster_than_the_withdrawal_is_read_as_it_is(word, dialect):
    said = (200, {"id": "7", "status": word})
    port = by_method(PATCH=said, DELETE=said, GET=said).port(dialect)
    assert await port.cancel(PENDING) is CancelResult.NOT_PENDING
    assert (await port.read("node:oa:7")).status.value == word


@BOTH
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_withdrawal_that_failed_is_no_withdrawal(status, dialect):
    wire = by_method(PATCH=(status, {}), DELETE=(status, {}), GET=(200, {"id": "7", "status": "PENDING"}))
    port = wire.port(dialect)
    with pytest.raises((CredentialsError, ForbiddenError, ThrottledError, UnavailableError)):
        await port.cancel(PENDING)
    assert (await port.read("node:oa:7")).status is InstanceStatus.PENDING


# What is shown, and to whom we talk


@BOTH
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 429, 500])
async def test_no_error_and_no_log_line_shows_the_header_or_what_the_node_wrote(status, dialect, caplog):
    caplog.set_level(logging.DEBUG)
    port = always(status, "canary-of-the-body").port(dialect)
    raised: list[ReconcilerError] = []
    for attempt in (lambda: port.create(REQUEST), lambda: port.read("node:oa:7"), lambda: port.cancel(PENDING)):
        try:
            await attempt()
        except ReconcilerError as error:
            raised.append(error)
    assert len(raised) >= 2
    for failed in raised:
        assert "canary" not in f"{failed!r} {failed} {failed.why} {failed.next_step} {failed.__cause__!r}"
        assert "oa" in str(failed)
        assert failed.next_step
    assert caplog.records
    assert "canary" not in caplog.text
    assert "canary" not in repr(port)


@pytest.mark.parametrize("value", ["", "canary\n", "canary\r\nX: y", " canary", "canary\u4e2d", "canary\x00"])
def test_a_header_that_cannot_be_sent_is_refused_before_a_library_could_quote_it(value):
    with pytest.raises(CredentialsError) as raised:
        always(200).port(Dialect.V1, value=Secret(value))
    assert "canary" not in f"{raised.value} {raised.value.why} {raised.value.__cause__!r} {raised.value.__context__!r}"
    assert "Authorization" in str(raised.value)


async def test_without_a_header_none_is_sent():
    wire = always(200, {"id": "7"})
    await wire.port(Dialect.V1, header="", value=None).create(REQUEST)
    assert "authorization" not in wire.sent[0].headers


@pytest.mark.parametrize("endpoint", ["https://user:canary@oa.example", "https://oa.example:canary"])
def test_an_endpoint_that_is_no_address_is_refused_without_being_shown(endpoint):
    with pytest.raises(SpecError) as raised:
        always(200).port(Dialect.V1, endpoint=endpoint)
    assert "canary" not in f"{raised.value} {raised.value.next_step} {raised.value.__cause__!r}"


def test_plain_http_is_for_this_machine_only():
    with pytest.raises(RefusedError, match="plain http"):
        always(200).port(Dialect.RELAY, endpoint="http://oa.example/bytebase", header="", value=None)
    always(200).port(Dialect.RELAY, endpoint="http://127.0.0.1:8080/bytebase")


async def test_a_nodes_clock_says_nothing_about_ours():
    seen: list[datetime] = []
    wire = always(200, {"id": "7", "status": "PENDING"}, Date="Thu, 01 Jan 2015 00:00:00 GMT")
    http = HttpSettings(transport=httpx.MockTransport(wire), on_date=lambda _, at: seen.append(at))
    await NodeApprovals(NodeSettings("oa", "https://oa.example", Dialect.V1), http=http).read("node:oa:7")
    assert seen == []
