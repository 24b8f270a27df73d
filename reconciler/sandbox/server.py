"""The whole sandbox: a world of both stand-ins and its page, on three loopback ports."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.page.app import build_page
from reconciler.sandbox.seed import Seed
from reconciler.sandbox.serving import LoopbackServer
from reconciler.sandbox.world import World


class Sandbox:
    """`async with Sandbox(seed) as sandbox:` serves until the block ends; everything runs in the caller's event loop.

    `time_scale` divides the stand-ins' own delays. The ports are 0 = any free one. Starting raises `UnavailableError`
    when a port is taken.
    """

    def __init__(
        self, seed: Seed, *, time_scale: float = 1.0, bytebase_port: int = 0, feishu_port: int = 0, page_port: int = 0
    ) -> None:
        clocks = SandboxClock(time_scale=time_scale), SandboxClock(time_scale=time_scale)
        self.feishu = FeishuStandIn(seed.feishu, clock=clocks[1])
        self.bytebase = BytebaseStandIn(
            seed.bytebase,
            clock=clocks[0],
            im_credentials=lambda _type, app_id, secret: self.feishu.has_app(app_id, secret),
        )
        self.world = World(bytebase=self.bytebase, bytebase_clock=clocks[0], feishu=self.feishu, feishu_clock=clocks[1])
        self.page_app = build_page(seed, world=self.world, bytebase=self.bytebase, feishu=self.feishu)
        self._bytebase_server = LoopbackServer(self.world.bytebase_app, name="bytebase", port=bytebase_port)
        self._feishu_server = LoopbackServer(self.world.feishu_app, name="feishu", port=feishu_port)
        self._page_server = LoopbackServer(self.page_app, name="page", port=page_port)
        self.world.bytebase_app.cut = self._bytebase_server.cut
        self.world.feishu_app.cut = self._feishu_server.cut
        self._servers = (self._bytebase_server, self._feishu_server, self._page_server)
        self._stack = AsyncExitStack()

    @property
    def bytebase_url(self) -> str:
        """Where Bytebase's REST and Connect calls are answered."""
        return self._bytebase_server.url

    @property
    def feishu_url(self) -> str:
        """Where Feishu answers, as open API, accounts host and app link."""
        return self._feishu_server.url

    @property
    def page_url(self) -> str:
        """Where a person acts, and where faults and the request log are."""
        return self._page_server.url

    async def __aenter__(self) -> Self:
        """Start both stand-ins and the three servers."""
        async with AsyncExitStack() as stack:
            await self.world.start()
            stack.push_async_callback(self.world.stop)
            stack.push_async_callback(self._close)
            for server in self._servers:
                await server.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the ports, then stop the stand-ins."""
        await self._stack.aclose()

    async def _close(self) -> None:
        await asyncio.gather(*(server.stop() for server in self._servers))
