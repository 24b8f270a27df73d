"""Tokens, the order of checks, scopes and limits, with a clock the test moves."""

from __future__ import annotations

import json


async def test_the_same_token_comes_back_while_thirty_minutes_remain(make_desk):
    desk = await make_desk(log_in=False)
    first = await desk.token()
    desk.clock.seconds += 5400
    second = await desk.token()
    assert (first["expire"], second["expire"]) == (7200, 1800)
    assert second["tenant_access_token"] == first["tenant_access_token"]


async def test_below_thirty_minutes_a_new_token_comes_and_both_stay_good(make_desk):
    desk = await make_desk()
    old = (await desk.token())["tenant_access_token"]
    desk.clock.seconds += 5401
    new = (await desk.token())["tenant_access_token"]
    assert new != old
    for token in (old, new):
        desk.header("Authorization", f"Bearer {token}")
        assert (await desk.get("/bot/v3/info"))["code"] == 0


async def test_a_token_ends_after_two_hours(desk):
    desk.clock.seconds += 7201
    assert (await desk.get("/bot/v3/info"))["code"] == 99991663


async def test_a_moved_clock_shows_in_the_date_and_leaves_tokens_alone(desk):
    desk.clock.offset = 86_400
    answer = await desk.send("GET", "/bot/v3/info")
    assert answer.json()["code"] == 0
    assert answer.headers["Date"] == "Mon, 25 May 2026 04:00:00 GMT"


async def test_token_errors_come_with_status_200(make_desk):
    desk = await make_desk(log_in=False)
    answers = [await desk.token("cli_one", "bad"), await desk.token("cli_none", "one"), await desk.token("", "")]
    assert [answer["code"] for answer in answers] == [10014, 10003, 10003]
    answer = await desk.send("POST", "/auth/v3/tenant_access_token/internal", b"{")
    assert (answer.status_code, answer.json()["code"]) == (200, 10003)


async def test_kinds_of_bad_authorization_have_their_codes(desk):
    codes = []
    for value in (None, "Bearer ", "Bearer abc", "Basic t-abc", "Bearer u-abc", "Bearer t-abc"):
        desk.header("Authorization", value)
        codes.append((await desk.get("/bot/v3/info"))["code"])
    assert codes == [99991661, 99991661, 99991671, 99991671, 99991668, 99991663]


async def test_checks_go_path_method_token_scope_rate_validation_business(make_desk):
    desk = await make_desk(scopes=["approval:approval:readonly"])
    create = "/approval/v4/approvals"
    desk.header("Authorization", "Bearer t-wrong")
    assert (await desk.call("POST", "/approval/v4/nothing", {}))["code"] == 99991201
    assert (await desk.call("PATCH", create, {}))["code"] == 99991301
    assert (await desk.post(create))["code"] == 99991663
    await desk.log_in()
    assert (await desk.post(create))["code"] == 99991672
    task = "/approval/v4/tasks/approve"
    for _ in range(100):
        assert (await desk.post(task))["code"] == 99992402
    assert (await desk.post(task))["code"] == 99991400
    desk.clock.seconds += 60
    body = {"approval_code": "A", "instance_code": "B", "user_id": "C", "task_id": "D"}
    assert (await desk.post(task))["code"] == 99992402
    assert (await desk.post(task, body))["code"] == 1390002


async def test_both_windows_of_a_limit_are_kept(desk):
    path = "/approval/v4/instances/none"
    codes = [(await desk.get(path))["code"] for _ in range(51)]
    assert codes == [1390003] * 50 + [99991400]
    for _ in range(19):
        desk.clock.seconds += 1
        codes = [(await desk.get(path))["code"] for _ in range(50)]
        assert set(codes) == {1390003}
    desk.clock.seconds += 1
    answer = await desk.send("GET", path)
    assert answer.status_code == 429
    assert answer.headers["x-ogw-ratelimit-limit"] == "1000"


async def test_limits_are_counted_per_app_and_per_call(desk):
    for _ in range(101):
        limited = await desk.get("/approval/v4/approvals/none")
    assert limited["code"] == 99991400
    assert (await desk.get("/approval/v4/instances/none"))["code"] == 1390003
    await desk.log_in("cli_two", "two")
    assert (await desk.get("/approval/v4/approvals/none"))["code"] == 1390002


async def test_limits_can_be_switched_off(desk):
    desk.world.rates.enforced = False
    assert {(await desk.get("/approval/v4/approvals/none"))["code"] for _ in range(120)} == {1390002}


async def test_every_answer_names_its_log_id_in_canonical_case(desk):
    for path in ("/bot/v3/info", "/nothing", "/approval/v4/approvals/none"):
        answer = await desk.send("GET", path)
        names = [name.decode() for name, _ in answer.headers.raw]
        assert {"Content-Type", "X-Tt-Logid", "Date"} <= set(names)
        error = answer.json().get("error")
        assert error is None or error["log_id"] == answer.headers["X-Tt-Logid"]


async def test_a_caller_outside_the_allow_list_is_refused(desk):
    app = desk.world.apps["cli_one"]
    app.allowed_ips = frozenset({"203.0.113.7"})
    assert (await desk.get("/bot/v3/info"))["code"] == 99991401
    app.allowed_ips = frozenset({"127.0.0.1"})
    assert (await desk.get("/bot/v3/info"))["code"] == 0


async def test_a_disabled_app_gets_no_token_and_its_old_one_is_refused(desk):
    desk.actions.disable_app("cli_one")
    assert (await desk.get("/bot/v3/info"))["code"] == 99991662
    assert (await desk.token())["code"] == 10014


async def test_the_caller_of_a_token_is_known_until_tokens_expire(desk):
    token = (await desk.token())["tenant_access_token"]
    assert desk.stand_in.caller_of(f"Bearer {token}") == "cli_one"
    desk.stand_in.expire_tokens()
    assert desk.stand_in.caller_of(f"Bearer {token}") is None
    assert desk.stand_in.caller_of(None) is None


async def test_nothing_is_served_beside_the_public_face(desk):
    for path in ("/", "/open-apis", "/sandbox/faults", "/ws/v2", "/docs"):
        assert (await desk.raw("GET", path)).status_code == 404


async def test_wrong_types_and_broken_json_are_9499(desk):
    for body in (b"{", b"[]", b"\xff", json.dumps({"emails": "alice"}).encode(), b"[" * 100_000):
        assert (await desk.send("POST", "/contact/v3/users/batch_get_id", body)).json()["code"] == 9499
