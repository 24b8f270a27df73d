"""What the HTTP library looks for at every call is not looked for in the file system."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pytest

from reconciler.providers.http import HttpClient, HttpRequest


class Recorder(MetaPathFinder):
    """Finds nothing and notes what was searched for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        self.names.append(fullname)


async def test_a_call_searches_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    async with HttpClient("http://127.0.0.1:1", upstream="bytebase") as client:
        for _ in range(2):  # the first call loads what it needs
            recorder = Recorder()
            monkeypatch.setattr(sys, "meta_path", [recorder, *sys.meta_path])
            with pytest.raises(Exception, match="cannot be reached"):
                await client.send(HttpRequest("GET", "/"))
    assert recorder.names == []
