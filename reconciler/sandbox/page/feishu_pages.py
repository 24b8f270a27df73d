"""The Feishu part of the page: a person's approvals, one request, and who is in the tenant."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.page.feishu_desk import ApprovalRequest, FeishuDesk, FeishuPerson
from reconciler.sandbox.page.shell import FormFields, Shell, read_form
from reconciler.sandbox.page.tenant import Tenant
from reconciler.sandbox.page.upstream import UpstreamSaysNoError


class FeishuPages:
    """Routes below `/feishu`."""

    def __init__(self, shell: Shell, desk: FeishuDesk, tenant: Tenant) -> None:
        self._shell = shell
        self._desk = desk
        self._tenant = tenant

    def routes(self) -> list[Route]:
        """What is served."""
        return [
            Route("/feishu", self._administration, methods=["GET"]),
            Route("/feishu", self._administer, methods=["POST"]),
            Route("/feishu/{person}", self._inbox, methods=["GET"]),
            Route("/feishu/{person}/requests/{code}", self._request, methods=["GET"]),
            Route("/feishu/{person}/requests/{code}", self._act, methods=["POST"]),
        ]

    async def _person(self, request: Request) -> tuple[FeishuPerson, list[FeishuPerson]]:
        people = await self._desk.people()
        key = request.path_params["person"]
        for person in people:
            if person.key == key:
                return person, people
        raise UpstreamSaysNoError(f"the app sees nobody called {key}", status=404, code=None)

    async def _inbox(self, request: Request) -> Response:
        async def build() -> Response:
            person, people = await self._person(request)
            return self._shell.render(
                "feishu_inbox.html",
                request,
                person=person,
                people=people,
                faces=[(somebody.key, somebody.name) for somebody in people],
                todo=await self._desk.rows(person, "1"),
                started=await self._desk.rows(person, "3"),
                done=await self._desk.rows(person, "2"),
            )

        return await self._shell.show(request, build)

    async def _request(self, request: Request) -> Response:
        async def build() -> Response:
            person, people, found = await self._load(request)
            return self._shell.render(
                "feishu_request.html",
                request,
                person=person,
                people=people,
                faces=[(somebody.key, somebody.name) for somebody in people],
                asked=found,
                turn=found.turn_of(person.open_id),
                mine=found.submitter_id == person.open_id,
            )

        return await self._shell.show(request, build)

    async def _load(self, request: Request) -> tuple[FeishuPerson, list[FeishuPerson], ApprovalRequest]:
        person, people = await self._person(request)
        names = {somebody.open_id: somebody.name for somebody in people}
        return person, people, await self._desk.request(request.path_params["code"], person, names)

    async def _act(self, request: Request) -> Response:
        form = await read_form(request)
        back = f"/feishu/{quote(request.path_params['person'])}/requests/{quote(request.path_params['code'])}"

        async def act() -> str:
            person, people, found = await self._load(request)
            return await self._do(form, person, people, found)

        return await self._shell.perform(back, act)

    async def _do(
        self, form: FormFields, person: FeishuPerson, people: list[FeishuPerson], found: ApprovalRequest
    ) -> str:
        comment = form.one("comment")
        match form.one("act"):
            case "approve":
                await self._desk.decide("approve", found, person, comment)
                return f"{person.name} approved."
            case "reject":
                await self._desk.decide("reject", found, person, comment)
                return f"{person.name} rejected."
            case "transfer":
                to = next((somebody for somebody in people if somebody.key == form.one("to")), None)
                if to is None:
                    raise UpstreamSaysNoError("choose whom to transfer to", status=400, code=None)
                await self._desk.transfer(found, person, to, comment)
                return f"Transferred to {to.name}."
            case "withdraw":
                await self._desk.withdraw(found, person)
                return f"{person.name} withdrew the request."
            case "comment":
                await self._desk.comment(found, person, comment)
                return "Comment added."
            case _:
                raise UpstreamSaysNoError("choose what to do", status=400, code=None)

    async def _administration(self, request: Request) -> Response:
        return self._shell.render(
            "feishu_tenant.html",
            request,
            people=self._tenant.people(),
            apps=self._tenant.apps(),
            definitions=self._tenant.definitions(),
        )

    async def _administer(self, request: Request) -> Response:
        form = await read_form(request)

        async def act() -> str:
            kind, on = form.one("kind"), form.one("act") == "on"
            self._tenant.switch(kind, form.one("key"), on=on)
            return f"{form.one('name')} is {_SWITCHED[kind, on]}."

        return await self._shell.perform("/feishu", act)


_SWITCHED = {
    ("person", True): "back in the company",
    ("person", False): "no longer in the company",
    ("app", True): "in use again",
    ("app", False): "disabled",
    ("definition", True): "in use again",
    ("definition", False): "disabled",
}
