"""The SQL field of a form: identical statements grouped, each bounded to head and tail with its count and size."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.subjects.change import Question, Statement
from reconciler.sync.foreign import bounded, visible

MOST_GROUPS = 5
RULE = "=" * 25
SHORTEST_BODY = 60
"""Characters of a statement that are shown in any case."""
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<end>;)
    |(?P<text>'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)
        |\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
        |[^-/;'"`$]+|.)""",
    re.DOTALL | re.VERBOSE,
)


def sql_text(question: Question, statements: Sequence[Statement], limit: int, *, chinese: bool) -> str:
    """The SQL of the tasks asked about, at most `limit` characters; tasks are numbered as in the task list."""
    numbers = {task.name: number for number, task in enumerate(question.tasks, 1)}
    groups = [statement for statement in statements if statement.text.strip() or not statement.is_complete]
    if not groups:
        return "没有 SQL 语句" if chinese else "No SQL statement"
    shown = groups[:MOST_GROUPS]
    headings = [_heading(group, numbers, alone=len(groups) == 1, chinese=chinese) for group in shown]
    closing = []
    if len(groups) > len(shown):
        closing.append(
            f"仅显示 {len(groups)} 个 SQL 语句中的 {len(shown)} 个,详见 Bytebase"
            if chinese
            else f"Displaying {len(shown)} of {len(groups)} SQL statements, view more in Bytebase"
        )
    # Headings and the closing line are paid for first, so that every shown group keeps its head and tail.
    paid = sum(len(line) + 2 for line in (*headings, *closing))
    room = max((limit - paid) // len(shown), SHORTEST_BODY)
    blocks = [
        f"{heading}\n{_body(group, room, chinese=chinese)}" for heading, group in zip(headings, shown, strict=True)
    ]
    return bounded(
        "\n".join([*blocks, *closing]), limit, note="…(详见 Bytebase)…" if chinese else "… (more in Bytebase) …"
    )


def _heading(statement: Statement, numbers: dict[str, int], *, alone: bool, chinese: bool) -> str:
    who = sorted(numbers[name] for name in statement.tasks if name in numbers)
    if alone and len(who) == len(numbers):
        text = "所有任务的 SQL 语句" if chinese else "The SQL statement of every task"
    else:
        text = f"任务 {_numbers(who)} 的 SQL 语句" if chinese else f"The SQL statement of task {_numbers(who)}"
    return f"{RULE}\n{text} ({_size(statement, chinese=chinese)})\n{RULE}"


def _body(statement: Statement, room: int, *, chinese: bool) -> str:
    text = visible(statement.text)
    size = _size(statement, chinese=chinese)
    note = f"…({size},详见 Bytebase)…" if chinese else f"… ({size}, more in Bytebase) …"
    if not statement.is_complete and len(text) <= room:
        text = f"{text}\n{note}"
    return bounded(text, room, note=note)


def _size(statement: Statement, *, chinese: bool) -> str:
    count = count_statements(statement.text)
    if chinese:
        return f"{'' if statement.is_complete else '至少 '}{count} 条语句,{statement.size} 字节"
    return f"{'' if statement.is_complete else 'at least '}{count} statement(s), {statement.size} bytes"


def _numbers(numbers: list[int]) -> str:
    shown = ",".join(str(number) for number in numbers[:12])
    return shown if len(numbers) <= 12 else f"{shown},… ({len(numbers)})"


def count_statements(sql: str) -> int:
    """How many statements a text holds, by its semicolons outside quotes and comments; a guide for people, no parser."""
    count, pending = 0, False
    for found in _TOKEN.finditer(sql):
        if found.lastgroup == "end":
            count += pending
            pending = False
        elif found.lastgroup == "text" and not found.group().isspace():
            pending = True
    return count + pending
