"""The page answers this machine's own browser and tools, and no other site."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from reconciler.sandbox.page.guard import LoopbackGuard


async def _get(**headers):
    app = LoopbackGuard(PlainTextResponse("in"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
        return await client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8000"},
        {"host": "localhost"},
        {"host": "[::1]:8000"},
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"},
        {"host": "127.0.0.1:8000", "sec_fetch_site": "same-origin"},
    ],
)
async def test_own_requests_pass(headers):
    assert (await _get(**headers)).text == "in"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "127.0.0.1:8000", "origin": "http://evil.example"},
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:9000"},
        {"host": "127.0.0.1:8000", "origin": "null"},
        {"host": "127.0.0.1:8000", "sec_fetch_site": "cross-site"},
    ],
)
async def test_foreign_requests_are_refused(headers):
    assert (await _get(**headers)).status_code == 403
