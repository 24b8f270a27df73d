"""The stand-in's callbacks before our reader: two independent hands at one protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from providers.feishu.standin_client import ALICE, Tenant, seed

from reconciler.errors import ConflictError
from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.callback import CallbackReader, Challenge, Delivery
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.dedupe import EventInbox
from reconciler.providers.feishu.events import FeishuEvent
from reconciler.providers.feishu.platform import Platform
from reconciler.providers.feishu.wire.application import ConfigBody, ConfigEncryption, ConfigEvent, PublishBody
from reconciler.providers.http import HttpSettings
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.secret import Secret

KEY, TOKEN = "encrypt-key-1", "verification-token-1"


@dataclass
class Receiver:
    """An HTTP endpoint made of our reader and nothing else."""

    reader: CallbackReader
    inbox: EventInbox
    refused: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        outcome = self.reader.read(dict(request.headers), request.content)
        match outcome:
            case Challenge():
                return httpx.Response(200, json=outcome.body)
            case Delivery():
                self.inbox.receive(outcome.event)
                return httpx.Response(200, json={})
            case _:
                self.refused.append(outcome.reason)
                return httpx.Response(outcome.status)


@dataclass
class Called:
    """A tenant that calls a receiver of ours."""

    tenant: Tenant
    receiver: Receiver
    events: list[FeishuEvent]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def called(*, key: str | None = KEY, ours: str | None = KEY, token: str = TOKEN) -> AsyncIterator[Called]:
    clock = SandboxClock(time_scale=1000)
    events: list[FeishuEvent] = []
    reader = CallbackReader(encrypt_key=Secret(ours) if ours else None, verification_token=Secret(token))
    receiver = Receiver(reader, EventInbox(events.append, now=clock.now))
    standin = FeishuStandIn(seed(), clock=clock, callback_transport=httpx.MockTransport(receiver.answer))
    settings = HttpSettings(transport=httpx.ASGITransport(app=standin.app))
    client = FeishuClient(
        Platform.private("http://127.0.0.1"), AppCredentials("cli_sandbox", Secret("sandbox")), settings=settings
    )
    tenant = Tenant(standin, clock, client)
    await standin.start()
    try:
        await tenant.define()
        await client.definitions.subscribe(tenant.code)
        config = ConfigBody(
            event=ConfigEvent(subscription_type="webhook", request_url="https://reconciler.example/e", add_events=[]),
            event_and_callback_encrypt_strategy=ConfigEncryption(encryption_key=key or "", verification_token=TOKEN),
        )
        await client.application.configure(config)
        await client.application.publish(PublishBody(remark="callback", changelog="callback"))
        if (await client.application.app()).unaudit_version_id:
            standin.actions.decide_review("cli_sandbox", approve=True)
        yield Called(tenant, receiver, events)
    finally:
        await client.aclose()
        await standin.stop()


async def test_the_address_is_verified_and_events_arrive_encrypted_and_signed() -> None:
    async with called() as here:
        code = await here.tenant.approvals().create(here.tenant.request([ALICE]))
        here.tenant.standin.actions.approve(code, "alice@example.com")
        await until(lambda: [event.status for event in here.events].count("APPROVED") >= 2)
        assert {event.instance_code for event in here.events} == {code}
        assert here.receiver.refused == []


async def test_duplicates_wake_once() -> None:
    async with called() as here:
        here.tenant.standin.disturb_events("duplicate", 10)
        code = await here.tenant.approvals().create(here.tenant.request([ALICE]))
        here.tenant.standin.actions.reject(code, "alice@example.com")
        await until(lambda: "REJECTED" in [e.status for e in here.events if e.type == "approval_instance"])
        ids = [event.event_id for event in here.events]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("ours", "token"), [("another-key", TOKEN), (None, TOKEN), (KEY, "another-token")])
async def test_an_address_with_the_wrong_keys_is_not_verified(ours: str | None, token: str) -> None:
    with pytest.raises(ConflictError, match="could not verify") as caught:
        async with called(ours=ours, token=token):
            pass
    assert "challenge" in caught.value.next_step
