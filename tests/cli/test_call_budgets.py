"""How a command and `sync` use the calls that a spec allows them in a minute."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from fakes.declarative_specs import FULL, target_of

from reconciler.adapters.secret_sources import SecretResolver
from reconciler.cli.connections import Connector
from reconciler.spec.models.bytebase import Use


async def at_once(use: Use, calls: int) -> int:
    """How many of so many calls to Bytebase are within the budget without any waiting."""
    secrets = SecretResolver({"BYTEBASE_KEY": "k"}, Path())
    async with Connector(target_of(FULL), secrets).bytebase(use) as client:
        for number in range(calls):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client._http.settings.budget.take("bytebase")
                    continue
            return number
    return calls


@pytest.mark.parametrize("use", ["plan", "apply"])
async def test_a_command_may_make_all_calls_of_its_minute_at_once_and_no_more(use: Use) -> None:
    assert await at_once(use, 700) == 600


async def test_sync_keeps_most_of_the_minute_for_what_comes_later_in_it() -> None:
    assert await at_once("sync", 700) == pytest.approx(150, abs=5)
