"""Delivery: order, retries, blocking, disturbances, and how an attempt over HTTP is made."""

from __future__ import annotations

import asyncio
import json

import httpx

from reconciler.sandbox.feishu.cipher import decrypt, signature
from reconciler.sandbox.feishu.delivery import Delivery
from reconciler.sandbox.feishu.events import Event


def event(number: int, *, kind: str = "approval_instance", stream: str = "I") -> Event:
    return Event("cli_one", kind, stream, {"uuid": str(number), "event": {}})


class Carrier:
    """Acknowledges unless told how often to fail a uuid."""

    def __init__(self, **failures: int) -> None:
        self.tried: list[str] = []
        self.failures = {key.removeprefix("n"): times for key, times in failures.items()}

    async def __call__(self, event: Event) -> bool:
        uuid = event.body["uuid"]
        self.tried.append(uuid)
        self.failures[uuid] = self.failures.get(uuid, 0) - 1
        return self.failures[uuid] < 0


async def settle(delivery: Delivery) -> None:
    for _ in range(200):
        await asyncio.sleep(0)
        if not delivery.waiting():
            return


async def delivered(clock, carrier, events, *, disturb=None) -> Delivery:
    delivery = Delivery(clock, carrier)
    delivery.start()
    if disturb:
        delivery.disturb(*disturb)
    for item in events:
        delivery.post(item)
    await settle(delivery)
    await delivery.stop()
    return delivery


async def test_events_of_one_stream_keep_their_order(moved_clock):
    carrier = Carrier()
    await delivered(moved_clock, carrier, [event(number) for number in range(5)])
    assert carrier.tried == ["0", "1", "2", "3", "4"]


async def test_an_event_without_ack_is_tried_again_and_holds_back_its_own_stream_only(moved_clock):
    carrier = Carrier(n0=2)
    await delivered(moved_clock, carrier, [event(0), event(1), event(2, kind="approval_task"), event(3, stream="J")])
    assert moved_clock.slept == [15.0, 300.0]
    assert [uuid for uuid in carrier.tried if uuid in "01"] == ["0", "0", "0", "1"]
    assert set(carrier.tried[:3]) == {"0", "2", "3"}


async def test_after_four_retries_an_event_is_dropped_and_the_next_one_comes(moved_clock):
    carrier = Carrier(n0=99)
    delivery = await delivered(moved_clock, carrier, [event(0), event(1)])
    assert carrier.tried == ["0"] * 5 + ["1"]
    assert moved_clock.slept == [15.0, 300.0, 3600.0, 21600.0]
    assert [item.body["uuid"] for item in delivery.dropped] == ["0"]


async def test_callbacks_are_never_tried_again(moved_clock):
    carrier = Carrier(n0=99)
    await delivered(moved_clock, carrier, [event(0, kind="card.action.trigger")])
    assert carrier.tried == ["0"]


async def test_disturbances_repeat_swap_and_lose(moved_clock):
    for disturb, expected in (
        (("duplicate", 1), ["0", "0", "1"]),
        (("reorder", 1), ["1", "0"]),
        (("lose", 1), ["1"]),
        (("lose", 0), ["0", "1"]),
    ):
        carrier = Carrier()
        await delivered(moved_clock, carrier, [event(0), event(1)], disturb=disturb)
        assert carrier.tried == expected, disturb


async def test_a_held_event_comes_even_if_nothing_follows(moved_clock):
    carrier = Carrier()
    await delivered(moved_clock, carrier, [event(0)], disturb=("reorder", 1))
    assert carrier.tried == ["0"]


async def test_events_posted_before_the_start_wait_for_it(moved_clock):
    carrier = Carrier()
    delivery = Delivery(moved_clock, carrier)
    delivery.post(event(0))
    await asyncio.sleep(0)
    assert carrier.tried == []
    delivery.start()
    await settle(delivery)
    assert carrier.tried == ["0"]


class Receiver:
    """A request URL in process: answers challenges and remembers what it got."""

    def __init__(self, *, encrypt_key: str = "", echo: bool = True, status: int = 200) -> None:
        self.requests: list[tuple[httpx.Headers, bytes]] = []
        self._key, self._echo, self._status = encrypt_key, echo, status

    def body(self, content: bytes):
        parsed = json.loads(content)
        return json.loads(decrypt(parsed["encrypt"], self._key)) if "encrypt" in parsed else parsed

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.headers, request.content))
        body = self.body(request.content)
        if body.get("type") == "url_verification":
            return httpx.Response(200, json={"challenge": body["challenge"] if self._echo else "?"})
        return httpx.Response(self._status, json={})


async def with_callback(make_desk, receiver, **strategy):
    desk = await make_desk(transport=httpx.MockTransport(receiver))
    config = {
        "event": {"subscription_type": "webhook", "request_url": "http://listener/events"},
        "event_and_callback_encrypt_strategy": strategy,
    }
    answer = await desk.call("PATCH", "/application/v7/applications/cli_one/config", config)
    return desk, answer


async def release(desk):
    body = {"remark": "r", "changelog": "c", "mobile_default_ability": "bot", "pc_default_ability": "bot"}
    assert (await desk.post("/application/v7/applications/cli_one/publish", body))["code"] == 0


async def test_a_request_url_must_give_the_challenge_back(make_desk):
    _, refused = await with_callback(make_desk, Receiver(echo=False))
    assert refused["code"] == 210042


async def test_pushed_events_are_encrypted_and_signed_over_the_raw_body(make_desk):
    receiver = Receiver(encrypt_key="ek-1")
    desk, answer = await with_callback(make_desk, receiver, encryption_key="ek-1", verification_token="vt-1")
    assert answer["code"] == 0
    await release(desk)
    await desk.stand_in.start()
    await desk.asked(await desk.definition(subscribe=True))
    while len(receiver.requests) < 3:
        await asyncio.sleep(0.001)
    headers, content = receiver.requests[1]
    assert "X-Lark-Signature" not in receiver.requests[0][0]
    assert headers["X-Lark-Signature"] == signature(
        timestamp=headers["X-Lark-Request-Timestamp"],
        nonce=headers["X-Lark-Request-Nonce"],
        encrypt_key="ek-1",
        body=content,
    )
    body = receiver.body(content)
    assert (body["token"], body["type"], body["event"]["app_id"]) == ("vt-1", "event_callback", "cli_one")


async def test_a_url_that_answers_500_gets_the_event_again(make_desk):
    receiver = Receiver(status=500)
    desk, _ = await with_callback(make_desk, receiver, verification_token="vt-1")
    await release(desk)
    await desk.stand_in.start()
    await desk.asked(await desk.definition(subscribe=True))
    while len(receiver.requests) < 11:
        await asyncio.sleep(0.001)
    assert sorted(desk.clock.slept) == sorted([15.0, 300.0, 3600.0, 21600.0] * 2)


async def test_the_mode_of_the_released_version_counts(make_desk):
    receiver = Receiver()
    desk, _ = await with_callback(make_desk, receiver)
    await desk.stand_in.start()
    await desk.asked(await desk.definition(subscribe=True))
    await asyncio.sleep(0.01)
    assert len(receiver.requests) == 1


async def test_the_endpoint_says_why_there_is_no_socket(desk, monkeypatch):
    async def endpoint(app_id: str, secret: str) -> int:
        answer = await desk.raw("POST", "/callback/ws/endpoint", json={"AppID": app_id, "AppSecret": secret})
        assert answer.status_code == 200
        return int(answer.json()["code"])

    assert [await endpoint("cli_one", "one"), await endpoint("cli_one", "bad"), await endpoint("", "")] == [
        0,
        514,
        1000040344,
    ]
    monkeypatch.setattr("reconciler.sandbox.feishu.connections.MOST_CONNECTIONS", 0)
    assert await endpoint("cli_one", "one") == 1000040350
    desk.actions.disable_app("cli_one")
    assert await endpoint("cli_one", "one") == 403
