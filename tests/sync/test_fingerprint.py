"""The fingerprint names exactly the question; the digest carries it there and back, and believes nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.gate_facts import CHANGE, FIRST, OWN, PROD, SECOND, TEST, change, stage, task
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ids import plan_of
from reconciler.subjects.change import TaskRun, TaskStatus
from reconciler.sync.fingerprint import digest_text, fingerprint, parse_digest

PRINT = fingerprint(CHANGE, SECOND)


def of(*tasks, first=FIRST):
    second = stage(*tasks)
    return fingerprint(change(first, second), second)


OTHER_TASKS = {
    "target": {"target": "instances/inst-prod/databases/other"},
    "type": {"type": "DATABASE_EXPORT"},
    "sheet": {"sheet": "projects/demo/sheets/" + "f" * 64},
    "source": {"sheet": None, "release": "projects/demo/releases/r1"},
    "backup": {"prior_backup": True},
    "failed": {"status": TaskStatus.FAILED},
    "skipped": {"status": TaskStatus.SKIPPED},
    "running": {"status": TaskStatus.RUNNING},
    "attempt": {"newest_run": TaskRun("projects/demo/plans/101/rollout/stages/prod/tasks/2/taskRuns/9", OWN)},
    "name": {"name": f"{PROD}/tasks/9"},
}


@pytest.mark.parametrize("about", OTHER_TASKS.values(), ids=OTHER_TASKS)
def test_whatever_changes_in_a_task_is_a_new_question(about):
    assert of(task(2, **about), task(3)) != PRINT


def test_a_second_attempt_is_a_new_question():
    runs = [TaskRun(f"{PROD}/tasks/2/taskRuns/{number}", OWN) for number in (1, 2)]
    assert of(task(2, newest_run=runs[0]), task(3)) != of(task(2, newest_run=runs[1]), task(3))


@pytest.mark.parametrize("part", range(3), ids=["path", "version", "hash"])
def test_every_part_of_a_release_file_counts(part):
    file = ("a.sql", "1", "a" * 64)
    other = tuple(f"{text}x" if number == part else text for number, text in enumerate(file))
    assert of(task(2, release_files=(file,))) != of(task(2, release_files=(other,)))


def test_pending_and_running_are_the_same_question():
    assert of(task(2, status=TaskStatus.PENDING)) == of(task(2, status=TaskStatus.RUNNING))


def test_an_added_and_a_missing_task_are_new_questions():
    assert len({of(task(2)), PRINT, of(task(2), task(3), task(4))}) == 3


def test_the_stages_up_to_this_one_are_part_of_the_question_and_later_ones_are_not():
    later = stage(task(8), name=f"{PROD}2")
    assert fingerprint(change(SECOND, FIRST), SECOND) != PRINT
    assert fingerprint(change(SECOND), SECOND) != PRINT
    assert fingerprint(change(FIRST, SECOND, later), SECOND) == PRINT


def test_another_stage_with_the_same_tasks_is_another_question():
    assert fingerprint(CHANGE, replace(SECOND, name=TEST)) != PRINT


def test_titles_policies_and_progress_of_earlier_stages_change_nothing():
    renamed = replace(SECOND, title="Production", policy_roles=("roles/x",))
    undone = stage(task(1, stage=TEST), name=TEST)
    assert fingerprint(change(undone, renamed, title="Other"), renamed) == PRINT


@given(st.permutations([task(number) for number in range(2, 7)]))
def test_the_order_in_which_tasks_are_listed_changes_nothing(tasks):
    assert of(*tasks) == of(*sorted(tasks, key=lambda each: each.name))


@given(st.permutations([("a.sql", "1", "x"), ("b.sql", "2", "y"), ("c.sql", "3", "z")]))
def test_the_order_of_release_files_changes_nothing(files):
    assert of(task(2, release_files=tuple(files))) == of(task(2, release_files=tuple(sorted(files))))


@given(generation=st.integers(0, 10**9 - 1), integration=st.sampled_from(["acme", "a-b", "x.y"]))
def test_a_digest_comes_back_as_it_was_sent(generation, integration):
    text = digest_text(PRINT, integration, PROD, generation)
    assert parse_digest(text) == (PRINT, integration, PROD, generation)
    assert parse_digest(f"  {text}\n") == (PRINT, integration, PROD, generation)


GOOD = digest_text(PRINT, "acme", PROD, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PRINT,
        GOOD.replace(" ", ""),
        GOOD.replace(" ", "  "),
        GOOD[1:],
        GOOD.replace(PRINT, PRINT.upper()),
        GOOD.replace(PRINT, "z" * 64),
        GOOD.replace("acme/", ""),
        GOOD.replace("acme/", "a b/"),
        GOOD.replace("/rollout/stages/prod", ""),
        GOOD.replace("projects/", "project/"),
        GOOD.replace("#0", "#"),
        GOOD.replace("#0", "#-1"),
        GOOD.replace("#0", "#00"),
        GOOD.replace("#0", "#1e3"),
        GOOD.replace("#0", "#٣"),
        GOOD.replace("#0", "#" + "9" * 5_000),
        GOOD + "#1",
        GOOD + " and more",
        GOOD.replace("prod#", "prod/tasks/1#"),
    ],
    ids=range(20),
)
def test_a_forged_or_broken_digest_names_nothing(text):
    assert parse_digest(text) is None


@given(st.text() | st.from_regex(r"[0-9a-f]{64} [a-z/#]{0,9}/projects/[a-z/#]{0,20}#[0-9]{0,12}"))
def test_whatever_anybody_types_is_a_stage_of_a_plan_or_nothing(text):
    parsed = parse_digest(text)
    if parsed is not None:
        assert plan_of(parsed[2])
        assert digest_text(*parsed) == text.strip()
