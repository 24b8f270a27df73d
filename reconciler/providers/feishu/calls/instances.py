"""Calls for approval instances and their tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.endpoints import (
    APPROVE_TASK,
    CANCEL_INSTANCE,
    CREATE_INSTANCE,
    GET_INSTANCE,
    LIST_INSTANCES,
)
from reconciler.providers.feishu.wire.base import Nothing
from reconciler.providers.feishu.wire.instances import (
    CancelBody,
    CreateInstanceAnswer,
    CreateInstanceBody,
    InstanceCodes,
    ReadInstance,
    TaskBody,
)

LIST_WINDOW = timedelta(hours=10)
"""The longest span one list call may cover."""

_PAGE = "100"


class InstanceCalls:
    """Create, read, withdraw and list instances."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api

    async def create(self, body: CreateInstanceBody) -> str:
        """Create an instance and return its code. ConflictError with code 60012 or 1390012: the uuid is taken."""
        answer = await self._api.call(CREATE_INSTANCE, CreateInstanceAnswer, body=body, where=body.uuid)
        return answer.instance_code

    async def get(self, code_or_uuid: str, *, locale: str) -> ReadInstance:
        """Read an instance by its code or its uuid, texts in one language. NotFoundError when it does not exist."""
        return await self._api.call(
            GET_INSTANCE,
            ReadInstance,
            path={"instance_id": code_or_uuid},
            query=[("locale", locale), OPEN_IDS],
            where=code_or_uuid,
        )

    async def cancel(self, body: CancelBody) -> None:
        """Withdraw an instance; only its submitter's id is accepted. Never for one that may be approved (facts §3.5)."""
        await self._api.call(CANCEL_INSTANCE, Nothing, query=[OPEN_IDS], body=body, where=body.instance_code)

    async def approve(self, body: TaskBody) -> None:
        """Approve a task as its own approver."""
        await self._api.call(APPROVE_TASK, Nothing, query=[OPEN_IDS], body=body, where=body.instance_code)

    async def codes(self, definition_code: str, *, start: datetime, end: datetime) -> tuple[str, ...]:
        """Codes of the instances created in [start, end], in Feishu's order, each once; asked in windows of ten hours."""
        found: dict[str, None] = {}
        window_start = start
        while window_start < end:
            window_end = min(window_start + LIST_WINDOW, end)
            token = ""
            while True:
                page = await self._api.call(
                    LIST_INSTANCES,
                    InstanceCodes,
                    query=[
                        ("approval_code", definition_code),
                        ("start_time", _millis(window_start)),
                        ("end_time", _millis(window_end)),
                        ("page_size", _PAGE),
                        *_page(token),
                    ],
                    where=definition_code,
                )
                found.update(dict.fromkeys(page.instance_code_list))
                if not page.has_more or page.page_token in ("", token):
                    break
                token = page.page_token
            window_start = window_end
        return tuple(found)


def _millis(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _page(token: str) -> list[tuple[str, str]]:
    return [("page_token", token)] if token else []
