"""Processor time and memory of processes, as the kernel counts them."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: milliseconds on the wall and on the processor, and its exit code."""

    wall: float
    cpu: float
    code: int


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of what is measured: Python may keep its compiled files, as wherever it is installed."""
    return {name: value for name, value in {**os.environ, **(more or {})}.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(command: Sequence[str], *, folder: Path | None = None, more: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end, alone among our children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment(more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(wall * 1000, cpu * 1000, done.returncode)


def cpu_seconds(process: int) -> float:
    """Processor seconds of a running process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_megabytes(process: int) -> float:
    """Memory of a running process."""
    return int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1]) * _PAGE / 1e6
