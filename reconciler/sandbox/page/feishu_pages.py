"""The Feishu part of the page: a person's approvals, one request, and who is in the tenant."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.page.feishu_desk import ApprovalRequest, FeishuDesk, FeishuPerson
from reconciler.sandbox.page.shell import FormFields, Shell, read_form
from reconciler.sandbox.page.upstream import UpstreamSaysNoError


class TenantAdministration(Protocol):
    """Acts of a tenant administrator that the open API does not have."""

    def resign(self, email: str) -> None:
        """Let a person leave the company."""

    def resigned(self, email: str) -> bool:
        """Whether a person has left."""

    def set_app_enabled(self, app_id: str, *, enabled: bool) -> None:
        """Disable or enable an app in the tenant."""

    def app_enabled(self, app_id: str) -> bool:
        """Whether an app is in use."""

    def set_definition_enabled(self, code: str, *, enabled: bool) -> None:
        """Disable or enable an approval definition."""

    def definitions(self) -> list[tuple[str, str, bool]]:
        """Every definition: code, name, whether it is in use."""


class FeishuPages:
    """Routes below `/feishu`."""

    def __init__(self, shell: Shell, desk: FeishuDesk, tenant: TenantAdministration, apps: list[str]) -> None:
        self._shell = shell
        self._desk = desk
        self._tenant = tenant
        self._apps = apps

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
        async def build() -> Response:
            people = await self._desk.people()
            return self._shell.render(
                "feishu_tenant.html",
                request,
                people=[(person, person.key != "bot" and self._tenant.resigned(person.key)) for person in people],
                apps=[(app, self._tenant.app_enabled(app)) for app in self._apps],
                definitions=self._tenant.definitions(),
            )

        return await self._shell.show(request, build)

    async def _administer(self, request: Request) -> Response:
        form = await read_form(request)

        async def act() -> str:
            name = form.one("name")
            match form.one("act"):
                case "resign":
                    self._tenant.resign(name)
                    return f"{name} has left the company."
                case "enableApp" | "disableApp" as word:
                    self._tenant.set_app_enabled(name, enabled=word == "enableApp")
                    return f"The app {name} is {'in use again' if word == 'enableApp' else 'disabled'}."
                case "enableDefinition" | "disableDefinition" as word:
                    self._tenant.set_definition_enabled(name, enabled=word == "enableDefinition")
                    return f"The definition is {'in use again' if word == 'enableDefinition' else 'disabled'}."
                case _:
                    raise UpstreamSaysNoError("choose what to do", status=400, code=None)

        return await self._shell.perform("/feishu", act)
