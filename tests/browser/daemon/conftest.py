"""A real browser beside a daemon that serves its page over a real ledger, both in the test's own event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from fakes.daemon_parts import Parts, parts
from fixtures.browser import page_at

from reconciler.daemon.access import access_for
from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.http import HttpFace
from reconciler.daemon.server import serving


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
    async with page_at(served.url) as page:
        yield page
