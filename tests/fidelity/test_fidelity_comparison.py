"""The comparator sees what differs, forgives what may, and cannot be talked into a match."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml
from fidelity.cassettes import Answer, fold, read_cassette, read_order
from fidelity.comparison import Comparison
from fidelity.conformity import breaches, response_message
from fidelity.identities import Identities
from fidelity.replaying import Replayer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

EARLY, LATE = "2026-01-01T00:00:01.000001Z", "2026-01-01T00:00:03.000003Z"
HERE, THERE = "2027-05-05T00:00:01.500Z", "2027-05-05T00:00:02.500Z"
SHEET = "projects/p/sheets/"


def differing(recorded, live, known=None, *, statuses=(200, 200)):
    """Paths that differ for good."""
    comparison = Comparison(known if known is not None else Identities(), set(), "/v1/x")
    answers = [
        Answer(status, "application/json", json.dumps(body))
        for status, body in zip(statuses, (recorded, live), strict=True)
    ]
    return [each.path for each in comparison.answers(*answers) if not each.is_forgiven]


@pytest.mark.parametrize(
    ("recorded", "live", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {}, ["$.a"]),
        ({}, {"a": False}, ["$.a"]),
        ({"a": "1"}, {"a": 1}, ["$.a"]),
        ({"a": True}, {"a": 1}, ["$.a"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["$.a[0]", "$.a[1]"]),
        ({"a": [1]}, {"a": [1, 2]}, ["$.a (length)"]),
        ({"permissions": ["x", "y"]}, {"permissions": ["y", "x"]}, []),
        ({"token": "REDACTED"}, {"token": "abc"}, []),
        ({"token": "REDACTED"}, {"token": ""}, ["$.token"]),
        ({"profile": {"lastLoginTime": EARLY}}, {"profile": {}}, []),
        ({"createTime": EARLY}, {"createTime": HERE}, []),
        ({"createTime": EARLY}, {"createTime": "2027-05-05 00:00:01"}, ["$.createTime"]),
        ({"name": SHEET + "a" * 64}, {"name": SHEET + "b" * 64}, ["$.name"]),
        ({"request": '{"a": 1, "b": 2}'}, {"request": '{"b":2,"a":1}'}, []),
        ({"nextPageToken": "CAE="}, {"nextPageToken": "other"}, []),
        ({"nextPageToken": "CAE="}, {}, ["$.nextPageToken"]),
    ],
)
def test_keys_types_and_values_count(recorded, live, paths):
    assert differing(recorded, live) == paths


def test_invented_names_are_paired_one_to_one_with_their_parents():
    known = Identities()
    recorded, live = (
        "projects/demo/plans/101/rollout/stages/test/tasks/7",
        "projects/demo/plans/5/rollout/stages/test/tasks/9",
    )

    assert differing({"name": recorded}, {"name": live}, known) == []
    assert known.rewrite("/v1/projects/demo/plans/101/rollout:x") == "/v1/projects/demo/plans/5/rollout:x"
    assert known.rewrite("projects/demo/plans/1011") == "projects/demo/plans/1011"
    assert differing({"plan": "projects/demo/plans/101"}, {"plan": "projects/demo/plans/6"}, known) == ["$.plan"]
    assert differing({"plan": "projects/demo/plans/102"}, {"plan": "projects/demo/plans/5"}, known) == ["$.plan"]


@pytest.mark.parametrize(
    ("second", "paths"),
    [
        ((EARLY, HERE), []),
        ((LATE, THERE), []),
        ((EARLY, THERE), ["$.updateTime"]),
        ((LATE, HERE), ["$.updateTime"]),
    ],
)
def test_a_time_must_move_where_the_recorded_one_moved_and_only_there(second, paths):
    known = Identities()
    assert differing({"name": "a", "updateTime": EARLY}, {"name": "a", "updateTime": HERE}, known) == []
    assert differing({"name": "a", "updateTime": second[0]}, {"name": "a", "updateTime": second[1]}, known) == paths


def test_of_an_error_the_code_and_the_kinds_of_details_count():
    detail = {"@type": "type.googleapis.com/bytebase.v1.PermissionDeniedDetail", "method": "/x"}
    error = {"code": 7, "message": "no", "details": [detail]}

    assert differing(error, {**error, "message": "never"}, statuses=(403, 403)) == []
    assert differing(error, {**error, "code": 9}, statuses=(403, 403)) == ["$.code"]
    assert differing(error, {"code": 7, "message": "no"}, statuses=(403, 403)) == ["$.details (length)"]
    assert differing(error, error, statuses=(403, 404)) == ["status"]


def test_work_under_way_forgives_progress_and_nothing_else():
    running = {"name": "projects/demo/x", "status": "RUNNING", "target": "instances/a"}

    assert differing(running, {**running, "status": "DONE", "detail": "ok"}) == []
    assert differing(running, {**running, "status": "DONE", "target": "instances/b"}) == ["$.target"]
    assert differing({**running, "status": "DONE"}, running) == ["$.status"]


def test_a_time_in_a_request_keeps_its_place_between_known_ones():
    known = Identities()
    known.learn(EARLY, HERE)
    known.learn(LATE, THERE)

    assert known.rewrite(EARLY) == HERE
    assert HERE < known.rewrite("2026-01-01T00:00:02.000002Z") < THERE
    assert known.rewrite('x >= "2020-01-01T00:00:00Z"') == 'x >= "2020-01-01T00:00:00Z"'


def exchange(method, target, status, answer, body=None):
    headers = {"Authorization": ["Bearer REDACTED"]}
    request = {"method": method, "uri": f"http://bytebase.example:8080{target}", "headers": headers}
    response = {"status": {"code": status, "message": ""}, "headers": {"Content-Type": ["application/json"]}}
    return {
        "request": {**request, "body": body and json.dumps(body)},
        "response": {**response, "body": {"string": json.dumps(answer)}},
    }


PLAN = "/v1/projects/p/plans/101"
RECORDED = [
    exchange("POST", "/v1/projects/p/plans", 200, {"name": PLAN[4:], "title": "T"}, {"title": "T"}),
    exchange("GET", PLAN, 200, {"name": PLAN[4:], "title": "T"}),
    exchange("GET", PLAN, 200, {"name": PLAN[4:], "title": "T", "hasRollout": True}),
    exchange("GET", "/v1/projects/p/plans/999", 404, {"code": 5, "message": "?"}),
]


@pytest.fixture
def cassette(tmp_path):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"interactions": RECORDED, "version": 1}), "utf-8")
    (tmp_path / "callers.yaml").write_text("c.yaml: [a@x, a@x, a@x, a@x]\n", "utf-8")
    return read_cassette(tmp_path / "c.yaml")


def test_polls_between_writes_count_once(cassette):
    assert [each.number for each in fold(cassette.exchanges)] == [0, 2, 3]
    assert {each.caller for each in cassette.exchanges} == {"a@x"}


def test_the_order_names_what_to_leave_out(tmp_path):
    (tmp_path / "order.txt").write_text("# order\nb.yaml 3 4  # a race\na.yaml\n", "utf-8")
    assert read_order(tmp_path / "order.txt") == {"b.yaml": {3, 4}, "a.yaml": frozenset()}


async def replay(cassette, spoil):
    """Against a server whose plan gets its rollout after some reads; `spoil` falsifies its answers."""
    reads = 0

    async def serve(request: Request) -> JSONResponse:
        nonlocal reads
        path = request.url.path
        if path == "/v1/auth/login":
            return JSONResponse({"token": "t"})
        if path.endswith("/plans/900") or request.method == "POST":
            reads += 1
            body = {"name": "projects/p/plans/900", "title": "T"}
            return JSONResponse(spoil({**body, "hasRollout": True} if reads > 3 else body))
        return JSONResponse(spoil({"code": 5, "message": "no"}), status_code=404)

    app = Starlette(routes=[Route("/{path:path}", serve, methods=["GET", "POST"])])
    seed = {"bytebase": {"users": [{"email": "a@x", "password": "p"}]}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await Replayer(client, seed, patience=0.2).cassette(cassette)


async def test_a_truthful_server_matches_once_it_is_ready(cassette):
    outcome = await replay(cassette, lambda body: body)

    assert (outcome.matched, outcome.total) == (3, 3)


@pytest.mark.parametrize(
    ("spoil", "number", "path"),
    [
        (lambda body: {k: v for k, v in body.items() if k != "title"}, 0, "$.title"),
        (lambda body: {**body, "hidden": False}, 0, "$.hidden"),
        (lambda body: {**body, "code": 7} if "code" in body else body, 3, "$.code"),
    ],
)
async def test_a_false_server_is_found_out(cassette, spoil, number, path):
    outcome = await replay(cassette, spoil)

    exchange, differences = outcome.mismatches[0]
    assert (exchange.number, differences[0].path) == (number, path)
    assert path in outcome.report()


@pytest.mark.parametrize(
    ("body", "breach"),
    [
        ({"name": "projects/p/plans/1", "hasRollout": True}, None),
        ({"shoe": 1}, "no such field"),
        ({"hasRollout": "yes"}, "is no bool"),
        ({"hasRollout": False}, "a default"),
        ({"state": "WHAT"}, "is no State"),
        ({"specs": []}, "not a list with elements"),
        ({"createTime": "yesterday"}, "is no time"),
        ({"specs": [{"changeDatabaseConfig": {"targets": [1]}}]}, "is no string"),
        ([], "not an object"),
    ],
)
def test_an_answer_of_another_shape_is_found_out(body, breach):
    message = response_message("GET", "/v1/projects/p/plans/1")
    assert message == "Plan"
    found = breaches(message, json.dumps(body))
    assert (found == []) if breach is None else (breach in found[0])
