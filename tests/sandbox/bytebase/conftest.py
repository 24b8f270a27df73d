"""A stand-in in process and somebody to ask it: every test begins in a fresh workspace."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import pytest
from fidelity.conformity import breaches, response_message

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import BytebaseSeed, load_seed

SEED = """
bytebase:
  licence: ENTERPRISE
  users:
    - {email: admin@example.com, password: Passw0rd!, title: Admin}
    - {email: alice@example.com, password: Passw0rd!, title: Alice}
    - {email: bob@example.com, password: Passw0rd!, title: Bob}
    - {email: carol@example.com, password: Passw0rd!, title: Carol}
  serviceAccounts:
    - {id: sync, key: bbs_sync, title: Sync}
    - {id: bare, key: bbs_bare, title: Bare}
  groups: [{email: dba@example.com, title: DBA, members: [carol@example.com]}]
  roles: [{id: oa, title: OA, permissions: []}]
  workspaceIam:
    - {role: roles/workspaceAdmin, members: ["user:admin@example.com"]}
    - {role: roles/workspaceDBA, members: ["group:dba@example.com"]}
    - {role: roles/workspaceMember, members: ["serviceAccount:sync@service.bytebase.com"]}
  environments: [{id: test, title: Test}, {id: prod, title: Prod}]
  projects:
    - id: demo
      title: Demo
      iam:
        - {role: roles/projectOwner, members: ["user:alice@example.com"]}
        - {role: roles/projectDeveloper, members: ["user:bob@example.com"]}
        - {role: roles/projectReleaser, members: ["serviceAccount:sync@service.bytebase.com"]}
    - {id: other, title: Other}
  instances:
    - {id: i-test, title: T, environment: test, databases: [{name: app, project: demo}, {name: crm, project: demo}]}
    - {id: i-prod, title: P, environment: prod, databases: [{name: app, project: demo}]}
  failingStatements:
    - will_fail
    - {contains: "CREAT TABLE", detail: 'ERROR: syntax error at or near "CREAT" (SQLSTATE 42601)', syntaxError: true}
  slowStatements: [{contains: "pg_sleep(60)", seconds: 60}]
"""
TARGETS = ["instances/i-test/databases/app", "instances/i-prod/databases/app"]


@dataclass
class Reply:
    """An answer: status, JSON body, headers."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def code(self) -> Any:
        """The error code of either face."""
        return self.body.get("code")


@dataclass
class Asker:
    """Asks the stand-in on both faces, as whoever is named."""

    stand_in: BytebaseStandIn
    client: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    async def token(self, who: str) -> str:
        """A token of a person (`alice`) or a service account (`sync`)."""
        if who not in self.tokens:
            person = {"email": f"{who}@example.com", "password": "Passw0rd!"}
            account = {"email": f"{who}@service.bytebase.com", "password": f"bbs_{who}"}
            body = account if who in ("sync", "bare") else person
            self.tokens[who] = (await self.client.post("/v1/auth/login", json=body)).json()["token"]
        return self.tokens[who]

    async def ask(self, method: str, path: str, body: Any = None, *, who: str | None = "admin", **query: Any) -> Reply:
        """One REST call. Every answer must have the shape that the API describes."""
        headers = {"Authorization": f"Bearer {await self.token(who)}"} if who else {}
        path = path if path.startswith("/") else f"/v1/{path}"
        sent = {"params": query} if query else {}
        response = await self.client.request(method, path, json=body, headers=headers, **sent)
        is_json = "json" in response.headers.get("content-type", "")
        message = response_message(method, path) if is_json and response.status_code == 200 else None
        assert not message or breaches(message, response.text) == [], f"{method} {path}"
        return Reply(response.status_code, response.json() if is_json else response.text, response.headers)

    async def get(self, path: str, *, who: str | None = "admin", **query: Any) -> Reply:
        return await self.ask("GET", path, who=who, **query)

    async def post(self, path: str, body: Any = None, *, who: str | None = "admin", **query: Any) -> Reply:
        return await self.ask("POST", path, body if body is not None else {}, who=who, **query)

    async def patch(self, path: str, body: Any, *, who: str | None = "admin", **query: Any) -> Reply:
        return await self.ask("PATCH", path, body, who=who, **query)

    async def connect(self, method: str, body: Any = None, *, who: str | None = "admin") -> Reply:
        """One Connect call."""
        return await self.ask("POST", f"/bytebase.v1.{method}", body if body is not None else {}, who=who)

    async def until(self, path: str, test: Callable[[Any], Any], *, who: str = "admin") -> Any:
        """The first answer that passes the test."""
        for _ in range(400):
            reply = await self.get(path, who=who)
            if test(reply.body):
                return reply.body
            await asyncio.sleep(0.005)
        raise AssertionError(f"{path} stayed {reply.body}")

    async def plan(self, sql: str, *, targets: list[str] | None = None, who: str = "bob", title: str = "Change") -> str:
        """A plan whose checks are done; its name."""
        content = base64.b64encode(sql.encode()).decode()
        sheet = (await self.post("projects/demo/sheets", {"content": content}, who=who)).body["name"]
        config = {"targets": targets or TARGETS, "sheet": sheet}
        body = {"title": title, "specs": [{"id": str(uuid.uuid4()), "changeDatabaseConfig": config}]}
        name = (await self.post("projects/demo/plans", body, who=who)).body["name"]
        await self.until(name, lambda plan: "DONE" in plan.get("planCheckRunStatusCount", {}))
        return name

    async def issue(self, sql: str, *, who: str = "bob", **fields: Any) -> tuple[str, str]:
        """(issue, plan) of a change whose review is found."""
        plan = await self.plan(sql, who=who, targets=fields.pop("targets", None))
        body = {"type": "DATABASE_CHANGE", "title": "Change", "plan": plan, **fields}
        issue = (await self.post("projects/demo/issues", body, who=who)).body["name"]
        await self.until(issue, lambda found: found["approvalStatus"] != "CHECKING")
        return issue, plan

    async def rolled_out(self, sql: str, **fields: Any) -> str:
        """A plan that has its rollout."""
        issue, plan = await self.issue(sql, **fields)
        await self.post(f"{issue}:approve", {}, who="alice")
        await self.until(plan, lambda found: found.get("hasRollout"))
        return plan

    async def tasks(self, plan: str) -> dict[str, list[dict[str, Any]]]:
        """Tasks of a rollout by environment."""
        rollout = (await self.get(f"{plan}/rollout")).body
        return {stage["id"]: stage["tasks"] for stage in rollout.get("stages", [])}


@cache
def _workspace(text: str) -> BytebaseSeed:
    return load_seed(text, "seed.yaml").bytebase


async def _asker(seed: str) -> AsyncIterator[Asker]:
    stand_in = BytebaseStandIn(_workspace(seed), clock=SandboxClock(time_scale=100))
    await stand_in.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(stand_in.app), base_url="http://bytebase") as client:
        yield Asker(stand_in, client)
    await stand_in.stop()


@pytest.fixture
async def bytebase() -> AsyncIterator[Asker]:
    """An ENTERPRISE workspace."""
    async for asker in _asker(SEED):
        yield asker


@pytest.fixture
async def free() -> AsyncIterator[Asker]:
    """The same on FREE."""
    async for asker in _asker(SEED.replace("licence: ENTERPRISE", "licence: FREE")):
        yield asker
