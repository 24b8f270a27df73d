"""Faults asked for by `POST /sandbox/faults` happen to the requests they name, and to no other."""

from __future__ import annotations

import httpx
import pytest


async def test_status_answers_instead_of_the_stand_in_as_often_as_asked(tiny, fault):
    answer = await fault(target="bytebase", method="post", path="/v1/plans", times=2, fault="status", status=429)
    assert (answer.status_code, answer.content) == (204, b"")
    async with tiny.client(tiny.world.bytebase_app) as client:
        statuses = [(await client.post("/v1/plans/1")).status_code for _ in range(3)]
        others = [(await client.get("/v1/plans/1")).status_code, (await client.post("/v1/issues")).status_code]
    assert statuses == [429, 429, 201]
    assert others == [201, 201]
    assert tiny.bytebase.effects == ["POST /v1/plans/1", "GET /v1/plans/1", "POST /v1/issues"]


@pytest.mark.parametrize(
    ("target", "path", "status", "body"),
    [
        ("bytebase", "/v1/plans", 503, {"code": 14, "message": "unavailable: injected by the sandbox"}),
        ("bytebase", "/bytebase.v1.PlanService/X", 503, {"code": "unavailable", "message": "unavailable: injected by the sandbox"}),
        ("feishu", "/open-apis/x", 429, {"code": 99991400, "msg": "request trigger frequency limit"}),
    ],
)  # fmt: skip
async def test_status_speaks_as_the_upstream_does(tiny, fault, target, path, status, body):
    await fault(target=target, fault="status", status=status)
    app = tiny.world.bytebase_app if target == "bytebase" else tiny.world.feishu_app
    async with tiny.client(app) as client:
        answer = await client.get(path)
    assert answer.json() == body
    assert ("x-ogw-ratelimit-reset" in answer.headers) == (status == 429)


async def test_a_gateway_status_is_a_page_and_no_json(tiny, fault):
    await fault(target="feishu", fault="status", status=502)
    async with tiny.client(tiny.world.feishu_app) as client:
        answer = await client.get("/open-apis/x")
    assert answer.headers["content-type"] == "text/html"
    assert "502 Bad Gateway" in answer.text


async def test_a_lost_answer_takes_effect_first(tiny, fault):
    await fault(target="feishu", fault="loseAnswer")
    async with tiny.client(tiny.world.feishu_app) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/instances")
        assert (await client.post("/instances")).status_code == 201
    assert tiny.feishu.effects == ["POST /instances"] * 2
    assert [entry.status for entry in tiny.world.log.since(0)] == [201, 201]


async def test_a_dropped_request_has_no_effect(tiny, fault):
    await fault(target="feishu", fault="drop")
    async with tiny.client(tiny.world.feishu_app) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("/instances")
    assert tiny.feishu.effects == []
    assert [entry.status for entry in tiny.world.log.since(0)] == [None]


async def test_a_malformed_answer_takes_effect_and_is_no_json(tiny, fault):
    await fault(target="bytebase", fault="malformed")
    async with tiny.client(tiny.world.bytebase_app) as client:
        answer = await client.post("/v1/plans")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert tiny.bytebase.effects == ["POST /v1/plans"]


async def test_a_delayed_request_is_answered_as_usual(tiny, fault):
    await fault(target="bytebase", fault="delay", seconds=0.01)
    async with tiny.client(tiny.world.bytebase_app) as client:
        assert (await client.get("/v1/plans")).json() == {"seen": "/v1/plans"}


async def test_faults_for_the_same_request_happen_in_the_order_asked(tiny, fault):
    await fault(target="bytebase", fault="status", status=500)
    await fault(target="bytebase", fault="status", status=504)
    async with tiny.client(tiny.world.bytebase_app) as client:
        assert [(await client.get("/")).status_code for _ in range(3)] == [500, 504, 201]


async def test_special_faults_reach_the_stand_in_they_name(tiny, fault):
    await fault(target="bytebase", fault="expireTokens")
    await fault(target="feishu", fault="expireTokens")
    await fault(target="feishu", fault="dropSocket")
    await fault(target="feishu", fault="duplicateEvents")
    await fault(target="feishu", fault="reorderEvents", times=2)
    await fault(target="feishu", fault="loseEvents", times=3)
    assert tiny.bytebase.calls == [("expire",)]
    assert tiny.feishu.calls == [("expire",), ("drop",), ("duplicate", 1), ("reorder", 2), ("lose", 3)]


async def test_the_clock_of_one_side_moves_alone(tiny, fault):
    await fault(target="feishu", fault="clock", seconds=-90)
    assert [clock.millis() for clock in tiny.clocks] == [1_000_000, 910_000]


async def test_delete_ends_every_fault(tiny, fault):
    await fault(target="bytebase", fault="status", times=5)
    await fault(target="bytebase", fault="clock", seconds=60)
    async with tiny.client(tiny.control_app) as control:
        answer = await control.delete("/sandbox/faults")
    assert (answer.status_code, answer.content) == (204, b"")
    async with tiny.client(tiny.world.bytebase_app) as client:
        assert (await client.get("/")).status_code == 201
    assert tiny.clocks[0].offset == 0
    assert tiny.feishu.calls == [("duplicate", 0), ("reorder", 0), ("lose", 0)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target": "bytebase", "fault": "status", "statos": 500}, "statos: unknown field"),
        ({"target": "bytebase", "fault": "clock"}, "seconds: is required"),
        ({"fault": "drop"}, "target: is required"),
        ({"target": "bytebase", "fault": "dropSocket"}, "target: Input should be 'feishu'"),
        ({"target": "bytebase", "fault": "delay"}, "delay needs seconds"),
        ({"target": "bytebase", "fault": "status", "path": "v1"}, "path: a path begins with /"),
        ({"target": "bytebase", "fault": "status", "times": 0}, "times: Input should be greater than or equal to 1"),
        ({"target": "bytebase"}, "fault: is required"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(tiny, fault, fields, reason):
    answer = await fault(**fields)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert tiny.world.faults.waiting() == []


async def test_an_unknown_fault_is_refused_by_naming_the_known_ones(fault):
    answer = await fault(target="bytebase", fault="explode")
    assert answer.status_code == 400
    assert "loseAnswer" in answer.json()["error"]


async def test_a_body_that_is_not_json_is_refused(tiny):
    async with tiny.client(tiny.control_app) as control:
        answer = await control.post("/sandbox/faults", content=b"{")
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]
