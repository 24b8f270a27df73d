"""Split events: joined whatever the order, within bounds of time and memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.frames import Frame
from reconciler.providers.feishu.parts import KEEP_SECONDS, PartBuffer


def part(index: object, total: object, payload: bytes = b"", message: str = "m1") -> Frame:
    return Frame(method=1, headers=(("message_id", message), ("sum", str(total)), ("seq", str(index))), payload=payload)


@given(st.lists(st.binary(max_size=9), min_size=2, max_size=12), st.randoms())
def test_parts_in_any_order_and_repeated_give_the_whole(pieces: list[bytes], random: object) -> None:
    order = list(range(len(pieces)))
    random.shuffle(order)  # type: ignore[attr-defined]
    buffer = PartBuffer()
    answers = [buffer.join(part(index, len(pieces), pieces[index]), 0.0) for index in [order[0], *order]]
    assert answers[-1] == b"".join(pieces)
    assert answers[:-1] == [None] * len(pieces)
    assert len(buffer) == 0


def test_a_whole_event_passes_through() -> None:
    assert PartBuffer().join(Frame(method=1, payload=b"x"), 0.0) == b"x"
    assert PartBuffer().join(Frame(method=1), 0.0) == b""


def test_an_incomplete_event_is_forgotten() -> None:
    buffer = PartBuffer()
    buffer.join(part(0, 2), 0.0)
    buffer.join(part(0, 2, message="m2"), KEEP_SECONDS + 1)
    assert buffer.join(part(1, 2), KEEP_SECONDS + 1) is None


@pytest.mark.parametrize(
    ("index", "total"), [(2, 2), (-1, 2), ("x", 2), (0, "x"), (0, 65), (0, 10**9), ("²", 2), (0, "-3")]
)
def test_senseless_numbers_are_refused(index: object, total: object) -> None:
    with pytest.raises(UnavailableError, match="numbered wrongly"):
        PartBuffer().join(part(index, total), 0.0)


def test_endless_first_parts_cost_bounded_memory() -> None:
    buffer = PartBuffer()
    for number in range(1000):
        buffer.join(part(0, 2, b"x" * 1000, message=f"m{number}"), 0.0)
    assert len(buffer) <= 64
