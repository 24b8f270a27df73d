"""Our Bytebase side against the stand-in: one change from its creation to its last stage, and what a cycle costs there."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from reconciler.errors import ConflictError, CredentialsError, ForbiddenError, NotFoundError
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase.directory import Ages, RightsReader
from reconciler.providers.bytebase.projects import ProjectFlags
from reconciler.providers.bytebase.settings import ImEntry
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.providers.http import HttpSettings
from reconciler.sandbox.bytebase.standin import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import load_seed
from reconciler.secret import Secret
from reconciler.subjects.change import TaskStatus
from reconciler.subjects.gate import ApproverSource

URL = "http://127.0.0.1:1"
PROJECTS = 4
SEED = {
    "users": [{"email": f"{n}@example.com", "password": "Passw0rd!", "title": n} for n in ("admin", "bob", "dave")],
    "serviceAccounts": [
        {"id": "sync", "key": "bbs_sync", "title": "Sync"},
        {"id": "apply", "key": "bbs_apply", "title": "Apply"},
    ],
    "workspaceIam": [
        {
            "role": "roles/workspaceAdmin",
            "members": ["user:admin@example.com", "serviceAccount:apply@service.bytebase.com"],
        },
        {
            "role": "roles/workspaceMember",
            "members": ["user:bob@example.com", "user:dave@example.com", "serviceAccount:sync@service.bytebase.com"],
        },
    ],
    "environments": [{"id": "test", "title": "Test"}, {"id": "prod", "title": "Prod"}],
    "projects": [
        {
            "id": f"p{n}",
            "title": f"Project {n}",
            "iam": [
                {"role": "roles/projectOwner", "members": ["user:bob@example.com"]},
                {
                    "role": "roles/projectReleaser",
                    "members": ["serviceAccount:sync@service.bytebase.com", "user:dave@example.com"],
                },
            ],
        }
        for n in range(PROJECTS)
    ],
    "instances": [
        {
            "id": f"inst-{env}",
            "title": env,
            "environment": env,
            "dataSources": [],
            "databases": [{"name": f"db{n}", "project": f"p{n}"} for n in range(PROJECTS)],
        }
        for env in ("test", "prod")
    ],
}


class Clock:
    """The local clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def skew(self) -> float:
        return 0.0


class Counted(httpx.AsyncBaseTransport):
    """The stand-in in process, with a log of the calls made to it."""

    def __init__(self, standin: BytebaseStandIn) -> None:
        self._inner = httpx.ASGITransport(standin.app)
        self.calls: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        return await self._inner.handle_async_request(request)


class Sandbox:
    """The stand-in, our client and port on it, and Bob, who makes changes."""

    def __init__(self, standin: BytebaseStandIn) -> None:
        self.standin = standin
        self.transport = Counted(standin)
        self.client = self.account("sync", "bbs_sync")
        self.subjects = BytebaseSubjects(self.client, Clock(), rights=RightsReader(self.client, ages=Ages(rights=0.0)))
        self._bob = httpx.AsyncClient(transport=httpx.ASGITransport(standin.app), base_url=URL)

    def account(self, name: str, key: str) -> BytebaseClient:
        account = ServiceAccount(f"{name}@service.bytebase.com", Secret(key))
        return BytebaseClient(BytebaseConnection(URL, account), http=HttpSettings(transport=self.transport))

    async def log_in(self) -> None:
        answer = await self._bob.post("/v1/auth/login", json={"email": "bob@example.com", "password": "Passw0rd!"})
        self._bob.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    async def as_bob(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._bob.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def change(
        self, project: int, sql: str = "SELECT 1;", environments: tuple[str, ...] = ("test", "prod")
    ) -> str:
        """A change by Bob whose rollout exists."""
        parent = f"projects/p{project}"
        sheet = await self.as_bob(f"{parent}/sheets", {"content": base64.b64encode(sql.encode()).decode()})
        config = {
            "targets": [f"instances/inst-{e}/databases/db{project}" for e in environments],
            "sheet": sheet["name"],
        }
        spec = {"id": str(uuid.uuid4()), "changeDatabaseConfig": config}
        plan = await self.as_bob(f"{parent}/plans", {"title": "Add column", "specs": [spec]})
        await self.as_bob(f"{parent}/issues", {"type": "DATABASE_CHANGE", "plan": plan["name"], "title": "Add column"})
        await until(lambda: self.has_rollout(plan["name"]))
        return str(plan["name"])

    async def has_rollout(self, plan: str) -> bool:
        return (await self.client.plans.get(plan)).has_rollout

    async def cost(self, act: Awaitable[Any]) -> list[str]:
        mark = len(self.transport.calls)
        await act
        return self.transport.calls[mark:]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.01)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    import json

    seed = load_seed(json.dumps({"bytebase": {"licence": "FREE", "externalUrl": "https://bb.example", **SEED}}), "seed")
    standin = BytebaseStandIn(seed.bytebase, clock=SandboxClock(time_scale=100.0))
    await standin.start()
    box = Sandbox(standin)
    await box.log_in()
    yield box
    await box.client.aclose()
    await standin.stop()


async def test_a_change_is_followed_stage_by_stage_to_its_end(sandbox: Sandbox) -> None:
    plan = await sandbox.change(0, "ALTER TABLE 订单 ADD COLUMN x int;")
    subjects = sandbox.subjects
    for environment in ("test", "prod"):
        (sighting,) = await subjects.discover(full=False)
        assert sighting.subject == f"{plan}/rollout/stages/{environment}"
        change = await subjects.observe(plan)
        stage = change.frontier
        assert stage is not None
        assert stage.name == sighting.subject
        assert [s.text for s in await subjects.statements(change, stage)] == ["ALTER TABLE 订单 ADD COLUMN x int;"]
        people = await subjects.entitled(change, stage, ApproverSource("rolloutPolicy"))
        assert people.people == {"admin@example.com", "bob@example.com", "dave@example.com"}
        await subjects.run(stage, [task.name for task in stage.runnable])

        async def is_done(name: str = stage.name) -> bool:
            seen = (await subjects.observe(plan)).stage(name)
            return seen is not None and seen.is_finished

        await until(is_done)
    change = await subjects.observe(plan)
    runs = [task.newest_run for stage in change.stages for task in stage.tasks]
    assert [run.creator if run else None for run in runs] == ["sync@service.bytebase.com"] * 2
    assert change.frontier is None
    assert change.issue is not None
    await subjects.put_comment(change.issue.name, mark="ran:1", text="ran", edit=False)
    await subjects.put_comment(change.issue.name, mark="ran:1", text="ran", edit=False)
    assert [c.creator for c in await subjects.comments(change.issue.name)] == ["sync@service.bytebase.com"]


async def test_skipped_tasks_finish_a_stage(sandbox: Sandbox) -> None:
    plan = await sandbox.change(0)
    stage = (await sandbox.subjects.observe(plan)).stages[0]
    await sandbox.subjects.skip(stage, [task.name for task in stage.tasks], "rejected by Dave")
    after = await sandbox.subjects.observe(plan)
    assert after.stages[0].tasks[0].status is TaskStatus.SKIPPED
    assert after.frontier is after.stages[1]


async def test_tokens_that_all_expire_are_renewed_without_anybody_noticing(sandbox: Sandbox) -> None:
    plan = await sandbox.change(0)
    sandbox.standin.expire_tokens()
    calls = await sandbox.cost(sandbox.subjects.observe(plan))
    assert calls.count("POST /v1/auth/login") == 1


async def test_a_cycle_costs_a_page_per_project_and_changed_subjects_and_at_most_twenty_more(sandbox: Sandbox) -> None:
    """Counted, not timed: p projects with w waiting stages, of which one moves."""
    plans = [await sandbox.change(project) for project in range(PROJECTS) for _ in range(5)]
    subjects = sandbox.subjects
    before = {s.plan: s.signal for s in await subjects.discover(full=True)}
    assert set(before) == set(plans)

    quiet = await sandbox.cost(subjects.discover(full=False))
    assert len(quiet) <= PROJECTS + 20
    assert sum(call.endswith("/plans") for call in quiet) == PROJECTS
    assert not any("/plans/" in call for call in quiet)

    stage = (await subjects.observe(plans[7])).stages[0]
    await subjects.skip(stage, [task.name for task in stage.tasks], "not needed")
    after = {s.plan: s.signal for s in await subjects.discover(full=False)}
    assert [plan for plan in plans if before[plan] != after[plan]] == [plans[7]]

    again = await sandbox.cost(subjects.observe(plans[7]))
    assert len([call for call in again if "/plans/" in call]) <= 3
    assert len(again) <= 10


async def test_an_edit_of_rights_changes_the_signals_it_concerns(sandbox: Sandbox) -> None:
    one, other = await sandbox.change(0), await sandbox.change(1)
    before = {s.plan: s.signal for s in await sandbox.subjects.discover(full=False)}
    async with sandbox.account("apply", "bbs_apply") as admin:
        policy = await admin.iam.policy("projects/p0")
        kept = [binding for binding in policy.bindings if binding.role != "roles/projectOwner"]
        await admin.iam.set_policy("projects/p0", kept, etag=policy.etag)
        with pytest.raises(ConflictError):
            await admin.iam.set_policy("projects/p0", policy.bindings, etag=policy.etag)
    after = {s.plan: s.signal for s in await sandbox.subjects.discover(full=False)}
    assert before[one] != after[one]
    assert before[other] == after[other]


async def test_settings_are_written_and_read_back(sandbox: Sandbox) -> None:
    async with sandbox.account("apply", "bbs_apply") as admin:
        entry = ImEntry("FEISHU", (("appId", "cli_a"), ("appSecret", Secret("s"))))
        await admin.settings.write_im([entry], verify=False)
        assert await admin.settings.im_types() == ("FEISHU",)
        await admin.settings.write_im([], verify=True)
        assert await admin.settings.im_types() == ()
        await admin.settings.write_rollout_policy("environments/prod", automatic=False, roles=["roles/projectReleaser"])
        assert (await admin.settings.rollout_policy("environments/prod")).roles == ("roles/projectReleaser",)
        await admin.settings.reset_rollout_policy("environments/prod")
        await admin.settings.reset_rollout_policy("environments/prod")
        assert (await admin.settings.rollout_policy("environments/prod")).roles == ()
        project = await admin.projects.update("projects/p0", ProjectFlags(require_issue_approval=True))
        assert project.require_issue_approval
        assert [environment.id for environment in await admin.settings.environments()] == ["test", "prod"]
        with pytest.raises(ForbiddenError, match="APPROVAL_WORKFLOW"):
            await admin.settings.write_approval_rules([])


async def test_failures_come_as_our_errors(sandbox: Sandbox) -> None:
    with pytest.raises(NotFoundError):
        await sandbox.subjects.observe("projects/p0/plans/999")
    with pytest.raises(ForbiddenError, match=r"bb\.settings\.get"):
        await sandbox.client.settings.im_types()
    with pytest.raises(CredentialsError):
        await sandbox.account("sync", "wrong").iam.me()
