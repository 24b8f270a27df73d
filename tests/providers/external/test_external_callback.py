"""A callback counts only as signed, and only for five minutes; nothing that was changed on the way verifies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.external.callback import approval_of, is_authentic, signature
from reconciler.secret import Secret

KEY = Secret("a key for callbacks")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = b'{"id": "7"}'
SIGNED = signature(KEY, STAMP, BODY)


def check(*, timestamp=STAMP, signed=SIGNED, body=BODY, secret=KEY, now=NOW):
    return is_authentic(secret, timestamp=timestamp, signed=signed, body=body, now=now)


def test_the_signature_is_what_any_hmac_tool_makes():
    assert signature(Secret("k"), "1", b"x") == "976cb87e4f568d1c0f03f32859e90af8597cf00b978ba37c229c97d3a15b8449"
    assert check()
    assert check(signed=SIGNED.upper())


@pytest.mark.parametrize("seconds", [-301, 301, 3_600, -86_400])
def test_a_time_more_than_five_minutes_off_does_not_count(seconds):
    moved = str(int(NOW.timestamp()) + seconds)
    assert not check(timestamp=moved, signed=signature(KEY, moved, BODY))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_time_within_five_minutes_counts(seconds):
    moved = str(int(NOW.timestamp()) + seconds)
    assert check(timestamp=moved, signed=signature(KEY, moved, BODY))


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "9" * 40, " 1"])
def test_what_is_no_time_does_not_count(timestamp):
    assert not check(timestamp=timestamp, signed=signature(KEY, timestamp, BODY))


@given(st.binary(max_size=64), st.text(max_size=70), st.text(max_size=20))
def test_only_what_was_signed_verifies(body, signed, key):
    if body != BODY:
        assert not check(body=body)
    if signed.strip().lower() != SIGNED:
        assert not check(signed=signed)
    if key != KEY.reveal():
        assert not check(secret=Secret(key))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (BODY, "7"),
        (b'{"id": "7", "status": "APPROVED"}', "7"),
        (b"{}", None),
        (b'{"id": 7}', None),
        (b'{"id": ""}', None),
        (b"[]", None),
        (b"nonsense", None),
        (b"[" * 100_000, None),
        (b'{"id": "' + b"x" * 501 + b'"}', None),
    ],
)
def test_a_body_names_an_approval_or_nothing(body, found):
    assert approval_of(body) == found
