"""The stand-in answers the recorded requests of a real 3.21.1 as that server did, exchange by exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from fidelity.cassettes import RECORDINGS, read_cassette, read_order
from fidelity.conformity import breaches, response_message
from fidelity.editions import replayed

DOCUMENT = Path(__file__).parents[2] / "docs" / "bytebase-stand-in.md"
REQUIRED = 0.99
FEWEST = {"free": 380, "enterprise": 279}
"""How many exchanges each edition has at least; a comparison of fewer would prove less than it says."""


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["free", "enterprise"])
async def test_recorded_exchanges_are_answered_alike(
    edition: str, record_property: Callable[[str, object], None]
) -> None:
    """Status, kind of body, keys, types and values agree; and every answer has the shape that the API describes."""
    outcome = await replayed(edition)

    record_property("exchanges", outcome.total)
    record_property("share", outcome.share)
    assert outcome.total >= FEWEST[edition]
    assert outcome.share >= REQUIRED, outcome.report()
    # A read that comes late on a busy machine may cost an exchange; what the document promises is told by it all the same.
    assert f"| {outcome.total} | " in DOCUMENT.read_text(encoding="utf-8"), "the document tells another number"
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
