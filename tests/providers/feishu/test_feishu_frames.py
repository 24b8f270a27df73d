"""The frame codec: total on any bytes, and lossless."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.frames import Frame, decode_frame, encode_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FRAMES = st.builds(
    Frame,
    seq=st.integers(0, 2**64 - 1),
    log=st.integers(0, 2**64 - 1),
    service=st.integers(-(2**31), 2**31 - 1),
    method=st.integers(-(2**31), 2**31 - 1),
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=6).map(tuple),
    payload_encoding=st.none() | TEXT,
    payload_type=st.none() | TEXT,
    payload=st.none() | st.binary(max_size=400),
    log_new=st.none() | TEXT,
)


@given(FRAMES)
def test_a_frame_survives_its_bytes(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_named_error(raw: bytes) -> None:
    with suppress(UnavailableError):
        decode_frame(raw)


@given(FRAMES, st.data())
def test_a_cut_frame_never_breaks_the_reader(frame: Frame, data: st.DataObject) -> None:
    raw = encode_frame(frame)
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    with suppress(UnavailableError):
        decode_frame(cut)


def test_unknown_fields_are_skipped() -> None:
    frame = Frame(seq=7, payload=b"x")
    extra = bytes([10 << 3 | 2, 2]) + b"hi" + bytes([11 << 3]) + b"\x05" + bytes([12 << 3 | 1]) + b"8bytes!!"
    assert decode_frame(encode_frame(frame) + extra) == frame


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08",  # a number that ends
        b"\x08" + b"\xff" * 11,  # a number without end
        b"\x42\x7fx",  # a field longer than the frame
        b"\x0b",  # a group, which proto3 and Feishu do not use
        b"\x40\x01",  # the payload as a number
        b"\x09" + b"\0" * 8,  # SeqID as a fixed number
        b"\x2a\x04\x0a\x02\xff\xfe",  # a header that is not UTF-8
        b"\x00\x00",
    ],
)
def test_bytes_that_are_no_frame_are_refused(raw: bytes) -> None:
    with pytest.raises(UnavailableError, match="cannot be read"):
        decode_frame(raw)


def test_an_acknowledgement_keeps_ids_and_headers() -> None:
    frame = Frame(seq=3, log=4, service=5, method=1, headers=(("type", "event"),), payload=b"{}")
    answer = frame.answered(b'{"code": 200}', ("biz_rt", "1"))
    assert answer == Frame(
        seq=3, log=4, service=5, method=1, headers=(("type", "event"), ("biz_rt", "1")), payload=b'{"code": 200}'
    )


def test_the_first_header_of_a_name_counts() -> None:
    frame = Frame(headers=(("sum", "1"), ("sum", "9")))
    assert (frame.header("sum"), frame.header("seq", "0")) == ("1", "0")
