"""A Bytebase small enough to read: the answers of a few calls by path, changed by hand, with a log of what was asked."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx

WHEN = "2026-11-22T15:00:00Z"
SYNC = "sync@service.bytebase.com"


class TinyBytebase:
    """Projects with changes; `answers` maps `METHOD path` to a body, a response, or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.sent: list[tuple[str, Any]] = []
        self.plans: dict[str, list[dict[str, Any]]] = {}
        self.answer(
            "GET /v1/actuator/info",
            {"version": "3.21.1", "workspace": "workspaces/w", "externalUrl": "https://bb.example/"},
        )
        self.answer("GET /v1/subscription", {"plan": "FREE"})
        self.answer("POST /v1/auth/login", {"token": "t"})
        self.answer("POST /v1/projects:search", lambda _: {"projects": [{"name": name} for name in sorted(self.plans)]})
        self.answer("GET /v1/workspaces/w:getIamPolicy", {"bindings": [], "etag": "1"})
        self.answer("GET /v1/groups", {})
        self.answer("GET /v1/roles", {"roles": [{"name": "roles/projectOwner", "permissions": ["bb.taskRuns.create"]}]})
        self.people("alice", "bob", "carol")
        environments = [{"name": f"environments/{e}", "id": e, "title": e.title()} for e in ("test", "prod")]
        self.answer(
            "GET /v1/settings/ENVIRONMENT",
            {"name": "settings/ENVIRONMENT", "value": {"environment": {"environments": environments}}},
        )
        for environment in ("test", "prod"):
            self.policy(environment)

    def answer(self, call: str, body: Any) -> None:
        self.answers[call] = body

    def people(self, *names: str) -> None:
        users = [{"name": f"users/{n}@x.example", "email": f"{n}@x.example", "state": "ACTIVE"} for n in names]
        self.answer("GET /v1/users", {"users": users})

    def policy(self, environment: str, *roles: str, automatic: bool = False) -> None:
        name = f"environments/{environment}/policies/rollout_policy"
        self.answer(f"GET /v1/{name}", {"name": name, "rolloutPolicy": {"automatic": automatic, "roles": list(roles)}})

    def bind(self, project: str, role: str, *members: str) -> None:
        body = {"bindings": [{"role": role, "members": list(members), "condition": {}}], "etag": str(len(self.asked))}
        self.answer(f"GET /v1/projects/{project}:getIamPolicy", body)

    def sheet(self, project: str, text: str) -> str:
        raw = text.encode()
        name = f"projects/{project}/sheets/{hashlib.sha256(raw).hexdigest()}"
        self.answer(
            f"GET /v1/{name}", {"name": name, "content": base64.b64encode(raw).decode(), "contentSize": str(len(raw))}
        )
        return name

    def change(
        self,
        project: str,
        number: int,
        stages: dict[str, list[dict[str, Any]]],
        *,
        runs: list[dict[str, Any]] | None = None,
        issue: dict[str, Any] | None = None,
        listed: bool = True,
        **more: Any,
    ) -> str:
        """Put a change there, or replace it. `stages` maps environment ids to tasks with `id` and `status`."""
        name = f"projects/{project}/plans/{number}"
        rollout = [
            {
                "name": f"{name}/rollout/stages/{env}",
                "id": env,
                "environment": f"environments/{env}",
                "tasks": [{"name": f"{name}/rollout/stages/{env}/tasks/{t['id']}", **t} for t in tasks],
            }
            for env, tasks in stages.items()
        ]
        summaries = [
            {
                "stage": stage["name"],
                "taskStatusCounts": [{"status": task["status"], "count": 1} for task in stage["tasks"]],
            }
            for stage in rollout
        ]
        plan = {
            "name": name,
            "state": "ACTIVE",
            "title": "Add column",
            "creator": "users/bob@x.example",
            "createTime": WHEN,
            "hasRollout": True,
            "rolloutStageSummaries": summaries,
            **more,
        }
        if issue is not None:
            plan["issue"] = f"projects/{project}/issues/{number}"
            self.answer(
                f"GET /v1/{plan['issue']}",
                {"name": plan["issue"], "status": "DONE", "approvalStatus": "SKIPPED", **issue},
            )
        self.answer(f"GET /v1/{name}", plan)
        self.answer(f"GET /v1/{name}/rollout", {"name": f"{name}/rollout", "stages": rollout})
        self.answer(f"GET /v1/{name}/rollout/stages/-/tasks/-/taskRuns", {"taskRuns": runs or []})
        self.answer(f"GET /v1/projects/{project}", {"name": f"projects/{project}", "title": project.title()})
        self.answers.setdefault(f"GET /v1/projects/{project}:getIamPolicy", {"bindings": [], "etag": "1"})
        found = self.plans.setdefault(f"projects/{project}", [])
        found[:] = [each for each in found if each["name"] != name]
        if listed:
            found.insert(0, plan)
        self.answer(f"GET /v1/projects/{project}/plans", self._page(found, "plans"))
        rollouts = self.answers.setdefault(f"ROLLOUTS {project}", {})
        rollouts[name] = {"name": f"{name}/rollout", "stages": rollout}
        self.answer(f"GET /v1/projects/{project}/rollouts", lambda _: {"rollouts": list(rollouts.values())})
        return name

    @staticmethod
    def _page(rows: list[dict[str, Any]], key: str) -> Callable[[httpx.Request], Any]:
        def page(request: httpx.Request) -> Any:
            start, size = int(request.url.params.get("page_token") or 0), int(request.url.params["page_size"])
            body: dict[str, Any] = {key: rows[start : start + size]}
            if start + size < len(rows):
                body["nextPageToken"] = str(start + size)
            return body

        return page

    def __call__(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path}"
        self.asked.append(call)
        if request.content:
            self.sent.append((call, json.loads(request.content)))
        found = self.answers.get(call)
        if callable(found):
            found = found(request)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, httpx.Response):
            return found
        if found is None:
            return httpx.Response(404, json={"code": 5, "message": f"{call} not found"})
        return httpx.Response(200, json=found)

    def asked_since(self, mark: int) -> list[str]:
        return [call for call in self.asked[mark:] if call != "POST /v1/auth/login"]
