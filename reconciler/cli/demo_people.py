"""The people of the demo: they act through the same APIs as in reality, and what they see there is what is checked."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from reconciler.cli.demo_stage import StepFailedError

T = TypeVar("T")
PASSWORD = "Passw0rd!"  # noqa: S105  # the sandbox's own
LIST_PAUSE = 0.3
"""Seconds between two looks at Feishu's list, which may be read a hundred times a minute."""
PATIENCE = 12.0
"""Seconds that a person waits for something to become true."""


class DemoPeople:
    """Alice writes changes, Bob and Dave approve, Admin meddles; `wait_for` sees that things happened."""

    def __init__(self, *, bytebase: str, feishu: str) -> None:
        self._bytebase = httpx.AsyncClient(base_url=f"{bytebase}/v1", timeout=10)
        self._feishu = httpx.AsyncClient(base_url=f"{feishu}/open-apis", timeout=10)
        self._tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        """Get the token that stands for people's clicks in Feishu."""
        body = {"app_id": "cli_sandbox", "app_secret": "sandbox"}
        answer = await self._feishu.post("/auth/v3/tenant_access_token/internal", json=body)
        self._tokens["feishu"] = answer.json()["tenant_access_token"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both connections."""
        await self._bytebase.aclose()
        await self._feishu.aclose()

    async def bytebase(self, who: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        """One call in a person's name; anything but 200 ends the story."""
        if who not in self._tokens:
            login = await self._bytebase.post("/auth/login", json={"email": f"{who}@example.com", "password": PASSWORD})
            self._tokens[who] = login.json()["token"]
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        answer = await self._bytebase.request(method, path, json=body, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise StepFailedError(f"{who}: {method} {path}: {answer.status_code} {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

    async def feishu(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """One call to Feishu; any code but 0 ends the story."""
        headers = {"Authorization": f"Bearer {self._tokens['feishu']}"}
        answer = (await self._feishu.request(method, path, json=body, headers=headers)).json()
        if answer.get("code") != 0:
            raise StepFailedError(f"Feishu: {method} {path}: {answer.get('code')} {answer.get('msg')}")
        found: dict[str, Any] = answer.get("data") or {}
        return found

    async def write_change(self, title: str, statements: dict[str, str]) -> dict[str, Any]:
        """Alice writes a change over test and prod: SQL by database. Returns the plan once it has its rollout."""
        specs = []
        for database, sql in statements.items():
            content = base64.b64encode(sql.encode()).decode()
            sheet = await self.bytebase("alice", "POST", "/projects/demo/sheets", {"content": content})
            targets = [f"instances/inst-{place}/databases/{database}_{place}" for place in ("test", "prod")]
            change = {"targets": targets, "sheet": sheet["name"]}
            specs.append({"id": str(uuid.uuid4()), "changeDatabaseConfig": change})
        plan = await self.bytebase("alice", "POST", "/projects/demo/plans", {"title": title, "specs": specs})
        issue = {"type": "DATABASE_CHANGE", "title": title, "plan": plan["name"]}
        await self.bytebase("alice", "POST", "/projects/demo/issues", issue)

        async def rolled_out() -> dict[str, Any] | None:
            now = await self.bytebase("alice", "GET", f"/{plan['name']}")
            return now if now.get("hasRollout") else None

        return await self.wait_for("the change gets its rollout", rolled_out)

    async def statuses(self, plan: str, environment: str) -> list[str]:
        """The statuses of a stage's tasks."""
        rollout = await self.bytebase("carol", "GET", f"/{plan}/rollout")
        stage = next(s for s in rollout["stages"] if s["id"] == environment)
        return [task["status"] for task in stage["tasks"]]

    async def comments(self, issue: str) -> list[str]:
        """The texts of an issue's comments."""
        listed = await self.bytebase("carol", "GET", f"/{issue}/issueComments?page_size=1000")
        return [each.get("comment", "") for each in listed.get("issueComments", [])]

    async def request_for(self, definition: str, environment: str, *, generation: int = 0) -> dict[str, Any]:
        """The pending request about a stage, as Feishu shows it."""

        async def pending() -> dict[str, Any] | None:
            listed = await self.feishu("GET", f"/approval/v4/instances?{_window(definition)}")
            for code in listed.get("instance_code_list", []):
                instance = await self.feishu("GET", f"/approval/v4/instances/{code}?locale=en-US")
                if instance["status"] == "PENDING" and f"/stages/{environment}#{generation}" in instance["form"]:
                    return instance
            return None

        return await self.wait_for(f"a request about stage {environment} arrives in Feishu", pending, pause=LIST_PAUSE)

    async def decide(self, who: str, instance: dict[str, Any], *, approve: bool, comment: str = "") -> None:
        """A person clicks in Feishu."""
        people = {"emails": [f"{who}@example.com"]}
        found = await self.feishu("POST", "/contact/v3/users/batch_get_id?user_id_type=open_id", people)
        open_id = found["user_list"][0]["user_id"]
        task = next(t for t in instance["task_list"] if t["open_id"] == open_id and t["status"] == "PENDING")
        body = {
            "approval_code": instance["approval_code"],
            "instance_code": instance["instance_code"],
            "user_id": open_id,
            "task_id": task["id"],
            "comment": comment,
        }
        verb = "approve" if approve else "reject"
        await self.feishu("POST", f"/approval/v4/tasks/{verb}?user_id_type=open_id", body)

    async def wait_for(self, what: str, look: Callable[[], Awaitable[T | None]], *, pause: float = 0.1) -> T:
        """Look again and again until it is there; StepFailedError when patience ends."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            found = await look()
            if found:
                return found
            if asyncio.get_running_loop().time() > end:
                raise StepFailedError(what)
            await asyncio.sleep(pause)


def sql_of(instance: dict[str, Any]) -> str:
    """The SQL field of a request."""
    fields = json.loads(instance["form"])
    return next((str(field["value"]) for field in fields if field.get("custom_id") == "sql"), "")


def _window(definition: str) -> str:
    import time

    now = int(time.time() * 1000)
    return f"approval_code={definition}&start_time={now - 3_600_000}&end_time={now + 60_000}&page_size=100"
