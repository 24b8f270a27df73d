"""The benchmark's small pieces: what a figure is worked out from, and what is shown. Nothing is timed here."""

from __future__ import annotations

import pytest
from benchmark.__main__ import arguments, document
from benchmark.figures import (
    Figure,
    LoggedCall,
    calls_of,
    click_to_run,
    created_in_first_minute,
    creates_per_minute,
    pages,
    quantile,
    refused_for_rate,
)
from benchmark.table import table

CREATE = "/open-apis/approval/v4/instances"
CLICK = "/open-apis/approval/v4/tasks/approve"


def call(second: float, path: str, *, method: str = "POST", status: int = 200, caller: str = "cli") -> LoggedCall:
    target = "feishu" if path.startswith("/open-apis/") else "bytebase"
    time = f"2026-01-01T00:00:{second:09.6f}Z"
    return {"n": 1, "time": time, "target": target, "method": method, "path": path, "status": status, "caller": caller}


def test_a_click_is_measured_from_its_arrival_to_the_run_of_its_own_plan() -> None:
    run = "/v1/projects/demo/plans/{}/rollout/stages/test/tasks:batchRun"
    log = [call(1, CLICK), call(1.5, run.format(7)), call(3, CLICK), call(3.25, run.format(70))]
    assert click_to_run(log, "projects/demo/plans/70") == pytest.approx(250)
    assert click_to_run(log, "projects/demo/plans/7") == pytest.approx(500)


def test_a_run_without_a_click_before_it_is_no_figure() -> None:
    log = [call(1, "/v1/projects/demo/plans/7/rollout/stages/test/tasks:batchRun")]
    assert click_to_run(log, "projects/demo/plans/7") is None


def test_the_rate_of_creations_counts_those_that_were_made_between_the_first_and_the_last() -> None:
    log = [call(0, CREATE), call(1, CREATE, status=429), call(2, CREATE), call(3, CREATE, method="GET")]
    assert creates_per_minute(log) == pytest.approx(30)
    assert refused_for_rate(log) == 1
    assert created_in_first_minute(log) == 2


def test_one_creation_is_no_rate() -> None:
    with pytest.raises(ValueError, match="two"):
        creates_per_minute([call(0, CREATE)])


def test_the_calls_of_others_are_not_counted() -> None:
    log = [call(1, "/v1/projects/demo/plans", method="GET", caller="us"), call(2, "/v1/x"), call(3, CLICK, caller="us")]
    ours = calls_of(log, "bytebase", "us")
    assert len(ours) == 1
    assert pages(ours) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_a_quantile_is_one_of_the_values(share: float, expected: int) -> None:
    assert quantile([4, 2, 3, 1], share) == expected


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_a_limit_is_kept_from_below_or_from_above() -> None:
    assert Figure("a", 2, "s", limit=2).is_met is True
    assert Figure("a", 2.1, "s", limit=2).is_met is False
    assert Figure("a", 94, "/min", limit=95, at_least=True).is_met is False
    assert Figure("a", 1, "s").is_met is None


def test_the_table_and_the_document_show_value_ratio_and_limit() -> None:
    figure = Figure("click", 40.0, "ms", ratio=4.0, against="a GET", limit=50)
    assert "40 ms" in table([figure])
    assert "4.0 x a GET" in table([figure])
    shown = document([figure], is_full=False, load=0.5, seconds=3)["figures"]
    assert shown == [
        {"name": "click", "value": 40.0, "unit": "ms", "ratio": 4.0, "against": "a GET",
         "limit": 50, "atLeast": False, "met": True, "note": ""}
    ]  # fmt: skip


def test_parts_can_be_chosen_and_unknown_ones_are_refused() -> None:
    asked = arguments(["--only", "starts", "--only", "gate", "--full", "--json", "out.json"])
    assert (asked.only, asked.full, asked.json) == (["starts", "gate"], True, "out.json")
    with pytest.raises(SystemExit):
        arguments(["--only", "nothing"])
