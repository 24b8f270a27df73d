"""The reports as people see them: golden files, an over-long plan, and text by others that must stay text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.diff import FieldChange
from reconciler.drift import Drift, DriftClass, DriftItem
from reconciler.errors import FilePosition
from reconciler.plan.change import Action, BytebaseTarget, Change, FeishuTarget, Plan, SpecFile, Target
from reconciler.plan.document import encode
from reconciler.plan.failed import FailedTarget
from reconciler.plan.outcome import Applied, Outcome, Result
from reconciler.report.annotations import plan_annotations
from reconciler.report.documents import applied_document, drift_document
from reconciler.report.markdown import BUDGET, applied_markdown, drift_markdown, plans_markdown
from reconciler.report.text import applied_text, drift_text, failed_text, plan_text
from reconciler.resources.base import Mark, Origin
from reconciler.resources.finding import Finding

GOLDEN = Path(__file__).parent / "golden"
TARGET = Target(
    "acme",
    BytebaseTarget("https://bytebase.acme.example", "acme-prod", "workspaces/w"),
    FeishuTarget("feishu", "cli_a1b2"),
)
PLAN = Plan(
    target=TARGET,
    changes=(
        Change(
            "bytebase/rolloutPolicy",
            "prod",
            Action.UPDATE,
            (
                FieldChange("automatic", True, False),
                FieldChange("roles", [], ["roles/projectReleaser"], Mark.UNORDERED),
            ),
            Origin("specs/acme.yaml", 12),
            observed="a" * 64,
        ),
        Change(
            "bytebase/im",
            "workspace",
            Action.UPDATE,
            (
                FieldChange("credentials.SLACK", "version 1", "version 2", Mark.WRITE_ONLY),
                FieldChange("types", ["SLACK", "TEAMS"], ["SLACK"], Mark.UNORDERED),
            ),
            Origin("specs/acme.yaml", 8),
            erases=("TEAMS",),
            observed="b" * 64,
        ),
        Change("bytebase/project", "demo", Action.KEEP, origin=Origin("specs/acme.yaml", 20), observed="c" * 64),
        Change(
            "feishu/definition",
            "stage-gate",
            Action.CREATE,
            (FieldChange("title.en-US", None, "Database change"),),
            Origin("specs/acme.yaml", 31),
            irreversible=True,
        ),
        Change("bytebase/webhook", "demo/old/SLACK", Action.DELETE, (FieldChange("events", [], None, Mark.UNORDERED),)),
    ),
    findings=(
        Finding("userResolves", "users", "alice@acme.example", "is found in Feishu"),
        Finding(
            "userUnresolved",
            "users",
            "bob@acme.example",
            "Feishu knows nobody",
            "correct the address",
            Origin("specs/acme.yaml", 40),
        ),
    ),
    warnings=(Finding("canBypassGate", "capability", "prod", "can run its stages: user:carol@x", "take it from them"),),
    refusals=(
        Finding(
            "undeclaredIm",
            "bytebase/im",
            "workspace",
            "writing it would erase TEAMS",
            "declare them",
            Origin("specs/acme.yaml", 8),
        ),
    ),
    specs=(SpecFile("specs/acme.yaml", "d" * 64),),
    tool_version="0.1.0",
    commit="e" * 40,
)
APPLIED = Applied(
    TARGET,
    (
        Outcome("feishu/definition", "stage-gate", Result.APPLIED, code="CODE-1"),
        Outcome("bytebase/role", "oa", Result.FAILED, "no permission bb.roles.create; grant it"),
        Outcome("bytebase/binding", "roles/oa:user:a@x:demo", Result.SKIPPED, "because of bytebase/role/oa"),
        Outcome("feishu/subscription", "stage-gate", Result.NOT_REACHED),
    ),
    ("write `code: CODE-1` into specs/acme.yaml:31",),
)
DRIFT = Drift(
    TARGET,
    (
        DriftItem(
            "bytebase/rolloutPolicy",
            "prod",
            DriftClass.DRIFTED,
            ("automatic",),
            "mallory@x",
            datetime(2026, 11, 22, 8, tzinfo=UTC),
        ),
        DriftItem(
            "bytebase/project", "demo", DriftClass.PENDING, ("requireIssueApproval",), note="nothing is recorded"
        ),
        DriftItem("bytebase/webhook", "demo/x/SLACK", DriftClass.UNMANAGED),
        DriftItem("bytebase/im", "workspace", DriftClass.UNVERIFIABLE, ("credentials.SLACK",)),
        DriftItem("feishu/definition", "old-gate", DriftClass.UNMANAGED, note="deactivate it", code="CODE-0"),
    ),
)
FAILED = FailedTarget(
    "beta",
    "unavailable",
    "Bytebase cannot be reached: connection refused, nothing listens there (GET /v1/actuator/info)",
    "bytebase.beta.example:443",
    "check the address in the spec, and that it runs",
)
REFUSED = FailedTarget("gamma", "refused", "another apply runs", FilePosition("specs/gamma.yaml", 3, 1), "wait for it")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plan.txt", plan_text(PLAN, color=False)),
        ("plan.verbose.txt", plan_text(PLAN, color=False, verbose=True)),
        ("plan.md", plans_markdown([PLAN])),
        ("plan.failed.md", plans_markdown([PLAN], [FAILED, REFUSED])),
        ("plan.failed.annotations", plan_annotations([PLAN], [FAILED, REFUSED])),
        ("apply.failed.md", applied_markdown([APPLIED], [REFUSED])),
        ("drift.failed.md", drift_markdown([DRIFT], [FAILED])),
        ("failed.txt", failed_text(FAILED, color=False) + failed_text(REFUSED, color=False)),
        ("plan.json", json.dumps(encode(PLAN), ensure_ascii=False, indent=2) + "\n"),
        ("plan.annotations", plan_annotations([PLAN])),
        ("apply.txt", applied_text(APPLIED, color=False)),
        ("apply.md", applied_markdown([APPLIED])),
        ("apply.json", json.dumps(applied_document(APPLIED), ensure_ascii=False, indent=2) + "\n"),
        ("drift.txt", drift_text(DRIFT, color=False)),
        ("drift.md", drift_markdown([DRIFT])),
        ("drift.json", json.dumps(drift_document(DRIFT), ensure_ascii=False, indent=2) + "\n"),
    ],
)
def test_a_report_is_as_it_was_agreed(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def long_plan(count: int, refusals: int = 1, size: int = 100) -> Plan:
    rows = tuple(FieldChange(f"field{n}", "x" * size, "y" * size) for n in range(10))
    changes = tuple(
        Change("bytebase/webhook", f"demo/hook {n}/SLACK", Action.UPDATE, rows, Origin("specs/a.yaml", n + 1))
        for n in range(count)
    )
    refused = tuple(
        Finding("licence", "bytebase/role", f"role{n}", f"refusal {n} of many", "stop") for n in range(refusals)
    )
    return replace(PLAN, changes=changes, refusals=refused)


@pytest.mark.parametrize(("count", "refusals"), [(300, 1), (300, 150), (3000, 40)])
def test_a_comment_stays_within_the_budget_and_keeps_summary_and_errors(count: int, refusals: int) -> None:
    text = plans_markdown([long_plan(count, refusals)])
    assert len(text) <= BUDGET
    assert f"{count} to update" in text.replace("\\", "")
    for number in range(refusals):
        assert f"refusal {number} of many" in text
    assert "left out" in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_a_comment_for_many_targets_stays_within_the_budget() -> None:
    plans = [replace(long_plan(100), target=replace(TARGET, name=f"target{n}")) for n in range(12)]
    text = plans_markdown(plans)
    assert len(text) <= BUDGET
    assert all(f"`target{n}`" in text for n in range(12))
    assert text.count("<details>") == text.count("</details>") == 12


def test_even_endless_errors_stay_within_the_budget() -> None:
    text = plans_markdown([long_plan(1, refusals=5000)])
    assert len(text) <= BUDGET
    assert "too long for a comment" in text
    assert len(applied_markdown([replace(APPLIED, outcomes=APPLIED.outcomes * 3000)])) <= BUDGET
    assert len(drift_markdown([replace(DRIFT, items=DRIFT.items * 3000)])) <= BUDGET


def test_a_failed_target_stands_first_and_is_never_cut() -> None:
    text = plans_markdown([long_plan(300, refusals=5000)], [FAILED])
    assert len(text) <= BUDGET
    assert text.startswith("<!-- reconciler:plan -->\n### `beta`: failed\n")
    assert "connection refused" in text
    assert "check the address" in text
    assert "too long for a comment" in text


@pytest.mark.parametrize("letter", ["x", "&", "`", "@"])
def test_of_many_failed_targets_every_one_is_named(letter: str) -> None:
    failed = [replace(FAILED, name=f"target{n}", message=letter * 3_000, next=letter * 3_000) for n in range(200)]
    text = plans_markdown([long_plan(300)], failed)
    assert len(text) <= BUDGET
    assert all(f"### `target{n}`: failed" in text for n in range(200))
    assert "300 to update" in text.replace("\\", "")


NASTY = [
    "</details><script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "@everyone please approve",
    "`` ` `` @octocat `",
    "#1 fixes org/repo#2",
    "| a | b |\n|---|---|\n# Title",
    "<!-- reconciler:plan -->",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m",
    "a\u202egnp.exe",
    "line\r\n::error::forged",
    "**bold** _it_ ~~no~~ &lt;b&gt;",
]


def nasty_plan(text: str) -> Plan:
    return replace(
        PLAN,
        target=replace(TARGET, name=text),
        changes=(
            Change(
                "bytebase/webhook",
                text,
                Action.UPDATE,
                (FieldChange(text, text, [text]),),
                Origin(text, 1),
                erases=(text,),
            ),
        ),
        findings=(Finding("x", "users", text, text, text),),
        warnings=(Finding("x", "users", text, text, text),),
        refusals=(Finding("x", "users", text, text, text, Origin(text, 3)),),
    )


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_is_no_markup_mention_or_html_in_a_comment(text: str) -> None:
    failed = [FailedTarget(text, "unavailable", text, text, text)]
    rendered = plans_markdown([nasty_plan(text)], failed) + drift_markdown(
        [
            replace(
                DRIFT, items=(DriftItem("bytebase/webhook", text, DriftClass.DRIFTED, (text,), None, None, text, text),)
            )
        ]
    )
    outside = _without_code(rendered)
    for tag in re.findall(r"<[^>]*>", outside):
        assert tag in {
            "<details>",
            "</details>",
            "<summary>",
            "</summary>",
            "<!-- reconciler:plan -->",
            "<!-- reconciler:drift -->",
        }
    assert re.search(r"@\w", outside) is None
    assert re.search(r"(?<!\\)[\[\]]", outside) is None
    assert "://" not in outside
    assert re.search(r"#\d", outside) is None
    assert "\x1b" not in rendered
    assert "\u202e" not in rendered
    assert rendered.count("<!-- reconciler:plan -->") == 1


def _without_code(text: str) -> str:
    """The Markdown with every code span taken out, matched by the length of its fence as renderers do."""
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", text)


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_commands_no_terminal(text: str) -> None:
    plan = nasty_plan(text)
    failed = FailedTarget(text, "unavailable", text, text, text)
    for rendered in (
        plan_text(plan, color=False, verbose=True),
        plan_annotations([plan], [failed]),
        failed_text(failed, color=False),
    ):
        assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", rendered) is None
    colored = plan_text(plan, color=True, verbose=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plan_text(plan, color=False, verbose=True)


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_forges_no_annotation(text: str) -> None:
    lines = plan_annotations([nasty_plan(text)], [FailedTarget(text, "unavailable", text, text, text)]).splitlines()
    assert len(lines) == 4
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning", "::notice"]
    assert all(
        line.count("::") >= 2 and line.split("::")[1].startswith(("error", "warning", "notice")) for line in lines
    )
