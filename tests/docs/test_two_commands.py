"""The README's two commands: one line each, and the second one is what CI runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from docs.pages import ROOT, section

README = ROOT / "README.md"


def first_block(title: str) -> list[str]:
    found = re.search(r"^```\w*\n(.*?)^```$", section(README, title), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].splitlines()


@pytest.mark.parametrize("title", ["Quick start", "Tests"])
def test_the_first_block_is_one_line_that_begins_with_our_own_script(title: str) -> None:
    (line,) = first_block(title)
    script = ROOT / line.split()[0]
    assert script.is_file()
    assert os.access(script, os.X_OK)


def run_ci(tree: Path, readme: str) -> subprocess.CompletedProcess[str]:
    (tree / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci" / "run")
    (tree / "README.md").write_text(readme, encoding="utf-8")
    return subprocess.run([tree / ".ci" / "run"], capture_output=True, text=True, check=False, cwd="/")


def test_ci_runs_what_the_readme_says_in_the_projects_folder(tmp_path: Path) -> None:
    readme = "# x\n\n## Quick start\n\n```sh\nfalse\n```\n\n## Tests\n\nSo:\n\n```sh\npwd && exit 7\n```\n\n```sh\nfalse\n```\n"
    done = run_ci(tmp_path, readme)
    assert done.returncode == 7
    assert done.stdout.splitlines() == ["+ pwd && exit 7", str(tmp_path)]


def test_ci_fails_when_the_readme_has_no_command(tmp_path: Path) -> None:
    assert run_ci(tmp_path, "# x\n\n## Tests\n\nnone\n").returncode == 1
