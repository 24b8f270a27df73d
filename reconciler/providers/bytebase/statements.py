"""The SQL behind a stage's tasks: sheets and the files of releases, identical ones once."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.observing import parts_of
from reconciler.subjects.change import Question, Statement, Task

WHOLE_STAGE = 32 * 1024 * 1024
"""Characters of SQL kept whole for one stage; of statements beyond it only the first SHORT ones."""
SHORT = 64 * 1024


class StatementReader:
    """Reads what tasks will run."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def read(self, question: Question) -> Sequence[Statement]:
        """Each distinct sheet once, in order of the first task that runs it, releases in the order of their files."""
        tasks_of: dict[str, list[str]] = {}
        for task in question.tasks:
            for sheet in await self._sheets(task):
                tasks_of.setdefault(sheet, []).append(task.name)
        statements, kept = [], 0
        for sheet, tasks in tasks_of.items():
            statement = await self._statement(sheet, tuple(tasks))
            if kept + len(statement.text) > WHOLE_STAGE:
                statement = Statement(statement.text[:SHORT], statement.size, statement.tasks, is_complete=False)
            kept += len(statement.text)
            statements.append(statement)
        return statements

    async def _sheets(self, task: Task) -> Sequence[str]:
        if task.sheet is not None:
            return [task.sheet]
        if task.release is None:
            return []
        async with parts_of(task.name):
            release = await self._client.plans.release(task.release)
        return [file.sheet for file in release.files if file.sheet]

    async def _statement(self, name: str, tasks: tuple[str, ...]) -> Statement:
        async with parts_of(tasks[0]):
            sheet = await self._client.plans.sheet(name)
        raw = sheet.raw
        is_complete = len(raw) >= sheet.content_size
        text = raw.decode("utf-8", "replace")
        if not is_complete:
            text = text.rstrip("\ufffd")
        return Statement(text, max(sheet.content_size, len(raw)), tasks, is_complete)
