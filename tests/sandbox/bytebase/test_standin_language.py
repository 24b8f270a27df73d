"""The small languages the stand-in reads: CEL conditions and, from afar, SQL (facts §1.4, §7.2)."""

from __future__ import annotations

import pytest

from reconciler.sandbox.bytebase.cel import CelError, conjunction, parse
from reconciler.sandbox.bytebase.cel_values import check, evaluate
from reconciler.sandbox.bytebase.sql import inserted_rows, missing_tables, risk_level, statement_types, tables

NAMES = {"a.b": "prod", "n": 5, "flag": True, "labels": ["x", "y"]}
TYPES = {"a.b": "string", "n": "int", "flag": "bool", "labels": "list"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a.b == "prod" && n >= 5', True),
        ("a.b == 'prod' || nope", True),
        ("nope || a.b == 'prod'", True),
        ("nope && n == 6", False),
        ('a.b in ["test", "prod"]', True),
        ('"x" in labels && !("z" in labels)', True),
        ('labels.exists(each, each == "y")', True),
        ('labels.all(each, each == "y")', False),
        ("size(labels) == 2 && labels.size() == 2 && a.b.size() == 4", True),
        ('a.b.startsWith("pr") && a.b.endsWith("od") && a.b.contains("ro") && a.b.matches("^p.*d$")', True),
        ("n + 2 * 3 == 11 && (n + 2) * 3 == 21 && n / 2 == 2 && n % 2 == 1 && -n == 0 - 5", True),
        ('flag ? a.b : "other"', "prod"),
        (r'"say \"hi\"\n"', 'say "hi"\n'),
        ("[1, 2.5, true]", [1, 2.5, True]),
    ],
)
def test_expressions_have_the_value_that_cel_gives_them(text, value):
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    "text", ["nope", "nope && n == 5", 'n > "x"', "n / 0", "a.b()", "labels.exists(1, 2)", "!nope"]
)
def test_expressions_without_a_value_say_so(text):
    with pytest.raises(CelError):
        evaluate(text, NAMES)


@pytest.mark.parametrize("text", ["", "a ==", "a b", "(a", "[a", "f(a", "a..b", '"open', "a ? b", "1.x", "(" * 5000])
def test_broken_expressions_are_refused_and_never_crash(text):
    with pytest.raises(CelError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('a.b == "x" && n > 1 || !flag', "bool"),
        ('labels.exists(each, each == "x")', "bool"),
        ("n + 1", "int"),
        ("size(a.b)", "int"),
        ('timestamp("2026-01-01T00:00:00Z")', "timestamp"),
        ("flag ? 1 : 2", "int"),
        ('"x" in labels', "bool"),
        ("-n", "int"),
        ("[n]", "list"),
    ],
)
def test_types_are_known_before_values(text, kind):
    assert check(parse(text), TYPES) == kind


@pytest.mark.parametrize(
    "text", ["nope", "a.nope", "a.b == 1", "n && flag", "size(n)", "n in n", 'n.contains("x")', '-"x"']
)
def test_types_that_do_not_fit_are_refused(text):
    with pytest.raises(CelError):
        check(parse(text), TYPES)


def test_a_list_filter_is_a_chain_of_and():
    assert [node.value for node in conjunction(parse('a == "x" && b == "y" && c == "z"'))] == ["=="] * 3
    with pytest.raises(CelError):
        conjunction(parse('a == "x" || b == "y"'))


@pytest.mark.parametrize(
    ("sql", "types", "risk"),
    [
        ("CREATE TABLE t(id int); SELECT 1; -- DROP TABLE t\nCREATE TABLE u(id int)", ["CREATE_TABLE"] * 2, "LOW"),
        ("create unique index i on t(id); /* drop */ comment on table t is 'x'", ["CREATE_INDEX", "COMMENT"], "LOW"),
        ("ALTER TABLE t ADD c int", ["ALTER_TABLE"], "MODERATE"),
        ("ALTER TABLE t RENAME TO u", ["RENAME"], "LOW"),
        ("INSERT INTO t VALUES (1); DELETE FROM t", ["INSERT", "DELETE"], "MODERATE"),
        ("DROP INDEX i", ["DROP_INDEX"], "MODERATE"),
        ("TRUNCATE t", ["TRUNCATE"], "HIGH"),
        ("DROP SCHEMA s; UPDATE t SET a = 1", ["DROP_SCHEMA", "UPDATE"], "HIGH"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS int AS 'x'", ["CREATE_FUNCTION"], "LOW"),
    ],
)
def test_statements_have_kinds_and_kinds_have_risk(sql, types, risk):
    assert (statement_types(sql), risk_level(types)) == (types, risk)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("INSERT INTO t VALUES (1), (2, 'a (b'), ((3))", 3),
        ("INSERT INTO t(id) SELECT 1", 0),
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", 2),
    ],
)
def test_inserted_rows_are_counted(sql, rows):
    assert inserted_rows(sql) == rows


def test_a_table_is_missing_until_something_created_it():
    alter = "ALTER TABLE IF EXISTS public.T ADD c int"

    assert missing_tables(alter, []) == ["t"]
    assert missing_tables(alter, ["CREATE TABLE t(id int)"]) == []
    assert missing_tables(alter, ["CREATE TABLE t(id int); DROP TABLE t"]) == ["t"]
    assert missing_tables(f"CREATE TABLE IF NOT EXISTS t(id int); {alter}", []) == []
    assert missing_tables("ALTER TABLE t ADD c int", []) == []
    assert tables("INSERT INTO a VALUES (1); UPDATE b SET x = 1; ALTER TABLE c ADD d int") == ["a", "b", "c"]
