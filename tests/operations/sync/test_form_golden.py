"""The form as an approver reads it, in both languages: one file per case under tests/golden/forms.

After a wanted change of the texts: `PYTEST_ACCEPT_FORMS=1 pytest tests/operations/sync/test_form_golden.py`, then read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.gate_facts import ALICE, BOB, CHANGE, FIRST, PROD, change, stage, task

from reconciler.subjects.change import CheckFinding, Checks, CheckStatus, Statement, TaskStatus
from reconciler.sync.fingerprint import digest_text
from reconciler.sync.form import LOCALES, FormFacts, render_form, render_title

GOLDEN = Path(__file__).parents[2] / "golden" / "forms"
DIGEST = digest_text("0123456789abcdef" * 4, "acme", PROD, 0)
ADD = "ALTER TABLE orders ADD COLUMN note text;"
INDEX = "CREATE INDEX CONCURRENTLY orders_note ON orders (note);"
WHOLE = PROD + "/tasks/{}"


def statement(text: str, *numbers: int, **about) -> Statement:
    return Statement(text, len(text.encode()), tuple(WHOLE.format(number) for number in numbers), **about)


def facts(statements, *, tasks=2, of=CHANGE, second=None) -> FormFacts:
    made = second or stage(*(task(number) for number in range(1, tasks + 1)))
    return FormFacts(replace(of, stages=(FIRST, made)), made, statements, DIGEST)


CHECKED = change(
    issue=replace(CHANGE.issue, risk="HIGH"),
    checks=Checks(
        CheckStatus.WARNING,
        findings=(
            CheckFinding(CheckStatus.WARNING, "", "column.no-null", 'Column "note" in "orders" may be NULL'),
            CheckFinding(CheckStatus.ERROR, "", "Syntax error", "line 1"),
        ),
        statement_types=("ALTER_TABLE", "CREATE_INDEX"),
        affected_rows=120_000,
    ),
)
PIPELINE = change(
    plan="projects/demo/plans/7",
    issue=None,
    title="release 2026.11",
    creator="gitops@service.bytebase.com",
    project_title="",
    checks=Checks(CheckStatus.NONE),
)
MIXED = stage(
    task(1, status=TaskStatus.DONE), task(2, status=TaskStatus.FAILED), task(3), task(4, status=TaskStatus.SKIPPED)
)
LONG = "\n".join(f"UPDATE orders SET note = 'note {number}' WHERE id = {number};" for number in range(1, 301))
HOSTILE = change(
    issue=replace(CHANGE.issue, title='@i18n@title <at id="all"></at> \u202egpj.exe\r\n# not a heading'),
    project_title="De\x00mo",
)

CASES = {
    "every-task": facts([statement(ADD, 1, 2)]),
    "one-task-without-a-statement": facts([statement(ADD, 1, 3)], tasks=3),
    "several": facts([statement(ADD, 1, 3), statement(INDEX, 2)], tasks=3),
    "more-than-five": facts([statement(f"SELECT {number};", number) for number in range(1, 9)], tasks=8),
    "long": facts([statement(LONG, 1), statement(ADD, 2)]),
    "cut-by-the-server": facts([statement(ADD, 1, 2, is_complete=False)]),
    "checks-and-risk": facts([statement(ADD, 1, 2)], of=CHECKED),
    "without-an-issue": facts([statement(ADD, 1), statement(INDEX, 1)], tasks=1, of=PIPELINE),
    "partly-done": facts([statement(ADD, 1, 2, 3, 4)], second=MIXED),
    "without-sql": facts([]),
    "hostile": facts([statement("-- @i18n@sql\r\n<at id=all></at>\u202e\x1b[2J;\r\nDROP TABLE x;", 1, 2)], of=HOSTILE),
    "two-requesters": facts([statement(ADD, 1, 2)], of=change(issue=replace(CHANGE.issue, creator=BOB))),
}


def shown(made: FormFacts, locale: str) -> str:
    fields = (render_title(made), *render_form(made))
    return "".join(f"[{each.id}]\n{each.text(locale)}\n\n" for each in fields)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("case", CASES)
def test_a_form_reads_as_its_golden_file(case, locale):
    path, text = GOLDEN / f"{case}.{locale}.txt", shown(CASES[case], locale)
    if os.environ.get("PYTEST_ACCEPT_FORMS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == {f"{case}.{locale}.txt" for case in CASES for locale in LOCALES}


def test_the_same_facts_give_the_same_form():
    for made in CASES.values():
        assert render_form(made) == render_form(made)
        assert render_title(made) == render_title(made)


def text_of(case: str, field: str, locale: str = "en-US") -> str:
    return {each.id: each.text(locale) for each in render_form(CASES[case])}[field]


def test_n_31_n_32_one_statement_of_all_tasks_is_shown_once():
    sql = text_of("every-task", "sql")
    assert "The SQL statement of every task (1 statement(s), 40 bytes)" in sql
    assert sql.count(ADD) == 1
    assert "The SQL statement of task 1,3" in text_of("one-task-without-a-statement", "sql")


def test_n_33_several_statements_are_headed_by_the_numbers_of_the_task_list():
    lines = text_of("several", "sql").split("\n")
    rules = [number for number, line in enumerate(lines) if line == "=" * 25]
    assert [lines[number + 1].split(" (")[0] for number in rules[::2]] == [
        "The SQL statement of task 1,3",
        "The SQL statement of task 2",
    ]


def test_n_34_at_most_five_groups_are_shown_and_the_rest_is_counted():
    sql = text_of("more-than-five", "sql")
    assert [f"SELECT {number};" in sql for number in range(1, 9)] == [True] * 5 + [False] * 3
    assert sql.endswith("Displaying 5 of 8 SQL statements, view more in Bytebase")


def test_a_long_statement_shows_head_and_tail_with_count_and_size():
    sql = text_of("long", "sql")
    assert "note 1'" in sql
    assert "note 300'" in sql
    assert f"… (300 statement(s), {len(LONG)} bytes, more in Bytebase) …" in sql
    assert ADD in sql


def test_n_28_n_29_n_30_change_link_stage_and_tasks_are_named():
    fields = [each.id for each in render_form(CASES["every-task"])]
    assert fields == ["change", "link", "stage", "requester", "tasks", "checks", "sql", "digest"]
    assert text_of("every-task", "change") == "#101 Add column"
    assert text_of("every-task", "link") == CHANGE.link
    assert text_of("every-task", "requester") == ALICE
    assert text_of("partly-done", "tasks").split("\n") == [
        'Stage "Prod" has 4 task(s).',
        "1. [DONE] inst-prod / app1",
        "2. [FAILED] inst-prod / app2",
        "3. [NOT_STARTED] inst-prod / app3",
        "4. [SKIPPED] inst-prod / app4",
    ]


def test_n_35_labels_and_generated_values_are_in_both_languages():
    for field in ("stage", "tasks", "checks", "sql"):
        assert text_of("every-task", field) != text_of("every-task", field, "zh-CN")
