"""What a person does in Bytebase, done through its own REST API, signed in with the seed's password."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.sandbox.page.upstream import Json, Upstream, UpstreamSaysNoError
from reconciler.sandbox.seed import BytebaseSeed

_DONE = {"DONE", "SKIPPED"}
_RUNNABLE = {"NOT_STARTED", "FAILED", "CANCELED"}


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a stage; `detail` is the newest run's message."""

    name: str
    target: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage; `frontier` is the first that is not finished."""

    name: str
    title: str
    tasks: tuple[TaskView, ...]
    frontier: bool

    @property
    def state(self) -> str:
        """One word for the stage: done, running, failed or waiting."""
        found = {task.status for task in self.tasks}
        if found <= _DONE:
            return "done"
        if found & {"PENDING", "RUNNING"}:
            return "running"
        return "failed" if "FAILED" in found else "waiting"

    @property
    def runnable(self) -> tuple[str, ...]:
        """Names of the tasks that can be run or skipped."""
        return tuple(task.name for task in self.tasks if task.status in _RUNNABLE)


@dataclass(frozen=True, slots=True)
class Remark:
    """One comment or event of an issue."""

    person: str
    text: str
    time: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A plan with its issue and rollout, as far as the person may see them."""

    name: str
    title: str
    state: str
    creator: str
    issue: str
    issue_status: str
    approval_status: str
    flow: tuple[tuple[str, str], ...]
    sql: tuple[tuple[str, str], ...]
    targets: tuple[str, ...]
    stages: tuple[StageView, ...]
    remarks: tuple[Remark, ...]

    @property
    def number(self) -> str:
        """The issue's number, or the plan's."""
        return (self.issue or self.name).rpartition("/")[2]

    @property
    def plan_id(self) -> str:
        """The plan's own number."""
        return self.name.rpartition("/")[2]


class BytebaseDesk:
    """Acts as any of the seed's people; a token is kept per person until it is refused."""

    def __init__(self, upstream: Upstream, seed: BytebaseSeed) -> None:
        self._upstream = upstream
        self._passwords = {user.email: user.password for user in seed.users}
        self._passwords |= {account.email: account.key for account in seed.service_accounts}
        self._tokens: dict[str, str] = {}

    async def call(
        self, person: str, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        """One call as `person`; signs in again once when the token is refused."""
        if person not in self._tokens:
            self._tokens[person] = await self._sign_in(person)
        try:
            return await self._upstream.call(method, path, token=self._tokens[person], query=query, body=body)
        except UpstreamSaysNoError as refusal:
            if refusal.status != 401:
                raise
        self._tokens[person] = await self._sign_in(person)
        return await self._upstream.call(method, path, token=self._tokens[person], query=query, body=body)

    async def _sign_in(self, person: str) -> str:
        body: Json = {"email": person, "password": self._passwords.get(person, "")}
        return str((await self._upstream.call("POST", "/v1/auth/login", body=body))["token"])

    async def changes(self, person: str, project: str) -> list[Json]:
        """The newest hundred active plans of a project, with their stage summaries, as the upstream lists them."""
        query = {"filter": 'state == "ACTIVE"', "page_size": "100"}
        plans = (await self.call(person, "GET", f"/v1/projects/{project}/plans", query=query)).get("plans", [])
        return [plan for plan in plans if isinstance(plan, dict)]

    async def change(self, person: str, name: str) -> ChangeView:
        """One plan with everything around it; what is not there yet is empty."""
        plan = await self.call(person, "GET", f"/v1/{name}")
        issue = await self._maybe(person, f"/v1/{plan['issue']}") if plan.get("issue") else {}
        rollout = await self._maybe(person, f"/v1/{name}/rollout") if plan.get("hasRollout") else {}
        runs = await self._maybe(person, f"/v1/{name}/rollout/stages/-/tasks/-/taskRuns") if rollout else {}
        details = {run["name"].rpartition("/taskRuns/")[0]: run.get("detail", "") for run in runs.get("taskRuns", [])}
        remarks: Json = {}
        if issue:
            remarks = await self._maybe(person, f"/v1/{issue['name']}/issueComments", {"page_size": "1000"})
        specs = [spec.get("changeDatabaseConfig", {}) for spec in plan.get("specs", [])]
        sheets = [(spec["sheet"], await self._sheet(person, spec["sheet"])) for spec in specs if spec.get("sheet")]
        roles = issue.get("approvalTemplate", {}).get("flow", {}).get("roles", [])
        approvers = issue.get("approvers", [])
        return ChangeView(
            name=name,
            title=issue.get("title") or plan.get("title", ""),
            state=plan.get("state", ""),
            creator=_email(plan.get("creator", "")),
            issue=issue.get("name", ""),
            issue_status=issue.get("status", ""),
            approval_status=issue.get("approvalStatus", ""),
            flow=tuple(
                (
                    role.removeprefix("roles/"),
                    f"{approvers[step]['status'].lower()} by {_email(approvers[step]['principal'])}"
                    if step < len(approvers)
                    else "",
                )
                for step, role in enumerate(roles)
            ),
            sql=tuple(dict(sheets).items()),
            targets=tuple(target for spec in specs for target in spec.get("targets", [])),
            stages=_stages(rollout, details),
            remarks=tuple(_remark(item) for item in remarks.get("issueComments", [])),
        )

    async def create_change(self, person: str, *, project: str, title: str, sql: str, targets: list[str]) -> str:
        """A sheet, a plan and an issue, as the web client makes them; the plan's name."""
        spec = {"targets": targets, "sheet": await self._new_sheet(person, project, sql)}
        body: Json = {"title": title, "specs": [{"id": str(uuid.uuid4()), "changeDatabaseConfig": spec}]}
        plan = await self.call(person, "POST", f"/v1/projects/{project}/plans", body=body)
        issue: Json = {"type": "DATABASE_CHANGE", "title": title, "description": "", "plan": plan["name"]}
        await self.call(person, "POST", f"/v1/projects/{project}/issues", body=issue)
        return str(plan["name"])

    async def edit_sql(self, person: str, name: str, sql: str) -> None:
        """Point every spec of a plan to a new sheet with this text."""
        plan = await self.call(person, "GET", f"/v1/{name}")
        sheet = await self._new_sheet(person, name.split("/")[1], sql)
        for spec in plan.get("specs", []):
            if "changeDatabaseConfig" in spec:
                spec["changeDatabaseConfig"]["sheet"] = sheet
        body: Json = {"name": name, "specs": plan.get("specs", [])}
        await self.call(person, "PATCH", f"/v1/{name}", query={"update_mask": "specs"}, body=body)

    async def run_stage(self, person: str, stage: str, tasks: list[str]) -> None:
        """Run these tasks of a stage in one call."""
        await self.call(person, "POST", f"/v1/{stage}/tasks:batchRun", body={"tasks": tasks})

    async def skip_stage(self, person: str, stage: str, tasks: list[str], reason: str) -> None:
        """Skip these tasks for good."""
        await self.call(person, "POST", f"/v1/{stage}/tasks:batchSkip", body={"tasks": tasks, "reason": reason})

    async def review(self, person: str, issue: str, act: str, comment: str) -> None:
        """`approve`, `reject` or `request` (ask again) an issue."""
        await self.call(person, "POST", f"/v1/{issue}:{act}", body={"comment": comment})

    async def comment(self, person: str, issue: str, text: str) -> None:
        """Say something under an issue."""
        await self.call(person, "POST", f"/v1/{issue}:comment", body={"comment": text})

    async def set_status(self, person: str, issue: str, status: str, reason: str) -> None:
        """Close or reopen an issue."""
        path = f"/v1/{issue.rpartition('/')[0]}:batchUpdateStatus"
        await self.call(person, "POST", path, body={"issues": [issue], "status": status, "reason": reason})

    async def bindings(self, person: str, project: str) -> list[Json]:
        """The role bindings of a project."""
        policy = await self.call(person, "GET", f"/v1/projects/{project}:getIamPolicy")
        return list(policy.get("bindings", []))

    async def set_role(self, person: str, project: str, *, role: str, member: str, held: bool) -> None:
        """Give an unconditional project role to a member, or take it away, by read, change and write with the etag."""
        policy = await self.call(person, "GET", f"/v1/projects/{project}:getIamPolicy")
        bindings: list[Json] = []
        for binding in policy.get("bindings", []):
            kept = [item for item in binding.get("members", []) if binding["role"] != role or item != member]
            if kept:
                bindings.append({"role": binding["role"], "members": kept, "condition": binding.get("condition", {})})
        if held:
            bindings.append({"role": role, "members": [member]})
        body: Json = {"policy": {"bindings": bindings}, "etag": policy.get("etag", "")}
        await self.call(person, "POST", f"/v1/projects/{project}:setIamPolicy", body=body)

    async def rollout_policy(self, person: str, environment: str) -> Json:
        """Who may run stages of an environment."""
        answer = await self.call(person, "GET", f"/v1/environments/{environment}/policies/rollout_policy")
        return dict(answer.get("rolloutPolicy", {}))

    async def set_rollout_policy(self, person: str, environment: str, *, automatic: bool, roles: list[str]) -> None:
        """Write an environment's rollout policy."""
        name = f"environments/{environment}/policies/rollout_policy"
        query = {"update_mask": "rollout_policy", "allow_missing": "true"}
        policy = {"automatic": automatic, "roles": roles}
        body: Json = {"name": name, "type": "ROLLOUT_POLICY", "rolloutPolicy": policy}
        await self.call(person, "PATCH", f"/v1/{name}", query=query, body=body)

    async def _maybe(self, person: str, path: str, query: Mapping[str, str] | None = None) -> Json:
        try:
            return await self.call(person, "GET", path, query=query)
        except UpstreamSaysNoError as refusal:
            if refusal.status in {403, 404}:
                return {}
            raise

    async def _sheet(self, person: str, name: str) -> str:
        sheet = await self._maybe(person, f"/v1/{name}")
        return base64.b64decode(sheet.get("content", "")).decode("utf-8", "replace")

    async def _new_sheet(self, person: str, project: str, sql: str) -> str:
        body: Json = {"content": base64.b64encode(sql.encode()).decode()}
        return str((await self.call(person, "POST", f"/v1/projects/{project}/sheets", body=body))["name"])


def _stages(rollout: Json, details: Mapping[str, str]) -> tuple[StageView, ...]:
    stages: list[StageView] = []
    for stage in rollout.get("stages", []):
        tasks = tuple(
            TaskView(task["name"], task.get("target", ""), task["status"], details.get(task["name"], ""))
            for task in stage.get("tasks", [])
        )
        finished = all(task.status in _DONE for task in tasks)
        frontier = not finished and not any(earlier.frontier for earlier in stages)
        stages.append(StageView(stage["name"], stage["environment"].rpartition("/")[2], tasks, frontier))
    return tuple(stages)


def _remark(item: Json) -> Remark:
    text = item.get("comment", "")
    if "approval" in item:
        text = f"{item['approval'].get('status', '').lower()} {text}".strip()
    elif "issueUpdate" in item:
        change = item["issueUpdate"]
        text = f"{change.get('fromStatus', '')} → {change.get('toStatus', '')} {text}".strip()
    elif "planUpdate" in item:
        text = "edited the change"
    elif "reviewSubmission" in item:
        text = "submitted for review"
    return Remark(_email(item.get("creator", "")), text, item.get("createTime", ""))


def _email(name: str) -> str:
    return name.removeprefix("users/")
