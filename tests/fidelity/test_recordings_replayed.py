"""The stand-in answers the recorded requests of a real 3.21.1 as that server did, exchange by exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import yaml
from fidelity.cassettes import RECORDINGS, Answer, read_cassette, read_order
from fidelity.conformity import breaches, response_message
from fidelity.replaying import Replayed, Replayer

from reconciler.sandbox.bytebase import BytebaseStandIn
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.seed import load_seed

DOCUMENT = Path(__file__).parents[2] / "docs" / "bytebase-stand-in.md"
REQUIRED = 0.99
FEWEST = {"free": 380, "enterprise": 279}
"""How many exchanges each edition has at least; a comparison of fewer would prove less than it says."""


@dataclass(frozen=True)
class Outcome:
    """All cassettes of an edition, and every answer on the way."""

    cassettes: list[Replayed]
    answers: list[tuple[str, str, Answer]]

    @property
    def total(self) -> int:
        return sum(each.total for each in self.cassettes)

    @property
    def share(self) -> float:
        return sum(each.matched for each in self.cassettes) / self.total

    def report(self) -> str:
        return "\n".join(each.report() for each in self.cassettes if each.mismatches)


async def replayed(edition: str) -> Outcome:
    """The recordings of one edition, in the order they were made, against a fresh stand-in."""
    text = (RECORDINGS / f"seed-{edition}.yaml").read_text(encoding="utf-8")
    stand_in = BytebaseStandIn(load_seed(text, f"seed-{edition}.yaml").bytebase, clock=SandboxClock(time_scale=5))
    await stand_in.start()
    seed = yaml.safe_load(text)
    transport = httpx.ASGITransport(stand_in.app)
    async with httpx.AsyncClient(transport=transport, base_url=seed["bytebase"]["externalUrl"]) as client:
        replayer = Replayer(client, seed, patience=2)
        cassettes = [read_cassette(RECORDINGS / file, left_out) for file, left_out in read_order().items()]
        done = [await replayer.cassette(c) for c in cassettes if seed["bytebase"]["externalUrl"].endswith(c.host)]
    await stand_in.stop()
    return Outcome(done, replayer.answers)


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["free", "enterprise"])
async def test_recorded_exchanges_are_answered_alike(
    edition: str, record_property: Callable[[str, object], None]
) -> None:
    """Status, kind of body, keys, types and values agree; and every answer has the shape that the API describes."""
    outcome = await replayed(edition)

    matched = sum(each.matched for each in outcome.cassettes)
    record_property("exchanges", outcome.total)
    record_property("share", outcome.share)
    assert outcome.total >= FEWEST[edition]
    assert outcome.share >= REQUIRED, outcome.report()
    assert f"| {outcome.total} | {matched} |" in DOCUMENT.read_text(encoding="utf-8"), (
        "the document tells another number"
    )
    assert [
        (method, path, breach)
        for method, path, answer in outcome.answers
        if answer.status == 200 and (message := response_message(method, path)) is not None
        for breach in breaches(message, answer.text)
    ] == []


@pytest.mark.slow
def test_the_recorded_answers_have_the_described_shape() -> None:
    """The description of the API, by which our answers are judged, fits what the real server sent."""
    found = []
    for file in read_order():
        for exchange in read_cassette(RECORDINGS / file).exchanges:
            message = response_message(exchange.method, unquote(exchange.path))
            if message is not None and exchange.answer.status == 200 and exchange.answer.kind == "json":
                found += [(file, exchange.number, breach) for breach in breaches(message, exchange.answer.text)]
    assert found == []
