"""`--only` and `--except` name kinds that exist; a slip of the pen is bad usage and never an empty plan."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("pattern", ["bytebase/imm", "bytebase", "feishu/definitions/x", "Users"])
@pytest.mark.parametrize("option", ["--only", "--except"])
def test_an_unknown_kind_is_bad_usage(option, pattern):
    import click

    from reconciler.cli.options import CommonOptions
    from reconciler.cli.targets import read_targets

    field = "only" if option == "--only" else "exclude"
    with pytest.raises(click.UsageError, match="there is no kind"):
        read_targets(CommonOptions(**{field: (pattern,)}))


def test_what_is_sent_again_is_of_a_kind_that_exists():
    import click

    from reconciler.cli.targets import require_known_kinds

    require_known_kinds(["bytebase/im", "feishu/definition/stage-gate"])
    with pytest.raises(click.UsageError, match="--rewrite: there is no kind for 'bytebase/imm'"):
        require_known_kinds(["bytebase/imm"])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_command_that_is_to_send_again_what_is_no_kind_ends_with_64(command):
    command = [sys.executable, "-m", "reconciler", command, "--rewrite", "bytebase/imm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 64
    assert "bytebase/imm" in done.stderr


@pytest.mark.slow
def test_the_command_ends_with_64():
    command = [sys.executable, "-m", "reconciler", "plan", "--only", "bytebase/imm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 64
    assert "bytebase/imm" in done.stderr
