"""Several targets in one run, one of which cannot be read: it is told first, and the others go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command_runs import run
from fakes.declarative_sandbox import Served, served

pytestmark = pytest.mark.slow


@pytest.fixture
def both(folder: Path) -> Iterator[tuple[Served, Served]]:
    with served() as alpha, served() as beta:
        alpha.write_spec(folder / "specs", "alpha")
        beta.write_spec(folder / "specs", "beta")
        yield alpha, beta


def writes(served_: Served, since: int) -> list[str]:
    return [each["path"] for each in served_.requests(since) if each["method"] in {"PATCH", "PUT", "DELETE"}]


CREATE = ("--create-definition", "stage-gate")


def test_of_a_file_with_a_failed_plan_only_the_other_one_can_be_applied(both: tuple[Served, Served]) -> None:
    alpha, beta = both
    beta.fault(target="bytebase", method="GET", path="/v1/", times=1000, fault="status", status=403)
    run("plan", "--out", "plan.json", expect=1)
    beta.heal()
    before = alpha.seen(), beta.seen()
    refused = run("apply", "plan.json", *CREATE, expect=3)
    assert "the plan of target beta failed and was not made" in refused.stderr
    assert "--target alpha" in refused.stderr
    assert "of target beta" in run("apply", "plan.json", "--target", "beta", *CREATE, expect=3).stderr
    assert run("apply", "plan.json", "--target", "gamma", *CREATE, expect=1).stderr.count("error:") == 1
    assert (writes(alpha, before[0]), writes(beta, before[1])) == ([], [])
    run("apply", "plan.json", "--target", "alpha", *CREATE, expect=0)
    assert writes(beta, before[1]) == []
    run("plan", "--target", "alpha", expect=0)


def test_one_target_of_a_whole_file_is_applied_alone(both: tuple[Served, Served]) -> None:
    _alpha, beta = both
    run("plan", "--out", "plan.json", expect=2)
    before = beta.seen()
    run("apply", "plan.json", "--target", "alpha", *CREATE, expect=0)
    assert beta.requests(before) == []


def test_a_target_whose_digest_was_not_expected_is_refused_by_name(both: tuple[Served, Served]) -> None:
    _alpha, beta = both
    plans = json.loads(run("plan", "--format", "json", expect=2).stdout)["documents"]
    first = next(each["digest"] for each in plans if each["target"]["name"] == "alpha")
    before = beta.seen()
    result = run("apply", "--yes", "--expect", first, *CREATE, "--format", "json", expect=3)
    documents = {each["target"]["name"]: each for each in json.loads(result.stdout)["documents"]}
    assert "outcomes" in documents["alpha"]
    assert documents["beta"]["error"]["kind"] == "refused"
    assert documents["beta"]["error"]["where"] == {"resource": "beta"}
    assert writes(beta, before) == []


def test_what_is_no_digest_is_bad_usage() -> None:
    run("apply", "--yes", "--expect", "main", expect=64)


@pytest.mark.parametrize("only", [(), ("--target", "beta")], ids=["of two", "alone"])
def test_a_target_that_cannot_be_read_stands_first_in_what_is_printed(
    both: tuple[Served, Served], only: tuple[str, ...]
) -> None:
    _alpha, beta = both
    beta.fault(target="bytebase", method="GET", path="/v1/", times=1000, fault="status", status=403)
    for command in ("plan", "drift"):
        comment = run(command, "--format", "markdown", *only, expect=1).stdout
        assert comment.startswith(f"<!-- reconciler:{command} -->\n### `beta`: failed\n\n- ⛔ ")
        assert ("### `alpha`" in comment) is (not only)
    shown = run("plan", "--annotations", *only, "--format", "markdown", expect=1).stderr
    assert "::error title=beta::" in shown
    if not only:
        assert run("plan", expect=1).stdout.startswith("beta: failed\n")
