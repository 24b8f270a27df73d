"""The demo's world in process, a person's view of its page, and an app that asks for approvals."""

from __future__ import annotations

import httpx
import pytest
from sandbox.page.feishu_asker import Asker

from reconciler.sandbox.seed import demo_seed
from reconciler.sandbox.server import Sandbox


@pytest.fixture
def seed():
    return demo_seed()


@pytest.fixture
async def sandbox(seed):
    sandbox = Sandbox(seed, time_scale=100)
    await sandbox.world.start()
    yield sandbox
    await sandbox.world.stop()


@pytest.fixture
async def browse(sandbox):
    transport = httpx.ASGITransport(app=sandbox.page_app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8000", follow_redirects=True
    ) as client:
        yield client


@pytest.fixture
async def asker(sandbox):
    transport = httpx.ASGITransport(app=sandbox.world.feishu_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://feishu.example") as client:
        yield Asker(client)
