"""Registering an app: every answer of an unpublished protocol is met with care."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from reconciler.errors import ForbiddenError, ReconcilerError, RefusedError, UnavailableError
from reconciler.providers.feishu.calls.registration import Registration, RegistrationCalls
from reconciler.providers.http import HttpClient, HttpSettings
from reconciler.secret import Secret

BEGUN: dict[str, object] = {
    "device_code": "canary-device",
    "user_code": "ABCD",
    "verification_uri_complete": "https://accounts.example/v?code=ABCD",
    "interval": 5,
    "expires_in": 60,
}


class Accounts:
    """Canned answers by action; polls are answered in order, the last one repeated."""

    def __init__(self, *polls: object, init: object = None, begin: object = None) -> None:
        self.polls = list(polls)
        self.init = {"supported_auth_methods": ["client_secret"]} if init is None else init
        self.begin = BEGUN if begin is None else begin
        self.slept: list[float] = []
        http = HttpClient(
            "https://accounts.example",
            upstream="feishu-accounts",
            settings=HttpSettings(transport=httpx.MockTransport(self.answer)),
        )
        self.calls = RegistrationCalls(http, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def answer(self, request: httpx.Request) -> httpx.Response:
        (action,) = parse_qs(request.content.decode())["action"]
        if action == "poll":
            value = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        else:
            value = {"init": self.init, "begin": self.begin}[action]
        return value if isinstance(value, httpx.Response) else httpx.Response(200, json=value)

    async def begun(self) -> Registration:
        return await self.calls.begin(name="Gate", scopes=["b", "a"], events=[])


PENDING = {"error": "authorization_pending"}
GRANTED = {"client_id": "cli_n", "client_secret": "s", "user_info": {"open_id": "ou_a", "tenant_brand": "feishu"}}


async def test_it_waits_at_the_asked_pace_and_slows_down_when_told() -> None:
    accounts = Accounts(PENDING, {"error": "slow_down"}, PENDING, GRANTED)
    registered = await accounts.calls.wait(await accounts.begun())
    assert (registered.app.app_id, registered.app.secret.reveal(), registered.open_id) == ("cli_n", "s", "ou_a")
    assert accounts.slept == [5, 5, 10, 10]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"error": "access_denied"}, "declined"),
        ({"error": "expired_token"}, "in time"),
        ({"error": "invalid_grant"}, "not known"),
        ({"error": "<b>new</b>"}, "unknown error"),
    ],
)
async def test_a_final_answer_ends_the_wait(answer: dict[str, str], why: str) -> None:
    accounts = Accounts(answer)
    with pytest.raises(ForbiddenError) as caught:
        await accounts.calls.wait(await accounts.begun())
    assert why in caught.value.why
    assert "<b>" not in str(caught.value)


async def test_nobody_confirming_ends_the_wait_by_itself() -> None:
    accounts = Accounts(PENDING)
    with pytest.raises(ForbiddenError, match="in time"):
        await accounts.calls.wait(await accounts.begun())
    assert sum(accounts.slept) == 60


async def test_a_tenant_on_the_other_brand_is_told() -> None:
    accounts = Accounts({"error": "authorization_pending", "user_info": {"tenant_brand": "lark"}})
    with pytest.raises(RefusedError, match="Lark"):
        await accounts.calls.wait(await accounts.begun())


@pytest.mark.parametrize(
    ("init", "begin", "kind"),
    [
        ({"supported_auth_methods": ["jwt"]}, None, RefusedError),
        (httpx.Response(502, text="<html>"), None, UnavailableError),
        (None, {"error": "invalid_request"}, ForbiddenError),
        (None, {"device_code": "x"}, ForbiddenError),
    ],
)
async def test_a_registration_that_cannot_begin_says_so(
    init: object, begin: object, kind: type[ReconcilerError]
) -> None:
    with pytest.raises(kind):
        await Accounts(PENDING, init=init, begin=begin).begun()


async def test_the_device_code_is_not_shown() -> None:
    registration = await Accounts(PENDING).begun()
    assert isinstance(registration.device_code, Secret)
    assert "canary" not in repr(registration)
