"""Reminding: by card where the app may, by mention where it may not, each person one way."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
from providers.feishu.feishu_double import FeishuDouble, failed, ok

from reconciler.providers.feishu.cards import card
from reconciler.providers.feishu.reminders import Reminders, message_uuid
from reconciler.subjects.instance import Instance, InstanceStatus, NodeTask, NodeTaskStatus

PENDING, DONE = NodeTaskStatus.PENDING, NodeTaskStatus.DONE


def instance(*tasks: tuple[str, NodeTaskStatus]) -> Instance:
    return Instance(
        code="AEE5",
        uuid="u-1",
        definition_code="6CDB",
        status=InstanceStatus.PENDING,
        submitter="ou_bot",
        started=datetime(2026, 11, 25, tzinfo=UTC),
        form=(),
        tasks=tuple(NodeTask(str(n), person, status, "n", "gate-1") for n, (person, status) in enumerate(tasks)),
    )


def server(*, unavailable: str = "", urge: httpx.Response | None = None) -> FeishuDouble:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bot/v3/info"):
            return ok(bot={"open_id": "ou_bot", "activate_status": 2})
        if request.url.path.endswith("/urgent_app"):
            return urge or ok({"invalid_user_id_list": []})
        if request.url.path.endswith("/comments"):
            return ok({"comment_id": "1"})
        receiver = json.loads(request.content)["receive_id"]
        return failed(230013) if receiver == unavailable else ok({"message_id": f"om_{receiver}"})

    return FeishuDouble([answer])


def paths(double: FeishuDouble) -> list[str]:
    return [request.url.path.rsplit("/", 1)[-1] for request in double.requests]


async def test_only_those_whose_turn_it_is_are_reminded() -> None:
    double = server()
    how = await Reminders(double.client()).remind(
        instance(("ou_b", PENDING), ("ou_a", DONE), ("ou_b", PENDING), ("", PENDING)), mark="m", text="t", link="l"
    )
    assert how == "card"
    assert paths(double) == ["messages", "urgent_app"]


async def test_who_cannot_get_a_card_is_mentioned() -> None:
    double = server(unavailable="ou_b")
    how = await Reminders(double.client()).remind(
        instance(("ou_a", PENDING), ("ou_b", PENDING)), mark="m", text="please", link="l"
    )
    assert how == "card and mention"
    comment = double.body()
    mentions = comment["at_info_list"]
    assert mentions == [{"user_id": "ou_b", "name": "审批人", "offset": "0"}]
    assert json.loads(str(comment["content"]))["text"] == "@审批人 please"


async def test_a_buzz_that_is_not_allowed_is_tried_once() -> None:
    double = server(urge=failed(99991672))
    reminders = Reminders(double.client())
    for mark in ("m1", "m2"):
        assert await reminders.remind(instance(("ou_a", PENDING)), mark=mark, text="t", link="l") == "card"
    assert paths(double) == ["messages", "urgent_app", "messages"]


async def test_a_buzz_that_fails_does_not_fail_the_reminder() -> None:
    double = server(urge=httpx.Response(502))
    assert await Reminders(double.client()).remind(instance(("ou_a", PENDING)), mark="m", text="t", link="") == "card"


def test_a_message_has_one_uuid_per_mark_and_receiver() -> None:
    first = message_uuid("m", "ou_a")
    assert first == message_uuid("m", "ou_a")
    assert len({first, message_uuid("m", "ou_b"), message_uuid("n", "ou_a")}) == 3
    assert len(first) <= 50


def test_a_card_shows_foreign_text_as_text_and_stays_small() -> None:
    made = json.dumps(card(title="x" * 100_000, text="**b** <at id=all></at> 😀" + "y" * 100_000, link="https://x"))
    assert len(made.encode()) < 30_000
    assert "markdown" not in made
    assert "lark_md" not in made


def test_a_card_without_a_link_has_no_button() -> None:
    assert "button" not in json.dumps(card(title="t", text="x", link=""))
