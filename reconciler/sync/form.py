"""What an approver sees: the form of a request, in English and Chinese, bounded on every side. Pure and deterministic.

The same facts give the same texts, so a request found again after a lost ledger can be recognised by its form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.subjects.change import Change, Question, ReviewStep, Stage, Statement, Task
from reconciler.subjects.instance import DIGEST_WIDGET, FieldText
from reconciler.sync.foreign import bounded, one_line, visible
from reconciler.sync.form_sql import sql_text

TITLE_LIMIT = 100
FIELD_LIMIT = 2_000
FORM_LIMIT = 10_000
LOCALES = ("en-US", "zh-CN")


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What a form is made from; `digest` names content, subject and slot."""

    change: Change
    question: Question
    statements: Sequence[Statement]
    digest: str


def render_title(facts: FormFacts) -> FieldText:
    """`Prod · #101 Add column` or `Review · #101 Add column`, at most 100 characters, the same in every language."""
    place = facts.question.title if isinstance(facts.question, Stage) else "Review"
    text = f"{one_line(place, 30)} · {facts.change.number} {one_line(facts.change.display_title, TITLE_LIMIT)}"
    return FieldText("title", tuple((locale, one_line(text, TITLE_LIMIT)) for locale in LOCALES))


def render_form(facts: FormFacts) -> tuple[FieldText, ...]:
    """The fields in order; empty ones left out. Each at most 2,000 characters and all together at most 10,000."""
    limit = FIELD_LIMIT
    while True:
        fields = _fields(facts, limit)
        size = max(sum(len(field.text(locale)) for field in fields) for locale in LOCALES)
        if size <= FORM_LIMIT:
            return fields
        limit = limit * 3 // 4


def _fields(facts: FormFacts, limit: int) -> tuple[FieldText, ...]:
    rows = [_row(facts, locale, limit) for locale in LOCALES]
    fields = []
    for id_ in rows[0]:
        texts = tuple((locale, row[id_].strip()) for locale, row in zip(LOCALES, rows, strict=True))
        if all(text for _, text in texts):
            fields.append(FieldText(id_, texts))
    return tuple(fields)


def _row(facts: FormFacts, locale: str, limit: int) -> dict[str, str]:
    change, question = facts.change, facts.question
    chinese = locale == "zh-CN"
    return {
        "change": f"{change.number} {one_line(change.display_title, 300)}",
        "link": one_line(change.link, 1_000),
        "stage": _place(change, question, chinese=chinese),
        "requester": one_line(", ".join(sorted(change.requesters)), 300) or ("未知" if chinese else "unknown"),
        "tasks": _tasks(question, limit, chinese=chinese),
        "checks": _checks(change, limit, chinese=chinese),
        "sql": sql_text(question, facts.statements, limit, chinese=chinese),
        DIGEST_WIDGET: facts.digest,
    }


def _place(change: Change, question: Question, *, chinese: bool) -> str:
    project = one_line(change.project_title or change.project.rsplit("/", 1)[-1], 200)
    if isinstance(question, ReviewStep):
        step, steps, role = question.index + 1, len(question.flow), one_line(question.role, 200)
        if chinese:
            return f"{project} / 评审(第 {step} 步,共 {steps} 步:{role})"
        return f"{project} / review (step {step} of {steps}: {role})"
    names = [each.name for each in change.stages]
    position = names.index(question.name) + 1 if question.name in names else 1
    place = f"{project} / {one_line(question.title, 200)}"
    return f"{place}(第 {position} 个阶段,共 {len(names)} 个)" if chinese else f"{place} ({position} of {len(names)})"


def _tasks(question: Question, limit: int, *, chinese: bool) -> str:
    lines = [
        f"{number}. {_status(question, task)}{one_line(_target(task.target), 200)}"
        for number, task in enumerate(question.tasks, 1)
    ]
    head = _tasks_head(question, chinese=chinese)
    note = "…(省略 {left} 个字符,详见 Bytebase)…" if chinese else "… ({left} characters left out, more in Bytebase) …"
    return bounded("\n".join([head, *lines]), limit, note=note)


def _tasks_head(question: Question, *, chinese: bool) -> str:
    count = len(question.tasks)
    if isinstance(question, ReviewStep):
        return f"该变更共有 {count} 个任务。" if chinese else f"The change has {count} task(s)."
    title = one_line(question.title, 60)
    return f"阶段“{title}”共有 {count} 个任务。" if chinese else f'Stage "{title}" has {count} task(s).'


def _status(question: Question, task: Task) -> str:
    """Where a task stands; a review comes before there is anything to stand anywhere."""
    return f"[{task.status.value}] " if isinstance(question, Stage) else ""


def _target(name: str) -> str:
    parts = name.split("/")
    return f"{parts[1]} / {parts[3]}" if len(parts) == 4 else name


def _checks(change: Change, limit: int, *, chinese: bool) -> str:
    checks = change.checks
    words = {
        "none": ("no checks", "无检查"),
        "running": ("running", "进行中"),
        "success": ("passed", "通过"),
        "warning": ("warnings", "有警告"),
        "error": ("errors", "有错误"),
    }
    lines = [("检查:" if chinese else "Checks: ") + words[checks.status.value][chinese]]
    if change.issue is not None and change.issue.risk:
        lines.append(("风险:" if chinese else "Risk: ") + one_line(change.issue.risk, 40))
    if checks.statement_types:
        lines.append(
            ("语句类型:" if chinese else "Statement types: ") + one_line(", ".join(checks.statement_types), 300)
        )
    if checks.affected_rows is not None:
        lines.append(("影响行数:" if chinese else "Affected rows: ") + str(checks.affected_rows))
    lines += [
        f"[{finding.status.value}] {one_line(finding.title, 120)} {one_line(finding.content, 200)}".rstrip()
        for finding in checks.findings
    ]
    note = "…(省略 {left} 个字符)…" if chinese else "… ({left} characters left out) …"
    return bounded(visible("\n".join(lines)), limit, note=note)
