"""The approval port's judgement of answers: what may lead to a second request, a void one, or a retry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from providers.feishu.feishu_double import Answer, FeishuDouble, failed, ok

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
from reconciler.providers.feishu.approvals import CANNOT_BE_WITHDRAWN, FeishuApprovals
from reconciler.providers.feishu.people import MatchRules
from reconciler.subjects.instance import CancelResult, FieldText, Instance, InstanceRequest, InstanceStatus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
REQUEST = InstanceRequest(
    uuid="u-1",
    definition_code="6CDB",
    node_key="gate-1",
    submitter="ou_bot",
    approvers=(),
    title=FieldText("title", (("en-US", "t"),)),
    form=(FieldText("digest", (("en-US", "d"),)),),
)
PENDING = Instance(
    code="AEE5",
    uuid="u-1",
    definition_code="6CDB",
    status=InstanceStatus.PENDING,
    submitter="ou_bot",
    started=NOW,
    form=(),
)


def read_as(status: str) -> httpx.Response:
    return ok({"instance_code": "AEE5", "approval_code": "6CDB", "status": status, "start_time": "1779595200149"})


def port(double: FeishuDouble) -> FeishuApprovals:
    return FeishuApprovals(double.client(), definitions=[], rules=MatchRules(), now=lambda: NOW)


def cancel_then_read(cancel: Answer, status: str) -> Callable[[httpx.Request], Answer]:
    return lambda request: cancel if request.method == "POST" else read_as(status)


@pytest.mark.parametrize("code", [60012, 1390012])
async def test_only_a_taken_uuid_is_a_conflict(code: int) -> None:
    with pytest.raises(ConflictError):
        await port(FeishuDouble([failed(code)])).create(REQUEST)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1390018, ForbiddenError),
        (1390010, ForbiddenError),
        (1390015, ForbiddenError),
        (1390001, SpecError),
        (1390004, NotFoundError),
        (99991662, CredentialsError),
        (424242, ForbiddenError),
    ],
)
async def test_other_refusals_of_a_create_are_none(code: int, kind: type[ReconcilerError]) -> None:
    with pytest.raises(ReconcilerError) as caught:
        await port(FeishuDouble([failed(code)])).create(REQUEST)
    assert type(caught.value) is kind
    assert str(code) in caught.value.why


@pytest.mark.parametrize("answer", [failed(1395001), httpx.Response(502), httpx.ReadTimeout("late")])
async def test_a_lost_answer_of_a_create_is_ambiguous(answer: Answer) -> None:
    double = FeishuDouble([answer])
    with pytest.raises(UnavailableError) as caught:
        await port(double).create(REQUEST)
    assert caught.value.ambiguous
    assert len(double.requests) == 1


@pytest.mark.parametrize("code", [1390003, 60003])
async def test_not_found_means_only_that_the_instance_does_not_exist(code: int) -> None:
    with pytest.raises(NotFoundError):
        await port(FeishuDouble([failed(code)])).read("u-1")


@pytest.mark.parametrize(
    "answer",
    [failed(1390002), failed(1390004), failed(424242, status=404), httpx.Response(404, text="<html>no</html>")],
)
async def test_nothing_else_is_taken_for_an_instance_that_does_not_exist(answer: httpx.Response) -> None:
    with pytest.raises(ReconcilerError) as caught:
        await port(FeishuDouble([answer])).read("u-1")
    assert not isinstance(caught.value, NotFoundError)


@pytest.mark.parametrize("code", sorted(CANNOT_BE_WITHDRAWN))
async def test_a_lasting_refusal_while_pending_is_void(code: int) -> None:
    double = FeishuDouble([cancel_then_read(failed(code), "PENDING")])
    assert await port(double).cancel(PENDING) is CancelResult.REFUSED


@pytest.mark.parametrize("status", ["APPROVED", "REJECTED", "CANCELED", "DELETED"])
@pytest.mark.parametrize("code", [1390001, 1390010, 1390018])
async def test_a_refusal_of_what_is_over_is_not_pending(code: int, status: str) -> None:
    double = FeishuDouble([cancel_then_read(failed(code), status)])
    assert await port(double).cancel(PENDING) is CancelResult.NOT_PENDING


async def test_a_status_not_heard_of_is_no_end() -> None:
    double = FeishuDouble([cancel_then_read(failed(1390001), "PAUSED")])
    with pytest.raises(UnavailableError, match="not understood"):
        await port(double).cancel(PENDING)


@pytest.mark.parametrize("code", [99991672, 424242, 1390002])
async def test_a_refusal_that_somebody_can_lift_is_told(code: int) -> None:
    double = FeishuDouble([cancel_then_read(failed(code), "PENDING")])
    with pytest.raises(ReconcilerError) as caught:
        await port(double).cancel(PENDING)
    assert str(code) in caught.value.why


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failed(1395001), UnavailableError),
        (failed(99991662), CredentialsError),
        (failed(99991400, status=429, headers={"x-ogw-ratelimit-reset": "600"}), ThrottledError),
    ],
)
async def test_passing_trouble_of_a_cancel_is_no_answer(answer: httpx.Response, kind: type[ReconcilerError]) -> None:
    double = FeishuDouble([cancel_then_read(answer, "PENDING")])
    with pytest.raises(kind):
        await port(double).cancel(PENDING)
    assert all(request.method == "POST" for request in double.requests)


async def test_a_cancel_names_submitter_definition_and_instance() -> None:
    double = FeishuDouble([ok(None)])
    assert await port(double).cancel(PENDING) is CancelResult.CANCELED
    assert double.body() == {"approval_code": "6CDB", "instance_code": "AEE5", "user_id": "ou_bot"}
    assert double.requests[0].url.params["user_id_type"] == "open_id"


async def test_a_card_goes_to_its_receiver() -> None:
    double = FeishuDouble([ok({"message_id": "om_1"})])
    await port(double).card("oc_1", mark="m", title="t", text="x", link="")
    assert (double.body()["receive_id"], double.requests[0].url.params["receive_id_type"]) == ("oc_1", "chat_id")
