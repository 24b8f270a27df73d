"""The rest of the page: the overview, faults and the request log, and the sample OA server's questions."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.faults import read_fault
from reconciler.sandbox.oa import OaServer
from reconciler.sandbox.page.bytebase_pages import BytebasePages, ChangeLine
from reconciler.sandbox.page.feishu_desk import FeishuDesk, FeishuPerson
from reconciler.sandbox.page.shell import Shell, read_form
from reconciler.sandbox.page.upstream import UpstreamSaysNoError
from reconciler.sandbox.world import World

_COUNTED = 30
_SHOWN = 100


class LabPages:
    """Routes `/`, `/lab` and `/oa`."""

    def __init__(
        self, shell: Shell, *, world: World, feishu: FeishuDesk, bytebase: BytebasePages, oa: OaServer, reader: str
    ) -> None:
        self._shell = shell
        self._world = world
        self._feishu = feishu
        self._bytebase = bytebase
        self._oa = oa
        self._reader = reader

    def routes(self) -> list[Route]:
        """What is served."""
        return [
            Route("/", self._overview, methods=["GET"]),
            Route("/lab", self._lab, methods=["GET"]),
            Route("/lab", self._inject, methods=["POST"]),
            Route("/oa", self._questions, methods=["GET"]),
            Route("/oa", self._answer, methods=["POST"]),
        ]

    async def _overview(self, request: Request) -> Response:
        troubles: list[str] = []
        people: list[FeishuPerson] = []
        todo: dict[str, int] = {}
        changes: dict[str, list[ChangeLine]] = {}
        try:
            people = await self._feishu.people()
            for person in people[:_COUNTED]:
                todo[person.key] = len(await self._feishu.rows(person, "1"))
        except UpstreamSaysNoError as refusal:
            troubles.append(f"Feishu: {refusal}")
        try:
            for project in self._bytebase.projects if self._reader else []:
                changes[project] = await self._bytebase.lines(self._reader, project)
        except UpstreamSaysNoError as refusal:
            troubles.append(f"Bytebase: {refusal}")
        return self._shell.render(
            "overview.html",
            request,
            people=people,
            todo=todo,
            changes=changes,
            troubles=troubles,
            reader=self._reader,
            bytebase_people=self._bytebase.people,
        )

    async def _lab(self, request: Request) -> Response:
        return self._shell.render(
            "lab.html",
            request,
            waiting=self._world.faults.waiting(),
            requests=list(reversed(self._world.log.since(0)))[:_SHOWN],
        )

    async def _inject(self, request: Request) -> Response:
        form = await read_form(request)

        async def act() -> str:
            if form.one("act") == "clear":
                self._world.clear_faults()
                return "Nothing goes wrong on purpose any more."
            asked: dict[str, object] = {name: form.one(name) for name in ("target", "fault")}
            asked |= {name: form.one(name) for name in ("method", "path") if form.one(name)}
            try:
                asked |= {name: int(form.one(name)) for name in ("times", "status") if form.one(name)}
                asked |= {name: float(form.one(name)) for name in ("seconds",) if form.one(name)}
                self._world.inject(read_fault(json.dumps(asked).encode()))
            except ValueError as error:
                raise UpstreamSaysNoError(str(error), status=400, code=None) from error
            return f"{form.one('fault')} is set on {form.one('target')}."

        return await self._shell.perform("/lab", act)

    async def _questions(self, request: Request) -> Response:
        return self._shell.render("oa.html", request, approvals=self._oa.approvals(), people=self._bytebase.people)

    async def _answer(self, request: Request) -> Response:
        form = await read_form(request)

        async def act() -> str:
            status = form.one("act")
            if status not in {"APPROVED", "REJECTED"}:
                raise UpstreamSaysNoError("choose what to do", status=400, code=None)
            decided = self._oa.decide(
                form.one("id"),
                "APPROVED" if status == "APPROVED" else "REJECTED",
                actor=form.one("actor"),
                reason=form.one("reason"),
            )
            if not decided:
                raise UpstreamSaysNoError("this question is not open any more", status=409, code=None)
            return f"{form.one('actor')}: {status.lower()}."

        return await self._shell.perform("/oa", act)
