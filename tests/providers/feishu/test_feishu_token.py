"""The tenant token: fetched once for all, renewed by the 30-minute rule, refused once and fetched again."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from providers.feishu.feishu_double import SECRET, TOKEN_PATH, FeishuDouble, failed, ok

from reconciler.errors import CredentialsError, UnavailableError
from reconciler.providers.feishu.auth import AppCredentials, TenantTokens
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.platform import FEISHU
from reconciler.providers.http import HttpClient, HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret


class Tokens:
    """A token endpoint and a clock that tests move."""

    def __init__(self, *lives: int) -> None:
        self.lives = list(lives)
        self.fetched = 0
        self.now = 0.0
        self.down = False
        http = HttpClient(
            "https://open.feishu.cn",
            upstream="feishu",
            settings=HttpSettings(transport=httpx.MockTransport(self.answer), retry=RetryPolicy(sleep=self.sleep)),
        )
        self.tokens = TenantTokens(
            http,
            app=AppCredentials("cli_a", Secret(SECRET)),
            caller=Caller(FEISHU, "cli_a"),
            monotonic=lambda: self.now,
        )

    async def sleep(self, seconds: float) -> None:
        """Retries do not wait here."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(502, text="bad gateway")
        assert json.loads(request.content) == {"app_id": "cli_a", "app_secret": SECRET}
        self.fetched += 1
        life = self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]
        return httpx.Response(200, json={"code": 0, "tenant_access_token": f"t-{self.fetched}", "expire": life})

    async def get(self) -> str:
        return (await self.tokens.token()).reveal()


async def test_a_token_is_kept_until_half_an_hour_before_its_end() -> None:
    feishu = Tokens(7200)
    assert await feishu.get() == "t-1"
    feishu.now = 7200 - 1800 - 1
    assert await feishu.get() == "t-1"
    feishu.now = 7200 - 1800
    assert await feishu.get() == "t-2"


async def test_concurrent_callers_share_one_fetch() -> None:
    feishu = Tokens(7200)
    assert set(await asyncio.gather(*(feishu.get() for _ in range(20)))) == {"t-1"}
    assert feishu.fetched == 1


async def test_a_cancelled_caller_does_not_spoil_the_others() -> None:
    feishu = Tokens(7200)
    first, second = asyncio.create_task(feishu.get()), asyncio.create_task(feishu.get())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).startswith("t-")


@pytest.mark.parametrize("life", [60, 1000, 1800])
async def test_a_short_token_is_not_fetched_for_every_call(life: int) -> None:
    feishu = Tokens(life)
    await feishu.get()
    feishu.now = life / 2 - 1
    await feishu.get()
    assert feishu.fetched == 1
    feishu.now = life / 2
    await feishu.get()
    assert feishu.fetched == 2


async def test_an_old_token_serves_while_no_new_one_can_be_had() -> None:
    feishu = Tokens(7200)
    await feishu.get()
    feishu.now, feishu.down = 7000, True
    assert await feishu.get() == "t-1"
    feishu.now = 7200 - 30
    with pytest.raises(UnavailableError) as caught:
        await feishu.get()
    assert not caught.value.ambiguous


async def test_forgetting_an_old_token_keeps_a_newer_one() -> None:
    feishu = Tokens(7200)
    old = await feishu.tokens.token()
    feishu.tokens.forget(old)
    new = await feishu.tokens.token()
    feishu.tokens.forget(old)
    assert (await feishu.tokens.token()) is new


@pytest.mark.parametrize("code", [99991661, 99991663, 99991664])
async def test_a_refused_token_is_fetched_again_once_also_for_a_create(code: int) -> None:
    double = FeishuDouble([failed(code), ok({"comment_id": "7"})])
    assert await double.client().comments.create("AEE5", author="ou_bot", text="hi", mark="m") == "7"
    assert [request.headers["authorization"] for request in double.requests] == ["Bearer t-1", "Bearer t-2"]


async def test_a_token_refused_twice_is_a_credentials_error() -> None:
    double = FeishuDouble([failed(99991663)])
    with pytest.raises(CredentialsError, match="refuses"):
        await double.client().instances.get("AEE5", locale="en-US")
    assert len(double.requests) == 2


async def test_concurrent_refusals_lead_to_one_new_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        fresh = request.headers["authorization"] != "Bearer t-1"
        return ok({"comment_id": "7"}) if fresh else failed(99991663)

    double = FeishuDouble([answer])
    client = double.client()
    await asyncio.gather(*(client.comments.create("A", author="b", text="x", mark=str(n)) for n in range(8)))
    assert double.tokens == 2


async def test_a_wrong_secret_is_reported_without_showing_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == TOKEN_PATH
        return httpx.Response(200, json={"code": 10014, "msg": "app secret invalid"}, headers={"X-Tt-Logid": "log-9"})

    http = HttpClient(
        "https://open.feishu.cn", upstream="feishu", settings=HttpSettings(transport=httpx.MockTransport(answer))
    )
    tokens = TenantTokens(http, app=AppCredentials("cli_a", Secret(SECRET)), caller=Caller(FEISHU, "cli_a"))
    with pytest.raises(CredentialsError) as caught:
        await tokens.token()
    text = f"{caught.value} {caught.value.next_step} {caught.value!r} {caught.value.__cause__!r}"
    assert "app secret invalid" in text
    assert "log-9" in text
    assert SECRET not in text
