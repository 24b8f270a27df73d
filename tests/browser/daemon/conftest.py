"""A real browser beside a daemon that serves its page over a real ledger, both in the test's own event loop."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass

import pytest
from fakes.daemon_parts import Parts, parts
from playwright.async_api import async_playwright

from reconciler.daemon.access import access_for
from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.http import HttpFace
from reconciler.daemon.server import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


@dataclass
class Served:
    """A daemon's page and the ledger behind it."""

    world: Parts
    url: str


@pytest.fixture
async def served(tmp_path):
    world, ended = await parts(tmp_path), asyncio.Event()
    host = Host([world.target()], settings=HostSettings())
    host.runners["acme"].has_read = True
    app = HttpFace(host, access=access_for("127.0.0.1", secret=None), stop=ended).app()
    async with serving(app, address="127.0.0.1", port=0) as url:
        yield Served(world, url)
        ended.set()
    await world.store.aclose()


@pytest.fixture
async def page(served):
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("chromium is not installed; the browser tests need it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(base_url=served.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        page = await context.new_page()
        yield page
        await context.close()
        await browser.close()
