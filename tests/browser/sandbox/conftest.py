"""A real browser beside a real sandbox, both in the test's own event loop."""

from __future__ import annotations

import pytest
from fixtures.browser import page_at

from reconciler.sandbox.seed import demo_seed
from reconciler.sandbox.server import Sandbox


@pytest.fixture
async def sandbox():
    async with Sandbox(demo_seed(), time_scale=50) as sandbox:
        yield sandbox


@pytest.fixture
async def page(sandbox):
    async with page_at(sandbox.page_url) as page:
        yield page
