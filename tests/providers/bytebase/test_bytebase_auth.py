"""Tokens: got by key or exchange, shared by concurrent callers, renewed in time and once when refused, never shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from providers.bytebase.bytebase_areas import URL, no_sleep

from reconciler.errors import CredentialsError, NotFoundError, ThrottledError, UnavailableError
from reconciler.providers.bytebase.auth import Session
from reconciler.providers.bytebase.connection import Credentials, GitHubOidc, ServiceAccount, WorkloadIdentity
from reconciler.providers.http import HttpClient, HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret

ACCOUNT = ServiceAccount("Sync@service.bytebase.com", Secret("bbs_canary"))


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Server:
    """Counts log-ins and answers them as told."""

    def __init__(self) -> None:
        self.logins = 0
        self.bodies: list[Any] = []
        self.answer: Callable[[int], httpx.Response] = lambda n: httpx.Response(200, json={"token": f"t{n}"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.logins += 1
        self.bodies.append(json.loads(request.content))
        return self.answer(self.logins)


def session_of(server: Any, credentials: Credentials = ACCOUNT, clock: Clock | None = None) -> Session:
    settings = HttpSettings(transport=httpx.MockTransport(server), retry=RetryPolicy(sleep=no_sleep))
    return Session(HttpClient(URL, upstream="bytebase", settings=settings), credentials, clock=clock or Clock())


async def test_a_key_is_sent_once_and_the_token_kept() -> None:
    server = Server()
    session = session_of(server)
    assert [(await session.token()).reveal() for _ in range(3)] == ["t1"] * 3
    assert server.bodies == [{"email": "Sync@service.bytebase.com", "password": "bbs_canary"}]
    assert session.email == "sync@service.bytebase.com"


async def test_callers_at_the_same_time_share_one_log_in() -> None:
    server = Server()
    session = session_of(server)
    tokens = await asyncio.gather(*(session.token() for _ in range(20)))
    assert {token.reveal() for token in tokens} == {"t1"}
    assert server.logins == 1


async def test_a_wrong_key_is_tried_once_for_all_who_wait() -> None:
    server = Server()
    server.answer = lambda n: httpx.Response(401, json={"code": 16, "message": "invalid email or password"})
    session = session_of(server)
    results = await asyncio.gather(*(session.token() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(result, CredentialsError) for result in results)
    assert server.logins == 1
    assert "bbs_canary" not in "".join(map(str, results))


async def test_a_cancelled_caller_does_not_spoil_the_log_in_of_others() -> None:
    gate = asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, json={"token": "t1"})

    session = session_of(slow)
    first, second = asyncio.create_task(session.token()), asyncio.create_task(session.token())
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert (await second).reveal() == "t1"
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize(("age", "token"), [(49 * 60, "t1"), (51 * 60, "t2")])
async def test_a_token_is_renewed_after_fifty_minutes(age: int, token: str) -> None:
    clock, server = Clock(), Server()
    session = session_of(server, clock=clock)
    await session.token()
    clock.seconds += age
    assert (await session.token()).reveal() == token


async def test_a_failed_renewal_is_bridged_by_the_old_token_and_not_hurried() -> None:
    clock, server = Clock(), Server()
    session = session_of(server, clock=clock)
    await session.token()
    server.answer = lambda n: httpx.Response(503)
    clock.seconds += 51 * 60
    assert (await session.token()).reveal() == "t1"
    tried = server.logins
    clock.seconds += 5
    assert (await session.token()).reveal() == "t1"
    assert server.logins == tried
    clock.seconds += 9 * 60
    with pytest.raises(UnavailableError):
        await session.token()


async def test_a_refused_token_is_renewed_once_even_if_many_see_the_refusal() -> None:
    server = Server()
    session = session_of(server)
    refused = await session.token()
    renewed = await asyncio.gather(*(session.renewed(refused) for _ in range(5)))
    assert {token.reveal() for token in renewed} == {"t2"}
    assert (await session.renewed(refused)).reveal() == "t2"
    assert server.logins == 2


async def test_a_lost_log_in_leaves_no_doubt_about_the_call_that_wanted_it() -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with pytest.raises(UnavailableError) as caught:
        await session_of(lose).token()
    assert caught.value.ambiguous is False


async def test_a_locked_account_is_throttled_and_not_tried_at_once() -> None:
    server = Server()
    server.answer = lambda n: httpx.Response(429, json={"code": 8, "message": "too many attempts"})
    with pytest.raises(ThrottledError):
        await session_of(server).token()


@pytest.mark.parametrize(
    ("status", "code"), [(404, 5), (403, 7), (400, 3)], ids=["unknown account", "refused", "wrong kind of account"]
)
async def test_an_account_that_does_not_exist_never_reads_as_a_thing_that_does_not_exist(
    status: int, code: int
) -> None:
    server = Server()
    server.answer = lambda n: httpx.Response(status, json={"code": code, "message": "workload identity not found"})
    with pytest.raises(CredentialsError) as caught:
        await session_of(server, WorkloadIdentity("deploy@workload.bytebase.com", Secret("jwt"))).token()
    assert not isinstance(caught.value, NotFoundError)
    assert caught.value.where == "deploy@workload.bytebase.com"


@pytest.mark.parametrize(
    "answer",
    [{"mfaTempToken": "canary"}, {}, {"token": "line\nbreak"}, {"token": "schlüssel"}],
    ids=["second factor", "nothing", "control characters", "not ascii"],
)
async def test_a_log_in_without_a_usable_token_says_so(answer: dict[str, str]) -> None:
    server = Server()
    server.answer = lambda n: httpx.Response(200, json=answer)
    with pytest.raises(CredentialsError) as caught:
        await session_of(server).token()
    assert caught.value.next_step
    assert "canary" not in str(caught.value)


async def test_a_workload_identity_exchanges_its_token() -> None:
    server = Server()
    server.answer = lambda n: httpx.Response(200, json={"accessToken": "a1"})
    session = session_of(server, WorkloadIdentity("deploy@workload.bytebase.com", Secret("jwt")))
    assert (await session.token()).reveal() == "a1"
    assert server.bodies == [{"token": "jwt", "email": "deploy@workload.bytebase.com"}]


async def test_a_token_source_is_asked_anew_at_each_renewal() -> None:
    clock, server = Clock(), Server()
    server.answer = lambda n: httpx.Response(200, json={"accessToken": f"a{n}"})
    asked = iter(["jwt1", "jwt2"])

    async def source() -> Secret:
        return Secret(next(asked))

    session = session_of(server, WorkloadIdentity("deploy@workload.bytebase.com", source), clock)
    await session.token()
    clock.seconds += 51 * 60
    await session.token()
    assert [body["token"] for body in server.bodies] == ["jwt1", "jwt2"]


async def test_github_is_asked_for_a_token_with_our_audience() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "127.0.0.1":
            assert json.loads(request.content)["token"] == "gh-jwt"
            return httpx.Response(200, json={"accessToken": "a1"})
        asked.append(request)
        return httpx.Response(200, json={"value": "gh-jwt"})

    oidc = GitHubOidc("https://pipelines.actions.example/token?api-version=2", Secret("request-canary"))
    session = session_of(answer, WorkloadIdentity("deploy@workload.bytebase.com", oidc))
    assert (await session.token()).reveal() == "a1"
    assert dict(asked[0].url.params) == {"api-version": "2", "audience": "bytebase"}
    assert asked[0].url.path == "/token"
    assert asked[0].headers["authorization"] == "bearer request-canary"


async def test_github_without_the_permission_says_which_one_is_missing() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, text="<html>canary</html>")

    oidc = GitHubOidc("https://pipelines.actions.example/token?v=2", Secret("x"))
    with pytest.raises(CredentialsError) as caught:
        await session_of(answer, WorkloadIdentity("deploy@workload.bytebase.com", oidc)).token()
    assert "id-token: write" in caught.value.next_step
    assert "canary" not in str(caught.value)
