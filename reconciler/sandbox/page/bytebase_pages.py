"""The Bytebase part of the page: changes with their pipelines, one change, and who may run what."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from reconciler.sandbox.page.bytebase_desk import BytebaseDesk
from reconciler.sandbox.page.databases import Databases
from reconciler.sandbox.page.shell import FormFields, Shell, read_form
from reconciler.sandbox.page.upstream import Json, UpstreamSaysNoError
from reconciler.sandbox.seed import BytebaseSeed

_ROLES = ("projectOwner", "projectDeveloper", "projectReleaser")


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of the list of changes."""

    name: str
    title: str
    number: str
    creator: str
    approval: str
    stages: tuple[tuple[str, str], ...]


class BytebasePages:
    """Routes below `/bytebase`."""

    def __init__(self, shell: Shell, desk: BytebaseDesk, seed: BytebaseSeed, databases: Databases) -> None:
        self._shell = shell
        self._desk = desk
        self._databases = databases
        self.people = [user.email for user in seed.users]
        self.projects = [project.id for project in seed.projects]
        self._faces = [(email, email) for email in self.people]
        self._environments = [environment.id for environment in seed.environments]
        self._members = [f"user:{email}" for email in self.people]
        self._members += [f"serviceAccount:{account.email}" for account in seed.service_accounts]
        self._targets = {
            project: [
                (f"instances/{instance.id}/databases/{database.name}", instance.environment)
                for instance in seed.instances
                for database in instance.databases
                if database.project == project
            ]
            for project in self.projects
        }

    def routes(self) -> list[Route]:
        """What is served."""
        return [
            Route("/bytebase", self._anybody, methods=["GET"]),
            Route("/bytebase/{person}", self._changes, methods=["GET"]),
            Route("/bytebase/{person}", self._create, methods=["POST"]),
            Route("/bytebase/{person}/changes/{project}/{plan}", self._change, methods=["GET"]),
            Route("/bytebase/{person}/changes/{project}/{plan}", self._act, methods=["POST"]),
            Route("/bytebase/{person}/rights", self._rights, methods=["GET"]),
            Route("/bytebase/{person}/rights", self._grant, methods=["POST"]),
        ]

    def _project(self, request: Request) -> str:
        asked = request.query_params.get("project", "")
        return asked if asked in self.projects else (self.projects or [""])[0]

    async def _anybody(self, request: Request) -> Response:
        if not self.people:
            return self._shell.render("refused.html", request, message="the seed has no Bytebase users", code=None)
        return RedirectResponse(f"/bytebase/{quote(self.people[0])}")

    async def lines(self, person: str, project: str) -> list[ChangeLine]:
        """The changes of a project as lines with their stages."""
        return [_line(plan) for plan in await self._desk.changes(person, project)]

    async def _changes(self, request: Request) -> Response:
        person, project = request.path_params["person"], self._project(request)

        async def build() -> Response:
            return self._shell.render(
                "bytebase_changes.html",
                request,
                person=person,
                faces=self._faces,
                projects=self.projects,
                project=project,
                changes=await self.lines(person, project) if project else [],
                targets=self._targets.get(project, []),
            )

        return await self._shell.show(request, build)

    async def _create(self, request: Request) -> Response:
        form, person = await read_form(request), request.path_params["person"]
        project = form.one("project")

        async def act() -> str:
            title = form.one("title") or "A change"
            name = await self._desk.create_change(
                person, project=project, title=title, sql=form.one("sql"), targets=form.many("target")
            )
            return f"Created {title} as plan {name.rpartition('/')[2]}."

        return await self._shell.perform(f"/bytebase/{quote(person)}?{urlencode({'project': project})}", act)

    async def _change(self, request: Request) -> Response:
        person, name = request.path_params["person"], _plan_name(request)

        async def build() -> Response:
            change = await self._desk.change(person, name)
            return self._shell.render(
                "bytebase_change.html",
                request,
                person=person,
                faces=self._faces,
                change=change,
                project=name.split("/")[1],
            )

        return await self._shell.show(request, build)

    async def _act(self, request: Request) -> Response:
        form, person, name = await read_form(request), request.path_params["person"], _plan_name(request)
        _, project, _, plan = name.split("/")
        back = f"/bytebase/{quote(person)}/changes/{quote(project)}/{quote(plan)}"

        async def act() -> str:
            return await self._do(form, person, name)

        return await self._shell.perform(back, act)

    async def _do(self, form: FormFields, person: str, name: str) -> str:
        comment, issue, desk = form.one("comment"), form.one("issue"), self._desk
        match form.one("act"):
            case "run":
                await desk.run_stage(person, form.one("stage"), form.many("task"))
                return f"{person} runs the stage."
            case "skip":
                await desk.skip_stage(person, form.one("stage"), form.many("task"), comment)
                return f"{person} skipped the stage."
            case "edit":
                await desk.edit_sql(person, name, form.one("sql"))
                return "The statement is another one now."
            case "approve" | "reject" | "request" as word:
                await desk.review(person, issue, word, comment)
                return f"{person}: {word}."
            case "comment":
                await desk.comment(person, issue, comment)
                return "Comment added."
            case "CANCELED" | "OPEN" as status:
                await desk.set_status(person, issue, status, comment)
                return f"The issue is {status.lower()}."
            case _:
                raise UpstreamSaysNoError("choose what to do", status=400, code=None)

    async def _rights(self, request: Request) -> Response:
        person, project = request.path_params["person"], self._project(request)

        async def build() -> Response:
            return self._shell.render(
                "bytebase_rights.html",
                request,
                person=person,
                faces=self._faces,
                projects=self.projects,
                project=project,
                bindings=await self._desk.bindings(person, project) if project else [],
                policies={
                    environment: await self._desk.rollout_policy(person, environment)
                    for environment in self._environments
                },
                members=self._members,
                roles=_ROLES,
                failing=self._databases.failing(),
            )

        return await self._shell.show(request, build)

    async def _grant(self, request: Request) -> Response:
        form, person = await read_form(request), request.path_params["person"]
        project = form.one("project")

        async def act() -> str:
            match form.one("act"):
                case "grant" | "revoke" as word:
                    role, member = form.one("role"), form.one("member")
                    await self._desk.set_role(person, project, role=role, member=member, held=word == "grant")
                    return f"{member} {'holds' if word == 'grant' else 'no longer holds'} {role}."
                case "policy":
                    environment, roles = form.one("environment"), form.one("roles").replace(",", " ").split()
                    automatic = form.one("automatic") == "yes"
                    await self._desk.set_rollout_policy(person, environment, automatic=automatic, roles=roles)
                    return f"The rollout policy of {environment} is written."
                case "fail":
                    self._databases.fail(form.one("contains"))
                    return "Statements with this text fail from now on."
                case "mend":
                    self._databases.mend(form.one("contains"))
                    return "Statements with this text succeed again."
                case _:
                    raise UpstreamSaysNoError("choose what to do", status=400, code=None)

        return await self._shell.perform(f"/bytebase/{quote(person)}/rights?{urlencode({'project': project})}", act)


def _plan_name(request: Request) -> str:
    return f"projects/{request.path_params['project']}/plans/{request.path_params['plan']}"


def _line(plan: Json) -> ChangeLine:
    return ChangeLine(
        name=plan["name"],
        title=plan.get("title", ""),
        number=(plan.get("issue") or plan["name"]).rpartition("/")[2],
        creator=plan.get("creator", "").removeprefix("users/"),
        approval=plan.get("approvalStatus", ""),
        stages=tuple(_stage(summary) for summary in plan.get("rolloutStageSummaries", [])),
    )


def _stage(summary: Json) -> tuple[str, str]:
    found = {count["status"] for count in summary.get("taskStatusCounts", [])}
    if found <= {"DONE", "SKIPPED"}:
        state = "done"
    elif found & {"PENDING", "RUNNING"}:
        state = "running"
    else:
        state = "failed" if "FAILED" in found else "waiting"
    return summary["stage"].rpartition("/")[2], state
