"""A real browser beside a real sandbox, both in the test's own event loop."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.async_api import async_playwright

from reconciler.sandbox.seed import demo_seed
from reconciler.sandbox.server import Sandbox

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


@pytest.fixture
async def sandbox():
    async with Sandbox(demo_seed(), time_scale=50) as sandbox:
        yield sandbox


@pytest.fixture
async def page(sandbox):
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("chromium is not installed; the browser tests need it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(base_url=sandbox.page_url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        yield await context.new_page()
        await browser.close()
