"""Whatever arrives, the answer is an envelope: no traceback, no plain 500."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from reconciler.sandbox.feishu.catalogue import Field, documented_calls

STRANGE: list[Any] = [
    None, "", "x", "@i18n@", "@i18n@name", "🙂" * 40, "\u202e" + "rtl", "\ud800", 0, -1, 2**70, 1.5, True, [], {}, [None],
    [[]], {"a": {"b": []}}, ["x"] * 300, "[" * 5000, '[{"id": {}}]', '[{"id": "change", "value": {}}]', '{"text": 1}',
    '[{"id":"a","type":["input"],"name":[],"required":true}]', '[{"id":"a","type":"fieldList","name":"@i18n@name","required":true,"value":[1]}]',
]  # fmt: skip


def filled(field: Field, source: random.Random) -> Any:
    if source.random() < 0.2:
        return source.choice(STRANGE)
    if field.is_list:
        return [single(field, source) for _ in range(source.randrange(3))]
    return single(field, source)


def single(field: Field, source: random.Random) -> Any:
    if field.children:
        return {child.name: filled(child, source) for child in field.children if source.random() < 0.8}
    if field.enum and source.random() < 0.9:
        value = source.choice(field.enum)
        return int(value) if field.kind == "int" else value
    if field.kind == "int":
        return source.randrange(-2, 30)
    if field.kind == "boolean":
        return source.random() < 0.5
    return source.choice([item for item in STRANGE if isinstance(item, str)])


@pytest.mark.parametrize("call", documented_calls(), ids=lambda call: call.name)
async def test_strange_bodies_get_an_envelope(make_desk, call):
    desk = await make_desk()
    desk.world.rates.enforced = False
    code = await desk.definition()
    instance = await desk.asked(code)
    task = (await desk.read(instance))["task_list"][0]["id"]
    known = {"approval_code": code, "instance_code": instance, "instance_id": instance, "user_id": desk.alice, "task_id": task,
             "app_id": "cli_one", "open_id": desk.alice, "message_id": "om_x", "version_id": "oav_x", "comment_id": "1"}  # fmt: skip
    source = random.Random(call.name)
    for _ in range(8):
        path = re.sub(r":(\w+)", lambda match: str(known[match[1]]), call.path).removeprefix("/open-apis")
        body = {field.name: filled(field, source) for field in call.body if source.random() < 0.9}
        body |= {name: value for name, value in known.items() if name in body and source.random() < 0.7}
        query = {field.name: source.choice([*field.enum, "1", "x"]) for field in call.query if source.random() < 0.9}
        query |= {name: value for name, value in known.items() if name in query}
        content = json.dumps(body).encode()
        answer = await desk.send(call.method, path, content, **query)
        assert answer.headers["X-Tt-Logid"]
        assert isinstance(answer.json()["code"], int)


@pytest.mark.parametrize("text", ["x" * 100_000, "🙂" * 2000, "\u202eevil\u202c", "a\u0000b", "line\r\nline"])
async def test_any_text_is_kept_as_it_is(desk, text):
    form = json.dumps([{"id": "change", "type": "input", "value": text}])
    read = await desk.read(await desk.asked(await desk.definition(), form=form))
    assert json.loads(read["form"])[0]["value"] == text


async def test_strange_registrations_and_endpoints_are_answered(desk):
    for content in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"AppID":1,"AppSecret":{}}'):
        endpoint = await desk.raw("POST", "/callback/ws/endpoint", content=content)
        assert endpoint.json()["code"] in (514, 1000040344)
        form = await desk.raw("POST", "/oauth/v1/app/registration", content=content)
        assert form.json()["error"] == "invalid_request"
