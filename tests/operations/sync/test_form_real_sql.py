"""The form holds the SQL that will run: read from a real server's recorded answers and from the stand-in, never made up (B-07)."""

from __future__ import annotations

import base64
import functools
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase.statements import StatementReader
from reconciler.providers.bytebase.translate import task_of
from reconciler.providers.bytebase.wire_changes import WireRollout
from reconciler.providers.http import HttpSettings
from reconciler.sandbox.bytebase.standin import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import load_seed
from reconciler.secret import Secret
from reconciler.subjects.change import Change, Checks, CheckStatus, Stage, Task
from reconciler.sync.form import LOCALES, FormFacts, render_form

RECORDINGS = Path(__file__).parents[2] / "recordings" / "bytebase"
RECORDED = (
    "automatic-environment", "batchrun-oddities", "change-free-lifecycle", "least-privilege", "plan-check-error",
    "policy-role-runner", "require-issue-approval", "review-two-steps", "task-cancel", "task-failed-rerun", "task-skip",
)  # fmt: skip
URL = "http://127.0.0.1:1"


@functools.cache
def answers(name: str) -> list[tuple[str, str, int, str]]:
    document = yaml.load((RECORDINGS / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    found = []
    for each in document["interactions"]:
        body = each["response"]["body"]["string"]
        text = body.decode() if isinstance(body, bytes) else body
        request = each["request"]
        found.append((request["method"], httpx.URL(request["uri"]).path, each["response"]["status"]["code"], text))
    return found


def sheets_of(name: str) -> dict[str, dict[str, Any]]:
    """Every sheet a recording shows, as the server wrote it when it was made or read."""
    bodies = [json.loads(text) for _, path, status, text in answers(name) if "/sheets" in path and status == 200]
    return {body["name"]: body for body in bodies if body.get("content")}


def form_of(tasks: tuple[Task, ...], statements: Any) -> dict[str, list[str]]:
    stage = Stage("projects/p/plans/1/rollout/stages/prod", "environments/prod", "Prod", tasks)
    when = datetime(2026, 11, 25, tzinfo=UTC)
    change = Change("projects/p/plans/1", "projects/p", "t", "a@x", when, True, Checks(CheckStatus.NONE), (stage,))
    form = render_form(FormFacts(change, stage, statements, "digest"))
    return {each.id: [each.text(locale) for locale in LOCALES] for each in form}


@asynccontextmanager
async def client_over(handler: httpx.AsyncBaseTransport) -> AsyncIterator[BytebaseClient]:
    connection = BytebaseConnection(URL, ServiceAccount("sync@service.bytebase.com", Secret("bbs_sync")))
    async with BytebaseClient(connection, http=HttpSettings(transport=handler)) as client:
        yield client


@pytest.mark.parametrize("name", RECORDED)
async def test_the_form_of_a_recorded_rollout_holds_the_recorded_sql(name: str) -> None:
    sheets = sheets_of(name)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/auth/login":
            return httpx.Response(200, json={"token": "t"})
        return httpx.Response(200, json=sheets[request.url.path.removeprefix("/v1/")])

    rollouts = [
        text for m, path, status, text in answers(name) if m == "GET" and path.endswith("/rollout") and status == 200
    ]
    seen = 0
    async with client_over(httpx.MockTransport(answer)) as client:
        for stage in WireRollout.model_validate_json(rollouts[-1]).stages:
            tasks = tuple(task_of(task, None, {}) for task in stage.tasks)
            made = Stage(stage.name, stage.environment, "Prod", tasks)
            sql = form_of(tasks, await StatementReader(client).read(made))["sql"]
            for task in tasks:
                assert task.sheet is not None
                text = base64.b64decode(sheets[task.sheet]["content"]).decode().strip()
                assert all(text in shown for shown in sql)
                seen += 1
    assert seen


SEED = {
    "licence": "FREE",
    "users": [{"email": "admin@example.com", "password": "Passw0rd!", "title": "Admin"}],
    "serviceAccounts": [{"id": "sync", "key": "bbs_sync", "title": "Sync"}],
    "workspaceIam": [
        {
            "role": "roles/workspaceAdmin",
            "members": ["user:admin@example.com", "serviceAccount:sync@service.bytebase.com"],
        }
    ],
    "projects": [{"id": "demo", "title": "Demo", "iam": []}],
    "instances": [
        {
            "id": "inst",
            "title": "Prod",
            "environment": "prod",
            "dataSources": [],
            "databases": [{"name": name, "project": "demo"} for name in ("a", "b")],
        }
    ],
}


@asynccontextmanager
async def standin() -> AsyncIterator[tuple[BytebaseStandIn, httpx.AsyncClient]]:
    seed = load_seed(json.dumps({"bytebase": SEED}), "seed")
    server = BytebaseStandIn(seed.bytebase, clock=SandboxClock(time_scale=100.0))
    await server.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server.app), base_url=f"{URL}/v1/") as admin:
        login = await admin.post("auth/login", json={"email": "admin@example.com", "password": "Passw0rd!"})
        admin.headers["Authorization"] = f"Bearer {login.json()['token']}"
        yield server, admin
    await server.stop()


async def made(admin: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await admin.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def sheet(admin: httpx.AsyncClient, sql: str) -> str:
    content = base64.b64encode(sql.encode()).decode()
    return str((await made(admin, "projects/demo/sheets", {"content": content}))["name"])


async def form_in(admin: httpx.AsyncClient, server: BytebaseStandIn, *configs: dict[str, Any]) -> list[str]:
    specs = [{"id": str(uuid.uuid4()), "changeDatabaseConfig": config} for config in configs]
    plan = await made(admin, "projects/demo/plans", {"title": "Change", "specs": specs})
    await made(admin, f"{plan['name']}/rollout", {})
    async with client_over(httpx.ASGITransport(server.app)) as client:
        rollout = await client.rollouts.get(plan["name"])
        assert rollout is not None
        (stage,) = rollout.stages
        releases = {c["release"]: await client.plans.release(c["release"]) for c in configs if "release" in c}
        tasks = tuple(task_of(task, None, releases) for task in stage.tasks)
        return form_of(tasks, await StatementReader(client).read(Stage(stage.name, stage.environment, "P", tasks)))[
            "sql"
        ]


TARGETS = ["instances/inst/databases/a", "instances/inst/databases/b"]


async def test_one_sheet_on_several_databases_is_shown_once_for_every_task() -> None:
    async with standin() as (server, admin):
        config = {"targets": TARGETS, "sheet": await sheet(admin, "ALTER TABLE 订单 ADD COLUMN 备注 text;")}
        for shown in await form_in(admin, server, config):
            assert shown.count("ALTER TABLE 订单 ADD COLUMN 备注 text;") == 1


async def test_several_sheets_are_shown_each_with_its_tasks() -> None:
    async with standin() as (server, admin):
        configs = [{"targets": TARGETS[n : n + 1], "sheet": await sheet(admin, f"SELECT {n};")} for n in (0, 1)]
        english, chinese = await form_in(admin, server, *configs)
        assert "The SQL statement of task 1 (" in english
        assert "The SQL statement of task 2 (" in english
        assert "SELECT 0;" in english
        assert "SELECT 1;" in chinese


async def test_a_release_is_shown_by_its_files() -> None:
    async with standin() as (server, admin):
        files = [
            {"path": f"{n}.sql", "version": str(n), "sheet": await sheet(admin, f"CREATE TABLE r{n}(id int);")}
            for n in (1, 2)
        ]
        name = "projects/demo/releases/20261125-1"
        server.world.releases[name] = {"name": name, "title": "r", "files": files}
        for shown in await form_in(admin, server, {"targets": TARGETS[:1], "release": name}):
            assert "CREATE TABLE r1(id int);" in shown
            assert "CREATE TABLE r2(id int);" in shown
