"""The clock learns from upstream dates; the history log is a copy that never stops the gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.adapters.clock import SystemClock
from reconciler.adapters.history_log import HistoryLog
from reconciler.errors import UnavailableError
from reconciler.subjects.entry import HistoryRow, Reason

ROW = HistoryRow(datetime(2026, 3, 1, tzinfo=UTC), "s", 0, "asked", Reason("c", "t"))


class FixedClock(SystemClock):
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


def date(seconds: float) -> datetime:
    return FixedClock().now() + timedelta(seconds=seconds)


def test_the_skew_is_the_largest_last_seen_of_any_host() -> None:
    clock = FixedClock()
    assert clock.skew() == 0
    clock.observe("feishu", date(-90))
    clock.observe("bytebase", date(5))
    assert clock.skew() == 90
    clock.observe("feishu", date(1))
    assert clock.skew() == 5


def test_the_system_clock_is_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_rows_are_appended_one_line_each_also_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "history.jsonl"
    log = HistoryLog(path, lambda row: row.decision)
    log.append([ROW, ROW])
    path.rename(tmp_path / "old")
    log.append([ROW])
    assert path.read_text() == "asked\n"
    assert (tmp_path / "old").read_text() == "asked\nasked\n"


def test_a_log_that_cannot_be_written_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="history log"):
        HistoryLog(tmp_path, lambda row: row.decision)


def test_a_failing_append_is_logged_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "history.jsonl"
    log = HistoryLog(path, lambda row: row.decision)
    path.unlink()
    path.mkdir()
    log.append([ROW])
    assert "could not be written" in caplog.text
