"""The frame codec by itself: what it writes it reads, what is broken it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.feishu.frames import BadFrameError, Frame, decode, encode

texts = st.text(max_size=20)
frames = st.builds(
    Frame,
    seq_id=st.integers(0, 2**64 - 1),
    log_id=st.integers(0, 2**64 - 1),
    service=st.integers(-(2**31), 2**31 - 1),
    method=st.sampled_from([0, 1]),
    headers=st.lists(st.tuples(texts, texts), max_size=5).map(tuple),
    payload_encoding=st.none() | texts,
    payload_type=st.none() | texts,
    payload=st.none() | st.binary(max_size=300),
    log_id_new=st.none() | texts,
)


def read_or_none(content: bytes) -> Frame | None:
    try:
        return decode(content)
    except BadFrameError:
        return None


@given(frames)
def test_what_is_written_is_read(frame):
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_anything_else_is_a_frame_or_refused(content):
    frame = read_or_none(content)
    assert frame is None or isinstance(frame, Frame)


@given(frames, st.integers(1, 30))
def test_a_frame_cut_short_is_never_read_as_the_whole(frame, cut):
    assert read_or_none(encode(frame)[:-cut]) != frame


def test_required_fields_are_required():
    with pytest.raises(BadFrameError, match="required field 1"):
        decode(b"")
