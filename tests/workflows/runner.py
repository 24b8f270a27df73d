"""Runs single steps of a workflow as a runner would: its script in bash, with stand-ins of the programs it calls."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"

# Answers from files named after what is asked, in the order of the calls; --jq is done by the real jq.
_GH = r"""#!/usr/bin/env bash
set -eu
printf '%s\n' "${*//$'\n'/ }" >> "$CALLS"
filter="" method=GET
while [ $# -gt 0 ]; do
  case $1 in
    --jq) filter=$2; shift ;;
    --method) method=$2; shift ;;
    body=@*) cp "${1#body=@}" "$CALLS.body" ;;
    repos/*) asked=$1 ;;
  esac
  shift
done
[ "$method" = GET ] || exit 0
answer="$ANSWERS/$(basename "${asked%%\?*}").json"
[ -f "$answer" ] || { echo "gh: Not Found" >&2; exit 1; }
jq -r "$filter" "$answer"
"""
_RECONCILER = r"""#!/usr/bin/env bash
printf '%s\n' "$*" >> "$CALLS"
env | grep '^GIVEN_' | sort >> "$CALLS" || true
[ -z "${CREDENTIALS:-}" ] || echo "CREDENTIALS is still there" >> "$CALLS"
while [ $# -gt 0 ]; do [ "$1" != --out ] || echo '{}' > "$2"; shift; done
cat "$PRINTS"
exit "$ENDS_WITH"
"""


def load(name: str) -> dict[str, Any]:
    """A workflow as plain data."""
    return yaml.load((FOLDER / name).read_text("utf-8"), Loader=yaml.BaseLoader)


@dataclass(frozen=True)
class Ran:
    """What a step did: its end, what it said, the programs it called, and what it left behind."""

    code: int
    stdout: str
    calls: list[str]
    body: str | None
    outputs: str
    summary: str
    folder: Path


class Runner:
    """One runner's machine in a temporary folder; `program` is the real one, where a stand-in of it would not do."""

    def __init__(self, folder: Path, *, program: Path | None = None) -> None:
        self.folder = folder
        self.answers = folder / "answers"
        self.work = folder / "work"
        self.temp = folder / "temp"
        for made in (self.answers, self.work, self.temp / "reconciler" / "bin", folder / "bin"):
            made.mkdir(parents=True)
        self._program(folder / "bin" / "gh", _GH)
        installed = self.temp / "reconciler" / "bin" / "reconciler"
        if program is None:
            self._program(installed, _RECONCILER)
        else:
            installed.symlink_to(program)

    def run(self, workflow: str, job: str, step: str, *, prints: str = "", ends_with: int = 0, **env: str) -> Ran:
        """Run one named step. Expressions in its `env` are replaced by the values given here."""
        steps = load(workflow)["jobs"][job]["steps"]
        script = next(each["run"] for each in steps if each.get("name") == step)
        (self.folder / "prints").write_text(prints, encoding="utf-8")
        for name in ("calls", "output", "summary"):
            (self.folder / name).write_text("", encoding="utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.work,
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "CALLS": str(self.folder / "calls"),
                "ANSWERS": str(self.answers),
                "PRINTS": str(self.folder / "prints"),
                "ENDS_WITH": str(ends_with),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_REPOSITORY": "acme/databases",
                "GITHUB_SHA": "abc",
                "GITHUB_BASE_REF": "main",
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        body = self.folder / "calls.body"
        return Ran(
            done.returncode,
            done.stdout + done.stderr,
            (self.folder / "calls").read_text("utf-8").splitlines(),
            body.read_text("utf-8") if body.exists() else None,
            (self.folder / "output").read_text("utf-8"),
            (self.folder / "summary").read_text("utf-8"),
            self.temp,
        )

    def _program(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
