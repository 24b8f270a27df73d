"""All recordings of one edition replayed against one server: a fresh stand-in in process, or a server that is named."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import yaml
from fidelity.cassettes import RECORDINGS, Answer, read_cassette, read_order
from fidelity.replaying import Replayed, Replayer

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import load_seed

EDITIONS = ("free", "enterprise")
_FASTER = 20


@dataclass(frozen=True)
class Outcome:
    """All cassettes of an edition, and every answer on the way."""

    cassettes: list[Replayed]
    answers: list[tuple[str, str, Answer]]

    @property
    def total(self) -> int:
        """How many exchanges were sent."""
        return sum(each.total for each in self.cassettes)

    @property
    def matched(self) -> int:
        """How many of them were answered as recorded."""
        return sum(each.matched for each in self.cassettes)

    @property
    def share(self) -> float:
        """Matched of total, 0 to 1."""
        return self.matched / self.total

    def report(self) -> str:
        """The cassettes that differ, each with its differences."""
        return "\n".join(each.report() for each in self.cassettes if each.mismatches)


async def replayed(edition: str) -> Outcome:
    """The recordings of one edition, in the order they were made, against a fresh stand-in."""
    text = (RECORDINGS / f"seed-{edition}.yaml").read_text(encoding="utf-8")
    stand_in = BytebaseStandIn(load_seed(text, f"seed-{edition}.yaml").bytebase, clock=SandboxClock(time_scale=_FASTER))
    await stand_in.start()
    try:
        return await _replayed(edition, httpx.AsyncClient(transport=httpx.ASGITransport(stand_in.app)), patience=2)
    finally:
        await stand_in.stop()


async def replayed_at(edition: str, url: str) -> Outcome:
    """The same against the server at `url`, which holds the edition's seed, untouched, and goes at its own pace."""
    return await _replayed(edition, httpx.AsyncClient(base_url=url, timeout=30), patience=20)


async def _replayed(edition: str, client: httpx.AsyncClient, *, patience: float) -> Outcome:
    seed = yaml.safe_load((RECORDINGS / f"seed-{edition}.yaml").read_text(encoding="utf-8"))
    recorded_at = seed["bytebase"]["externalUrl"]
    async with client:
        if not str(client.base_url):
            client.base_url = recorded_at
        replayer = Replayer(client, seed, patience=patience)
        cassettes = [read_cassette(RECORDINGS / file, left_out) for file, left_out in read_order().items()]
        done = [await replayer.cassette(each) for each in cassettes if recorded_at.endswith(each.host)]
    return Outcome(done, replayer.answers)
