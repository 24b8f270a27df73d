"""Names of stages and review steps are told apart, and each leads to what it is read by."""

from __future__ import annotations

import pytest

from reconciler.ids import is_issue, root_of, step_of

STAGE = "projects/demo/plans/7/rollout/stages/prod"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("projects/demo/issues/101#0", ("projects/demo/issues/101", 0)),
        ("projects/demo/issues/101#12", ("projects/demo/issues/101", 12)),
        ("projects/demo/issues/101", None),
        ("projects/demo/issues/101#", None),
        ("projects/demo/issues/101#-1", None),
        ("projects/demo/issues/101#one", None),
        ("projects/demo/plans/7#0", None),
        (STAGE, None),
        (f"{STAGE}#0", None),
        ("#0", None),
        ("", None),
    ],
)
def test_only_an_issue_with_a_number_is_a_review_step(name, found):
    assert step_of(name) == found


@pytest.mark.parametrize(
    ("name", "root"),
    [
        (STAGE, "projects/demo/plans/7"),
        ("projects/demo/issues/101#3", "projects/demo/issues/101"),
        ("projects/demo/plans/7", "projects/demo/plans/7"),
        ("something else", "something else"),
        ("", ""),
    ],
)
def test_a_stage_is_read_by_its_plan_and_a_step_by_its_issue(name, root):
    assert root_of(name) == root


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("projects/demo/issues/101", True),
        ("projects/demo/issues/101/issueComments/1", False),
        (STAGE, False),
        ("", False),
    ],
)
def test_an_issue_is_known_by_its_name(name, expected):
    assert is_issue(name) is expected
