"""What a person does in Feishu, done through the tenant's own open API with an app's token, as that person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reconciler.sandbox.page.upstream import Json, Upstream, UpstreamSaysNoError
from reconciler.sandbox.seed import FeishuSeed

_APPROVAL = "/open-apis/approval/v4"
_LOCALES = ("zh-CN", "en-US")
_TOKEN_CODES = {99991661, 99991663}
_STATES = {"0": "", "1": "PENDING", "2": "APPROVED", "3": "REJECTED", "4": "CANCELED", "5": "DELETED"}

Topic = Literal["1", "2", "3"]
"""A person's list: 1 to do, 2 done, 3 started by them."""


@dataclass(frozen=True, slots=True)
class FeishuPerson:
    """Somebody of the tenant, or the app's bot, as the app names them."""

    key: str
    name: str
    open_id: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a person's list."""

    code: str
    title: str
    definition: str
    state: str
    initiator: str


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a request, in both languages."""

    labels: tuple[str, ...]
    values: tuple[str, ...]
    long: bool


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One approver's turn."""

    task_id: str
    open_id: str
    person: str
    node: str
    status: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of the timeline, or a comment; `time` is milliseconds since 1970."""

    kind: str
    person: str
    text: str
    time: int


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One instance as a person sees it."""

    code: str
    definition_code: str
    names: tuple[str, ...]
    state: str
    submitter: str
    submitter_id: str
    started: int
    fields: tuple[FormField, ...]
    tasks: tuple[TaskLine, ...]
    happened: tuple[Happened, ...]

    def turn_of(self, open_id: str) -> TaskLine | None:
        """The task this person may decide now."""
        return next((task for task in self.tasks if task.open_id == open_id and task.status == "PENDING"), None)


class FeishuDesk:
    """Reads and acts with the token of the seed's first app."""

    def __init__(self, upstream: Upstream, seed: FeishuSeed) -> None:
        self._upstream = upstream
        self._seed = seed
        self._token: str | None = None

    async def people(self) -> list[FeishuPerson]:
        """Everyone the app can see, and its bot."""
        if not self._seed.apps:
            return []
        names = {user.email.lower(): user.name or user.email for user in self._seed.users}
        found: list[FeishuPerson] = []
        emails = list(names)
        for start in range(0, len(emails), 50):
            body: Json = {"emails": emails[start : start + 50], "include_resigned": True}
            answer = await self._call(
                "POST", "/open-apis/contact/v3/users/batch_get_id", {"user_id_type": "open_id"}, body
            )
            for item in answer["data"].get("user_list", []):
                email, open_id = str(item.get("email", "")).lower(), item.get("user_id")
                if open_id:
                    found.append(FeishuPerson(email, names.get(email, email), open_id))
        if self._seed.apps[0].bot:
            answer = await self._call("GET", "/open-apis/bot/v3/info")
            bot = answer["bot"]
            found.append(FeishuPerson("bot", f"{bot.get('app_name') or 'Bot'} (bot)", bot["open_id"]))
        return found

    async def rows(self, person: FeishuPerson, topic: Topic) -> list[Row]:
        """A person's list, newest first as the upstream orders it."""
        query = {"user_id": person.open_id, "topic": topic, "user_id_type": "open_id", "page_size": "200"}
        rows: list[Row] = []
        while True:
            data = (await self._call("GET", f"{_APPROVAL}/tasks/query", query))["data"]
            rows += [_row(task) for task in data.get("tasks", [])]
            if not data.get("has_more") or not data.get("page_token"):
                return rows
            query["page_token"] = data["page_token"]

    async def request(self, code: str, viewer: FeishuPerson, names: Mapping[str, str]) -> ApprovalRequest:
        """One instance in both languages, with its comments; `names` says who an open id is."""
        path = f"{_APPROVAL}/instances/{code}"
        read = [(await self._call("GET", path, {"locale": locale}))["data"] for locale in _LOCALES]
        english = read[-1]
        query = {"user_id": viewer.open_id, "user_id_type": "open_id", "page_size": "1000"}
        comments = (await self._call("GET", f"{path}/comments", query))["data"].get("comments", [])
        happened = [
            Happened(
                entry["type"],
                names.get(entry.get("open_id", ""), entry.get("open_id", "")),
                entry.get("comment", ""),
                int(entry["create_time"]),
            )
            for entry in english.get("timeline", [])
        ]
        happened += [
            Happened(
                "COMMENT",
                names.get(item.get("commentator", ""), item.get("commentator", "")),
                _comment_text(item.get("content", "")),
                int(item["create_time"]),
            )
            for item in comments
            if not item.get("is_delete")
        ]
        submitter = english.get("open_id", "")
        return ApprovalRequest(
            code=english["instance_code"],
            definition_code=english["approval_code"],
            names=_both([item.get("approval_name", "") for item in read]),
            state="REVERTED" if english.get("reverted") else english["status"],
            submitter=names.get(submitter, submitter),
            submitter_id=submitter,
            started=int(english["start_time"]),
            fields=_fields([json.loads(item["form"]) for item in read]),
            tasks=tuple(_task(task, names) for task in english.get("task_list", [])),
            happened=tuple(sorted(happened, key=lambda item: item.time)),
        )

    async def decide(
        self, act: Literal["approve", "reject"], request: ApprovalRequest, person: FeishuPerson, comment: str
    ) -> None:
        """Approve or reject the person's own pending task."""
        await self._task(act, request, person, {"comment": comment} if comment else {})

    async def transfer(self, request: ApprovalRequest, person: FeishuPerson, to: FeishuPerson, comment: str) -> None:
        """Hand the person's pending task to somebody else."""
        extra: Json = {"transfer_user_id": to.open_id}
        await self._task("transfer", request, person, {**extra, "comment": comment} if comment else extra)

    async def withdraw(self, request: ApprovalRequest, person: FeishuPerson) -> None:
        """Withdraw a request as its submitter."""
        body: Json = {
            "approval_code": request.definition_code,
            "instance_code": request.code,
            "user_id": person.open_id,
        }
        await self._call("POST", f"{_APPROVAL}/instances/cancel", {"user_id_type": "open_id"}, body)

    async def comment(self, request: ApprovalRequest, person: FeishuPerson, text: str) -> None:
        """Say something under a request."""
        query = {"user_id_type": "open_id", "user_id": person.open_id}
        body: Json = {"content": json.dumps({"text": text, "files": []}, ensure_ascii=False)}
        await self._call("POST", f"{_APPROVAL}/instances/{request.code}/comments", query, body)

    async def _task(self, act: str, request: ApprovalRequest, person: FeishuPerson, extra: Json) -> None:
        turn = request.turn_of(person.open_id)
        if turn is None:
            raise UpstreamSaysNoError(f"{person.name} has nothing to decide here", status=409, code=None)
        body: Json = {
            "approval_code": request.definition_code,
            "instance_code": request.code,
            "user_id": person.open_id,
            "task_id": turn.task_id,
            **extra,
        }
        await self._call("POST", f"{_APPROVAL}/tasks/{act}", {"user_id_type": "open_id"}, body)

    async def _call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        if not self._seed.apps:
            raise UpstreamSaysNoError("the seed has no Feishu app to act through", status=404, code=None)
        if self._token is None:
            self._token = await self._new_token()
        try:
            return await self._upstream.call(method, path, token=self._token, query=query, body=body)
        except UpstreamSaysNoError as refusal:
            if refusal.code not in _TOKEN_CODES:
                raise
        self._token = await self._new_token()
        return await self._upstream.call(method, path, token=self._token, query=query, body=body)

    async def _new_token(self) -> str:
        app = self._seed.apps[0]
        answer = await self._upstream.call(
            "POST",
            "/open-apis/auth/v3/tenant_access_token/internal",
            body={"app_id": app.id, "app_secret": app.secret},
        )
        return str(answer["tenant_access_token"])


def _row(task: Json) -> Row:
    return Row(
        code=task.get("process_code", ""),
        title=task.get("title") or task.get("definition_name", ""),
        definition=task.get("definition_name", ""),
        state=_STATES.get(str(task.get("process_status", "")), ""),
        initiator=", ".join(task.get("initiator_names", [])),
    )


def _task(task: Json, names: Mapping[str, str]) -> TaskLine:
    open_id = task.get("open_id", "")
    return TaskLine(
        task_id=task["id"],
        open_id=open_id,
        person=names.get(open_id, open_id),
        node=task.get("node_name", ""),
        status=task["status"],
    )


def _fields(forms: list[list[Json]]) -> tuple[FormField, ...]:
    fields: list[FormField] = []
    for widgets in zip(*forms, strict=True):
        values = [_value_text(widget.get("value")) for widget in widgets]
        fields.append(
            FormField(
                labels=_both([str(widget.get("name", "")) for widget in widgets]),
                values=_both(values),
                long=widgets[0].get("type") == "textarea" or "\n" in values[0],
            )
        )
    return tuple(fields)


def _value_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _both(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _comment_text(content: str) -> str:
    try:
        read = json.loads(content)
    except ValueError:
        return content
    return str(read.get("text", content)) if isinstance(read, dict) else content
