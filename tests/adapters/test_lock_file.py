"""One process per lock file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.adapters.lock_file import hold_file
from reconciler.errors import RefusedError, UnavailableError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_second_holder_is_refused_with_holder_and_age(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "store.lock"
    with hold_file(lock, what="a sync", now=NOW):
        later = NOW + timedelta(seconds=42)
        with (
            pytest.raises(RefusedError, match=f"a sync is already running.*process {os.getpid()} on .*, for 42 s"),
            hold_file(lock, what="a sync", now=later),
        ):
            pass


def test_the_lock_is_free_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_file(tmp_path / "lock", what="a sync", now=NOW):
            pass


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UnavailableError, match="lock file"),
        hold_file(tmp_path / "file" / "lock", what="a sync", now=NOW),
    ):
        pass


PROGRAM = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from reconciler.adapters.lock_file import hold_file
with hold_file(Path(sys.argv[1]), what="a sync", now=datetime.now(UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(lock)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RefusedError, match=f"process {process.pid}"), hold_file(lock, what="a sync", now=NOW):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold_file(lock, what="a sync", now=NOW):
            pass
