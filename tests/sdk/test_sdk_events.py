"""The official SDK's socket client and dispatcher against our long connection and callbacks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


def seen(listener, kind="approval_instance"):
    return [event.get("status") for event in listener.received if event["type"] == kind]


def test_events_arrive_in_order_and_are_acknowledged(tenant, listen, wait):
    listener = listen(tenant)
    code = tenant.definition(subscribe=True)
    instance = tenant.asked(code, uuid="slot-1")
    tenant.decide("approve", code, instance, tenant.alice)
    wait(lambda: len(listener.received) == 4)
    assert seen(listener) == ["PENDING", "APPROVED"]
    assert seen(listener, "approval_task") == ["PENDING", "APPROVED"]
    first = next(event for event in listener.received if event["type"] == "approval_instance")
    assert (first["instance_code"], first["approval_code"], first["app_id"], first["token"]) == (
        instance,
        code,
        tenant.app_id,
        "",
    )
    task = next(event for event in listener.received if event["type"] == "approval_task")
    assert (task["open_id"], task["custom_key"]) == (tenant.alice, "stage_gate")
    wait(lambda: tenant.call(lambda standin: standin.world.delivery.waiting()) == 0)


def test_only_subscribed_definitions_speak(tenant, listen, wait):
    listener = listen(tenant)
    tenant.asked(tenant.definition())
    code = tenant.definition(subscribe=True)
    instance = tenant.asked(code)
    wait(lambda: len(listener.received) == 2)
    assert {event["instance_code"] for event in listener.received} == {instance}


def test_a_handler_that_fails_hears_the_event_again_and_later_ones_wait(make_tenant, listen, wait):
    tenant = make_tenant(time_scale=100.0)
    listener = listen(tenant, fail_first=1)
    code = tenant.definition(subscribe=True)
    tenant.cancel(code, tenant.asked(code), tenant.bot())
    wait(lambda: len(listener.received) >= 5)
    instance_events = [event for event in listener.received if event["type"] == "approval_instance"]
    task_events = [event for event in listener.received if event["type"] == "approval_task"]
    failed = min(
        (instance_events, task_events), key=lambda events: len({event["uuid"] for event in events}) / len(events)
    )
    assert failed[0]["uuid"] == failed[1]["uuid"]
    assert failed[2]["uuid"] != failed[0]["uuid"]


def test_a_slow_answer_is_none(make_tenant, listen, wait):
    tenant = make_tenant(time_scale=1000.0)

    def hurry(standin):
        standin.connections.ack_seconds = 0.05

    tenant.call(hurry)
    listener = listen(tenant, pause=0.2)
    tenant.asked(tenant.definition(subscribe=True))
    wait(lambda: len(listener.received) > len({event["uuid"] for event in listener.received}))


def test_an_unregistered_kind_is_answered_500_and_held_back(tenant, listen, wait):
    listener = listen(tenant, handle=False)
    code = tenant.definition(subscribe=True)
    tenant.asked(code)
    wait(listener.connected)
    assert tenant.call(lambda standin: standin.world.delivery.waiting()) == 2


def test_a_large_event_comes_in_parts(tenant, listen, wait):
    def split(standin):
        standin.connections.split_over = 40

    tenant.call(split)
    listener = listen(tenant)
    tenant.asked(tenant.definition(subscribe=True))
    wait(lambda: len(listener.received) == 2)
    wait(lambda: tenant.call(lambda standin: standin.world.delivery.waiting()) == 0)


def test_the_client_comes_back_after_a_cut_and_gets_what_it_missed(make_tenant, listen, wait):
    tenant = make_tenant(time_scale=200.0)
    listener = listen(tenant)
    code = tenant.definition(subscribe=True)
    tenant.call(lambda standin: standin.drop_sockets())
    tenant.asked(code)
    wait(lambda: len(listener.received) >= 2)
    assert listener.connected()


def test_a_definition_update_is_an_event_of_the_second_kind(tenant, listen, wait):
    listener = listen(tenant)
    code = tenant.definition(subscribe=True)
    tenant.define(approval_code=code)
    wait(lambda: len(listener.received) == 1)
    assert listener.received[0]["type"] == "approval.approval.updated_v4"
    assert listener.received[0]["code"] == code


def test_a_disturbed_delivery_repeats_an_event_under_the_same_uuid(tenant, listen, wait):
    listener = listen(tenant)
    code = tenant.definition(subscribe=True)
    tenant.call(lambda standin: standin.disturb_events("duplicate", 1))
    tenant.asked(code)
    wait(lambda: len(listener.received) == 3)
    assert len({event["uuid"] for event in listener.received}) == 2


def test_a_wrong_secret_or_brand_ends_the_client_for_good(tenant, listen, wait):
    tenant.call(lambda standin: standin.connections.refuse_endpoint(1000040351))
    listener = listen(tenant)
    assert listener.error is not None
    assert "incorrect domain" in str(listener.error)


def test_a_busy_endpoint_is_tried_again(make_tenant, listen, wait):
    tenant = make_tenant(time_scale=200.0)
    tenant.call(lambda standin: standin.connections.refuse_endpoint(1))
    listener = listen(tenant)
    wait(listener.connected)
    assert listener.error is None


def test_a_refused_handshake_says_why(tenant, listen):
    tenant.call(lambda standin: standin.connections.refuse_handshake(514, 1000040350))
    listener = listen(tenant)
    assert listener.error is not None
    assert "exceeded the limit" in str(listener.error)


def test_a_pong_carries_the_whole_configuration(make_tenant, listen, wait):
    tenant = make_tenant(time_scale=10.0)
    listener = listen(tenant)
    wait(lambda: listener.client._reconnect_interval == 12)
    assert (listener.client._ping_interval, listener.client._reconnect_count, listener.client._reconnect_nonce) == (
        120,
        -1,
        3,
    )


def test_a_card_button_calls_back_once(tenant, listen, wait):
    listener = listen(tenant)
    card = json.dumps({"schema": "2.0", "body": {"elements": []}})
    body = {"receive_id": tenant.alice, "msg_type": "interactive", "content": card}
    request = tenant.sdk.request("im", "CreateMessageRequest", body, receive_id_type="open_id")
    message = tenant.client.im.v1.message.create(request).data.message_id
    tenant.call(lambda standin: standin.actions.press_card_button(message, "alice@example.com", {"do": "remind"}))
    wait(lambda: len(listener.received) == 1)
    assert listener.received[0]["value"] == {"do": "remind"}


def test_the_number_of_live_connections_is_readable(tenant, listen):
    listen(tenant)
    response = tenant.client.event.v1.connection.get(tenant.sdk.request("event", "GetConnectionRequest"))
    assert tenant.content(response)["data"]["online_instance_cnt"] == 1


class Url:
    """A request URL answered by the SDK's dispatcher."""

    def __init__(self, sdk, *, encrypt_key="", token=""):
        self.received = []
        lark = sdk.lark
        keep = lambda event: self.received.append({"uuid": event.uuid, **event.event})  # noqa: E731
        builder = lark.EventDispatcherHandler.builder(encrypt_key, token)
        for kind in ("approval_instance", "approval_task"):
            builder = builder.register_p1_customized_event(kind, keep)
        handler = builder.build()
        answers = self.answers = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = lark.RawRequest()
                request.uri = self.path
                request.headers = dict(self.headers.items())
                request.body = self.rfile.read(int(self.headers["Content-Length"]))
                response = handler.do(request)
                answers.append((request, response.status_code))
                self.send_response(response.status_code)
                self.send_header("Content-Length", str(len(response.content)))
                self.end_headers()
                self.wfile.write(response.content)

            def log_message(self, *_):
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def use_callback(tenant, url, **strategy):
    body = {
        "event": {"subscription_type": "webhook", "request_url": url.url},
        "event_and_callback_encrypt_strategy": strategy,
    }
    request = tenant.sdk.request("application7", "PatchApplicationConfigRequest", body, app_id=tenant.app_id)
    answer = tenant.client.application.v7.application_config.patch(request)
    if not answer.success():
        return answer
    body = {"remark": "r", "changelog": "c", "mobile_default_ability": "bot", "pc_default_ability": "bot"}
    return tenant.client.application.v7.application_publish.create(
        tenant.sdk.request("application7", "CreateApplicationPublishRequest", body, app_id=tenant.app_id)
    )


@pytest.mark.parametrize("encrypt_key", ["", "ek-1"])
def test_the_sdks_dispatcher_takes_our_challenge_and_our_callbacks(tenant, sdk, wait, encrypt_key):
    url = Url(sdk, encrypt_key=encrypt_key, token="vt-1")
    strategy = {"verification_token": "vt-1"} | ({"encryption_key": encrypt_key} if encrypt_key else {})
    assert use_callback(tenant, url, **strategy).success()
    code = tenant.definition(subscribe=True)
    instance = tenant.asked(code)
    wait(lambda: len(url.received) == 2)
    assert {event["instance_code"] for event in url.received} == {instance}
    assert {status for _, status in url.answers} == {200}
    signed = [("X-Lark-Signature" in request.headers) for request, _ in url.answers]
    assert signed == ([False, True, True] if encrypt_key else [False] * 3)
    url.server.shutdown()


def test_a_url_that_does_not_answer_the_challenge_is_refused(tenant, sdk):
    url = Url(sdk, token="another token")
    assert use_callback(tenant, url, verification_token="vt-1").code == 210042
    url.server.shutdown()
