"""Where commands are run against whole stand-ins: a folder with `specs/`, the secrets, and a sandbox."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.declarative_sandbox import SECRETS, Served, served

from reconciler.cli import connections
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Served]:
    """A fresh sandbox."""
    with served() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Served]:
    """One sandbox for the tests of a module that leave nothing behind."""
    with served() as running:
        yield running


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing calls are given up at once."""
    quick = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=0.02, total=1.0)
    monkeypatch.setattr(connections, "HttpSettings", functools.partial(HttpSettings, retry=quick))
