"""The page's whole app: its parts, the sandbox's own HTTP calls and the sample OA server, for this machine only."""

from __future__ import annotations

from importlib import resources

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.control import control_routes
from reconciler.sandbox.feishu import FeishuStandIn
from reconciler.sandbox.oa import OaServer
from reconciler.sandbox.page.bytebase_desk import BytebaseDesk
from reconciler.sandbox.page.bytebase_pages import BytebasePages
from reconciler.sandbox.page.databases import Databases
from reconciler.sandbox.page.feishu_desk import FeishuDesk
from reconciler.sandbox.page.feishu_pages import FeishuPages
from reconciler.sandbox.page.guard import LoopbackGuard
from reconciler.sandbox.page.lab_pages import LabPages
from reconciler.sandbox.page.shell import Shell
from reconciler.sandbox.page.tenant import Tenant
from reconciler.sandbox.page.upstream import Upstream
from reconciler.sandbox.seed import Seed
from reconciler.sandbox.world import World


def build_page(
    seed: Seed,
    *,
    world: World,
    bytebase: BytebaseStandIn,
    feishu: FeishuStandIn,
) -> ASGIApp:
    """The page over both stand-ins: their HTTP APIs, and what no upstream API offers."""
    shell, oa = Shell(), OaServer()
    desk = FeishuDesk(Upstream(feishu.app), seed.feishu)
    bytebase_pages = BytebasePages(
        shell, BytebaseDesk(Upstream(bytebase.app), seed.bytebase), seed.bytebase, Databases(bytebase)
    )
    feishu_pages = FeishuPages(shell, desk, Tenant(feishu))
    lab = LabPages(
        shell, world=world, feishu=desk, bytebase=bytebase_pages, oa=oa, reader=(bytebase_pages.people or [""])[0]
    )
    style = resources.files("reconciler.sandbox.page").joinpath("static/page.css").read_bytes()

    async def stylesheet(_request: Request) -> Response:
        return Response(style, media_type="text/css")

    return Starlette(
        routes=[
            Route("/page.css", stylesheet),
            *lab.routes(),
            *feishu_pages.routes(),
            *bytebase_pages.routes(),
            *control_routes(world),
            *oa.routes("/oa"),
        ],
        middleware=[Middleware(LoopbackGuard)],
    )
