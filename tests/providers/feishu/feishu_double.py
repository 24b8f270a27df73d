"""A Feishu of canned answers: what the client sends is kept, what it gets is a table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from reconciler.providers.feishu.auth import AppCredentials
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.platform import FEISHU
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret

SECRET = "canary-secret-value"
TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"

Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], Answer]


def ok(data: object = None, **top: object) -> httpx.Response:
    return httpx.Response(200, json={"code": 0, "msg": "success", "data": data, **top}, headers={"X-Tt-Logid": "log-1"})


def failed(
    code: int,
    *,
    status: int = 400,
    msg: str = "no",
    error: object = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    body: dict[str, object] = {"code": code, "msg": msg}
    if error is not None:
        body["error"] = error
    return httpx.Response(status, json=body, headers={"X-Tt-Logid": "log-1", **(headers or {})})


@dataclass
class FeishuDouble:
    """Answers tokens by itself and everything else by `answers`, in order; the last one is repeated."""

    answers: list[Answer | Handler]
    expire: int = 7200
    requests: list[httpx.Request] = field(default_factory=list)
    tokens: int = 0
    waits: list[float] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            self.tokens += 1
            await asyncio.sleep(0)
            return httpx.Response(
                200, json={"code": 0, "msg": "ok", "tenant_access_token": f"t-{self.tokens}", "expire": self.expire}
            )
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if callable(answer) and not isinstance(answer, httpx.Response | Exception):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def client(self, secret: str = SECRET) -> FeishuClient:
        settings = HttpSettings(transport=httpx.MockTransport(self), retry=RetryPolicy(sleep=self.wait))
        return FeishuClient(FEISHU, AppCredentials("cli_a", Secret(secret)), settings=settings)

    def body(self, index: int = -1) -> dict[str, object]:
        value = json.loads(self.requests[index].content)
        assert isinstance(value, dict)
        return value


@contextmanager
def feishu(*answers: Answer | Handler) -> Iterator[FeishuDouble]:
    yield FeishuDouble(list(answers))
