"""A form stays inside Feishu's limits whatever the change is, and reads back exactly as it was sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.gate_facts import CHANGE, FIRST, ISSUE, PROD, change, field, request, stage, task
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.feishu.instance_request import create_body
from reconciler.subjects.change import CheckFinding, Checks, CheckStatus, Stage, Statement
from reconciler.sync.fingerprint import digest_text
from reconciler.sync.form import FIELD_LIMIT, FORM_LIMIT, LOCALES, TITLE_LIMIT, FormFacts, render_form, render_title
from reconciler.sync.form_sql import MOST_GROUPS, count_statements, sql_text

DIGEST = digest_text("f" * 64, "acme", PROD, 0)
INSERT = "INSERT INTO t(a, b) VALUES (1, 'x;y');\n"


def facts(made: Stage, statements, **about) -> FormFacts:
    return FormFacts(change(FIRST, made, **about), made, statements, DIGEST)


def check_bounds(made: FormFacts) -> None:
    title, form = render_title(made), render_form(made)
    assert form[-1].id == "digest"
    assert form[-1].text("en-US") == made.digest
    for locale in LOCALES:
        assert 0 < len(title.text(locale)) <= TITLE_LIMIT
        assert sum(len(each.text(locale)) for each in form) <= FORM_LIMIT
        for each in (title, *form):
            text = each.text(locale)
            assert 0 < len(text) <= FIELD_LIMIT
            assert text == text.strip()
            assert "\r" not in text
            assert all(line == line.rstrip() for line in text.split("\n"))
            assert text.encode()


def test_five_hundred_tasks_with_two_hundred_sheets_and_a_statement_of_two_megabytes():
    made = stage(*(task(number) for number in range(1, 501)))
    big = INSERT * 55_000
    assert len(big) > 2_000_000
    names = [each.name for each in made.tasks]
    statements = [Statement(big, len(big), tuple(names[:1]))] + [
        Statement(INSERT * number, len(INSERT) * number, tuple(names[number::200])) for number in range(1, 200)
    ]
    whole = facts(made, statements)
    check_bounds(whole)
    texts = {each.id: each.text("en-US") for each in render_form(whole)}
    assert texts["tasks"].startswith('Stage "Prod" has 500 task(s).\n1. [NOT_STARTED]')
    assert texts["tasks"].endswith("500. [NOT_STARTED] inst-prod / app500")
    assert "characters left out" in texts["tasks"]
    assert "(55000 statement(s)" in texts["sql"]
    assert texts["sql"].endswith("Displaying 5 of 200 SQL statements, view more in Bytebase")


@pytest.mark.parametrize("chinese", [False, True])
@pytest.mark.parametrize("limit", [FIELD_LIMIT, 1_500])
def test_every_shown_group_keeps_its_head_and_its_tail(limit, chinese):
    made = stage(*(task(number) for number in range(1, 401)))
    names = [each.name for each in made.tasks]
    statements = [
        Statement(f"BEGIN_{number};" + "SELECT 1;" * 999 + f"END_{number};", 9_999_999, tuple(names[number::7]))
        for number in range(7)
    ]
    text = sql_text(made, statements, limit, chinese=chinese)
    assert len(text) <= limit
    for number in range(MOST_GROUPS):
        assert f"BEGIN_{number};" in text
        assert f"END_{number};" in text
    assert text.count("=" * 25) == 2 * MOST_GROUPS


HOSTILE = st.text(max_size=400) | st.sampled_from(
    [
        "",
        " ",
        "\r\n" * 50,
        "@i18n@" * 300,
        "<at id=all>" * 300,
        "\u202e" * 900,
        "x" * 3_000,
        "列" * 3_000,
        "\ud800",
        "{left}{0}",
    ]
)
STATEMENTS = st.lists(st.tuples(HOSTILE, st.booleans()), max_size=8)


@given(
    title=HOSTILE,
    project=HOSTILE,
    environment=HOSTILE,
    creator=HOSTILE,
    finding=HOSTILE,
    types=st.lists(HOSTILE, max_size=3),
    sqls=STATEMENTS,
    count=st.integers(1, 30),
)
def test_nothing_that_people_type_breaks_the_bounds(title, project, environment, creator, finding, types, sqls, count):
    made = replace(stage(*(task(number) for number in range(1, count + 1))), title=environment)
    statements = [
        Statement(text, len(text), (f"{PROD}/tasks/{number % count + 1}",), is_complete=whole)
        for number, (text, whole) in enumerate(sqls)
    ]
    checks = Checks(
        CheckStatus.WARNING, (CheckFinding(CheckStatus.WARNING, "", finding, finding),) * 9, tuple(types), 1
    )
    issue = replace(ISSUE, title=title, creator=creator, risk=finding)
    check_bounds(facts(made, statements, issue=issue, project_title=project, checks=checks, link=f"https://x/{title}"))


def test_the_body_that_is_sent_says_the_same_in_each_language():
    made = facts(stage(task(1), task(2)), [Statement(INSERT, len(INSERT), (f"{PROD}/tasks/1",))])
    sent = replace(request(), title=render_title(made), form=render_form(made))
    body = create_body(sent, widget_types={"sql": "textarea"})
    widgets = json.loads(body.form)
    assert [widget["id"] for widget in widgets] == [each.id for each in sent.form]
    for resource in body.i18n_resources:
        texts = {text.key: text.value for text in resource.texts}
        for widget, each in zip(widgets, sent.form, strict=True):
            assert texts.get(widget["value"], widget["value"]) == each.text(resource.locale)


def test_a_field_without_text_in_one_language_is_left_out_in_both():
    assert field("x", "", "文").text("zh-CN") == "文"
    nameless = facts(stage(task(1)), [], link="")
    assert "link" not in [each.id for each in render_form(nameless)]


def test_without_a_requester_the_form_says_so():
    form = render_form(facts(stage(task(1)), [], issue=None, creator=""))
    assert {each.id: each.texts for each in form}["requester"] == (("en-US", "unknown"), ("zh-CN", "未知"))
    assert CHANGE.creator


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("", 0),
        (" ;\n; ", 0),
        ("SELECT 1", 1),
        ("SELECT 1;", 1),
        ("a; b", 2),
        ("INSERT INTO t VALUES ('a;b'';c'); SELECT 1;", 2),
        ('SELECT ";" FROM `a;b`;', 1),
        ("-- one; two\nSELECT 1; /* three; */", 1),
        ("CREATE FUNCTION f() AS $$ BEGIN a; b; END $$; SELECT 1;", 2),
        ("DO $body$ x; $$ y; $$ $body$;", 1),
        ("SELECT $1; SELECT a-b/c;", 2),
        ("SELECT 'never closed; x", 1),
        ("/* never closed; ", 0),
    ],
)
def test_statements_are_counted_outside_quotes_and_comments(sql, count):
    assert count_statements(sql) == count
