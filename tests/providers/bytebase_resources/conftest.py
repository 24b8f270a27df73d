"""A fresh workspace for each test of a writer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from providers.bytebase_resources.written_workspace import WrittenWorkspace


@pytest.fixture
async def workspace() -> AsyncIterator[WrittenWorkspace]:
    """An ENTERPRISE workspace."""
    found = WrittenWorkspace()
    yield found
    await found.aclose()


@pytest.fixture
async def free() -> AsyncIterator[WrittenWorkspace]:
    """The same on FREE."""
    found = WrittenWorkspace("FREE")
    yield found
    await found.aclose()
