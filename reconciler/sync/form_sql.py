"""The SQL field of a form: identical statements grouped, each bounded to head and tail with its count and size."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.subjects.change import Stage, Statement
from reconciler.sync.foreign import bounded, visible

MOST_GROUPS = 5
RULE = "=" * 25


def sql_text(stage: Stage, statements: Sequence[Statement], limit: int, *, chinese: bool) -> str:
    """The SQL of a stage's tasks, at most `limit` characters; tasks are numbered as in the task list."""
    numbers = {task.name: number for number, task in enumerate(stage.tasks, 1)}
    groups = [statement for statement in statements if statement.text.strip() or not statement.is_complete]
    if not groups:
        return "没有 SQL 语句" if chinese else "No SQL statement"
    shown = groups[:MOST_GROUPS]
    # Headings and the closing line are paid for first, so that every shown group keeps its head and tail.
    room = max((limit - 120) // len(shown) - 2 * len(RULE) - 90, 60)
    blocks = [
        _block(group, numbers, len(stage.tasks), room, alone=len(groups) == 1, chinese=chinese) for group in shown
    ]
    if len(groups) > len(shown):
        blocks.append(
            f"仅显示 {len(groups)} 个 SQL 语句中的 {len(shown)} 个,详见 Bytebase"
            if chinese
            else f"Displaying {len(shown)} of {len(groups)} SQL statements, view more in Bytebase"
        )
    note = "…(详见 Bytebase)…" if chinese else "… (more in Bytebase) …"
    return bounded("\n".join(blocks), limit, note=note)


def _block(statement: Statement, numbers: dict[str, int], count: int, room: int, *, alone: bool, chinese: bool) -> str:
    who = sorted(numbers[name] for name in statement.tasks if name in numbers)
    listed = _numbers(who)
    if alone and len(who) == count:
        heading = "所有任务的 SQL 语句" if chinese else "The SQL statement of every task"
    else:
        heading = f"任务 {listed} 的 SQL 语句" if chinese else f"The SQL statement of task {listed}"
    text = visible(statement.text)
    size = f"{count_statements(statement.text)} statement(s), {statement.size} bytes"
    if chinese:
        size = f"{count_statements(statement.text)} 条语句,{statement.size} 字节"
    note = f"… ({size}, more in Bytebase) …" if not chinese else f"…({size},详见 Bytebase)…"
    body = bounded(text, room, note=note)
    if not statement.is_complete and body == text:
        body = bounded(f"{text}\n{note}", room, note=note)
    return f"{RULE}\n{heading} ({size})\n{RULE}\n{body}"


def _numbers(numbers: list[int]) -> str:
    shown = ",".join(str(number) for number in numbers[:12])
    return shown if len(numbers) <= 12 else f"{shown},… ({len(numbers)})"


def count_statements(sql: str) -> int:
    """How many statements a text holds, by its semicolons outside quotes and comments; a guide for people, no parser."""
    count, pending, quote, index = 0, False, "", 0
    while index < len(sql):
        pair, character = sql[index : index + 2], sql[index]
        if quote:
            if sql.startswith(quote, index):
                index += len(quote) - 1
                quote = ""
        elif pair in ("--", "/*"):
            quote = "\n" if pair == "--" else "*/"
            index += 1
        elif character in "'\"`":
            quote, pending = character, True
        elif character == ";":
            count += pending
            pending = False
        elif not character.isspace():
            pending = True
        index += 1
    return count + pending
