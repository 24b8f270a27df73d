"""The stand-in's answers against the documented shape of every call: member names, types, enumerations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.feishu.calls import HANDLERS
from reconciler.sandbox.feishu.catalogue import documented_calls
from reconciler.sandbox.feishu.gateway import ISSUING_CALL

DOCUMENTED = json.loads(Path(__file__).with_name("documented_answers.json").read_text("utf-8"))

SEEN_IN_PRACTICE = {
    "data.approval_code", "data.instance_code", "data.reverted", "data.modified_instance_code",
    "data.reverted_instance_code", "data.task_list[].custom_node_id", "data.comment_list[].comment",
    "bot", "bot.activate_status", "bot.app_name", "bot.avatar_url", "bot.ip_white_list", "bot.open_id",
    "data.message_id", "data.app_version.event_infos", "data.tasks[].count", "error",
}  # fmt: skip
"""Members that real answers carry and the reference leaves out."""

KINDS = {"string": str, "int": int, "boolean": bool}
LOOSE = ("preview", "/approval/v1/message", "add_sign")


def test_every_documented_call_has_a_handler_and_every_handler_a_document():
    names = {call.name for call in documented_calls()}
    assert set(HANDLERS) | {ISSUING_CALL} == names
    assert {f"{row['method']} {row['path']}" for row in DOCUMENTED} <= names


def test_every_parameter_of_a_path_is_matched_once_and_fixed_paths_win():
    for call in documented_calls():
        path = re.sub(r":\w+", "x", call.path)
        first = next(other for other in documented_calls() if other.method == call.method and other.pattern.match(path))
        assert first is call


def problems(answer: dict[str, Any], rows: list[list[Any]]) -> list[str]:
    documented = {row[0]: row for row in rows}
    found: list[str] = []

    def check(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, member in value.items():
                below = f"{path}.{key}" if path else key
                if below not in documented and below not in SEEN_IN_PRACTICE:
                    found.append(f"{below} is not documented")
                elif below in documented:
                    judge(member, documented[below])
                    check(member, below)
        elif isinstance(value, list):
            for item in value:
                check(item, f"{path}[]")

    def judge(value: Any, row: list[Any]) -> None:
        path, kind, _, *enum = row
        items = value if kind.endswith("[]") and isinstance(value, list) else [value]
        if kind.endswith("[]") and not isinstance(value, list):
            found.append(f"{path} is not a list")
        expected = KINDS.get(kind.removesuffix("[]"))
        for item in items:
            if expected is not None and type(item) is not expected:
                found.append(f"{path} is {type(item).__name__}, documented {kind}")
            elif enum and str(item) not in enum[0] and item != "":
                found.append(f"{path} is {item!r}, documented {enum[0]}")

    check(answer, "")
    return found


def test_the_comparison_finds_what_is_wrong():
    rows = [["code", "int", False], ["data", "object", False], ["data.state", "string", False, ["ON"]]]
    assert problems({"code": 0, "data": {"state": "ON"}}, rows) == []
    assert len(problems({"code": "0", "data": {"state": "OFF", "more": 1}}, rows)) == 3


async def visit_everything(desk) -> None:
    bob = desk.open_id("bob@example.com")
    kind = {"user_id_type": "open_id"}
    code = await desk.definition("AND", subscribe=True, process_manager_ids=[desk.alice])
    await desk.get(f"/approval/v4/approvals/{code}", with_admin_id="true", locale="en-US")
    first, second, third = [await desk.asked(code, desk.alice, bob, uuid=f"u{number}") for number in range(3)]
    body = {"approval_code": code, "instance_code": first, "user_id": desk.alice}

    async def task(instance: str, person: str) -> dict[str, Any]:
        tasks = (await desk.read(instance))["task_list"]
        task_id = next(item["id"] for item in tasks if item["open_id"] == person and item["status"] == "PENDING")
        return body | {"instance_code": instance, "user_id": person, "task_id": task_id}

    await desk.post("/approval/v4/tasks/approve", await task(first, desk.alice), **kind)
    await desk.post(
        "/approval/v4/tasks/transfer", await task(first, bob) | {"transfer_user_id": desk.open_id("carol@example.com")}
    )
    await desk.post("/approval/v4/tasks/reject", await task(second, bob))
    await desk.post("/approval/v4/instances/cc", body | {"cc_user_ids": [bob]})
    comments = f"/approval/v4/instances/{first}/comments"
    author = {"user_id": desk.bot(), **kind}
    note = {"content": '{"text":"hi"}', "at_info_list": [{"user_id": bob, "name": "Bob", "offset": "0"}]}
    made = await desk.post(comments, note, **author)
    await desk.post(comments, note | {"parent_comment_id": made["data"]["comment_id"]}, **author)
    await desk.get(comments, **author)
    await desk.call("DELETE", f"{comments}/{made['data']['comment_id']}", None, **author)
    await desk.read(first)
    await desk.post(f"{comments}/remove", {}, **author)
    await desk.post("/approval/v4/instances/cancel", body | {"instance_code": third, "user_id": desk.bot()})
    now = desk.clock.millis()
    await desk.get(
        "/approval/v4/instances", approval_code=code, start_time=now - 1000, end_time=now + 1000, page_size=2
    )
    await desk.post("/approval/v4/instances/query", {"approval_code": code}, page_size=5)
    await desk.post("/approval/v4/tasks/search", {"approval_code": code}, page_size=5)
    for topic in (1, 2, 3, 17):
        await desk.get("/approval/v4/tasks/query", user_id=bob, topic=topic)
    await desk.post(
        "/approval/v4/instances/preview", {"approval_code": code, "user_id": desk.alice, "form": "[]"}, **kind
    )
    await desk.post(f"/approval/v4/approvals/{code}/unsubscribe")
    await desk.post("/contact/v3/users/batch_get_id", {"emails": ["alice@example.com", "no@example.com"]}, **kind)
    await desk.get(f"/contact/v3/users/{desk.alice}", **kind)
    await desk.post("/contact/v3/users/basic_batch", {"user_ids": [desk.alice]}, **kind)
    await desk.get("/contact/v3/scopes", **kind)
    await visit_app(desk)
    card = json.dumps({"schema": "2.0", "body": {}})
    sent = await desk.post(
        "/im/v1/messages",
        {"receive_id": desk.alice, "msg_type": "interactive", "content": card},
        receive_id_type="open_id",
    )
    message = sent["data"]["message_id"]
    await desk.call("PATCH", f"/im/v1/messages/{message}", {"content": card})
    await desk.call("PATCH", f"/im/v1/messages/{message}/urgent_app", {"user_id_list": [desk.alice]}, **kind)
    told = {"template_id": "1008", "open_id": desk.alice, "actions": [{"action_name": "DETAIL"}]}
    approval_message = await desk.post("/approval/v1/message/send", told)
    await desk.post(
        "/approval/v1/message/update", {"message_id": approval_message["data"]["message_id"], "status": "APPROVED"}
    )
    await desk.get("/bot/v3/info")


async def visit_app(desk) -> None:
    me = "/application/v6/applications/me"
    app = await desk.get(me, lang="zh_cn")
    version = app["data"]["app"]["online_version_id"]
    await desk.get(f"{me}/app_versions/{version}", lang="zh_cn")
    await desk.get("/application/v6/applications", lang="zh_cn")
    await desk.get("/application/v6/scopes")
    own = "/application/v7/applications/cli_one"
    added = {"add_scopes": [{"scope_name": "im:chat", "token_type": "tenant"}]}
    await desk.call("PATCH", f"{own}/config", {"scope": added, "security": {"add": {"allowed_ips": ["127.0.0.1"]}}})
    await desk.post("/application/v6/scopes/apply")
    await desk.call("PATCH", f"{own}/ability", {"bot": {"enable": True}})
    await desk.call("PATCH", f"{own}/base", {"i18ns": [{"i18n_key": "zh_cn", "name": "应用"}]})
    released = {"remark": "r", "changelog": "c", "mobile_default_ability": "bot", "pc_default_ability": "bot"}
    desk.world.tenant.review = True
    submitted = await desk.post(f"{own}/publish", released)
    review = f"{me}/app_versions/{submitted['data']['version_id']}"
    await desk.call("PATCH", review, {"status": 1}, user_id_type="open_id", operator_id=desk.alice)
    await desk.get("/application/v6/applications/cli_one/contacts_range_configuration")
    people = {"user_ids": [desk.alice, desk.open_id("zoe@example.com")]}
    await desk.post("/application/v6/applications/cli_one/visibility/check_white_black_list", people)
    await desk.call("PATCH", "/application/v6/applications/cli_one/visibility", {"add_visible_list": people})
    answer = await desk.upload("/application/v7/app_avatar/upload", avatar=("a.png", b"\x89PNG...", "image/png"))
    desk.answers.append(("POST", "/open-apis/application/v7/app_avatar/upload", answer.json()))


async def test_answers_carry_documented_members_of_documented_types(make_desk):
    desk = await make_desk()
    await visit_everything(desk)
    found: dict[str, set[str]] = {}
    visited = set()
    for method, path, answer in desk.answers:
        call = next(item for item in documented_calls() if item.method == method and item.pattern.match(path))
        visited.add(call.name)
        assert answer["code"] == 0, (call.name, answer)
        row = next((row for row in DOCUMENTED if f"{row['method']} {row['path']}" == call.name), None)
        if row is not None and not any(name in call.name for name in LOOSE):
            found.setdefault(call.name, set()).update(problems(answer, row["response"]))
    assert {name: rows for name, rows in found.items() if rows} == {}
    left = {f"{row['method']} {row['path']}" for row in DOCUMENTED} - visited - {ISSUING_CALL}
    assert {name.rpartition("/")[2] for name in left} == {"resubmit", "specified_rollback", "add_sign"}


def demanding_calls():
    return [
        call
        for call in documented_calls()
        if any(field.required and field.kind != "file" for field in (*call.query, *call.body))
        and call.name != ISSUING_CALL
    ]


@pytest.mark.parametrize("call", demanding_calls(), ids=lambda call: call.name)
async def test_a_required_member_that_is_missing_is_named(make_desk, call):
    required = [field.name for field in call.query if field.required]
    desk = await make_desk()
    path = re.sub(r":\w+", "me", call.path).removeprefix("/open-apis")
    answer = await desk.call(call.method, path, {})
    assert answer["code"] == 99992402
    named = {item["field"] for item in answer["error"]["field_violations"]}
    expected = required or [field.name for field in call.body if field.required]
    assert named == set(expected)


@pytest.mark.parametrize("call", [call for call in documented_calls() if call.scopes], ids=lambda call: call.name)
async def test_any_one_documented_scope_suffices_and_without_one_the_call_is_refused(make_desk, call):
    path = re.sub(r":\w+", "me", call.path).removeprefix("/open-apis")
    bare = await make_desk(scopes=[])
    refused = await bare.call(call.method, path, {})
    assert refused["code"] == 99991672
    assert [item["subject"] for item in refused["error"]["permission_violations"]] == list(call.scopes)
    for scope in call.scopes:
        allowed = await make_desk(scopes=[scope])
        assert (await allowed.call(call.method, path, {}))["code"] != 99991672
