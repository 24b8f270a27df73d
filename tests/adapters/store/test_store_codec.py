"""Facts survive the store unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.store.codec import decode, encode
from reconciler.errors import UnavailableError
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, OutboxItem, OutboxKind, Reason
from reconciler.subjects.instance import InstanceRequest

TEXT = st.text(st.characters(codec=None), max_size=20)
MOMENTS = st.datetimes(timezones=st.just(UTC))
st.register_type_strategy(str, TEXT)
st.register_type_strategy(datetime, MOMENTS)
ENTRIES = st.builds(Entry, request=st.none() | st.builds(InstanceRequest))


@settings(max_examples=80, deadline=None)
@given(ENTRIES)
def test_any_entry_reads_back_equal(entry: Entry) -> None:
    assert decode(Entry, encode(entry)) == entry


@settings(max_examples=50, deadline=None)
@given(st.builds(OutboxItem), st.builds(HistoryRow))
def test_any_message_and_history_row_reads_back_equal(item: OutboxItem, row: HistoryRow) -> None:
    assert decode(OutboxItem, encode(item)) == item
    assert decode(HistoryRow, encode(row)) == row


def test_equal_entries_are_written_alike_whatever_the_order_of_their_sets() -> None:
    row = HistoryRow(datetime(2026, 1, 1, tzinfo=UTC), "s", 0, "d", Reason("c", "t"))
    assert encode(row) == encode(decode(HistoryRow, encode(row)))
    entry = Entry("s", 0, EntryState.HELD, "g", Reason("c", "t"), row.time, entitled=frozenset({"b@x", "a@x", "c@x"}))
    assert '["a@x","b@x","c@x"]' in encode(entry)


def test_times_of_other_zones_are_kept_as_the_same_moment() -> None:
    there = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    row = HistoryRow(there, "s", 0, "d", Reason("c", "t"))
    assert decode(HistoryRow, encode(row)).time == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_row_of_another_version_reads_with_defaults_and_without_unknown_fields() -> None:
    text = '{"code":"c","text":"t","later":1}'
    assert decode(Reason, text) == Reason("c", "t")


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"code":1,"text":"t"}', '{"code":"c","text":null}'])
def test_a_damaged_row_is_named_and_never_guessed(text: str) -> None:
    with pytest.raises(UnavailableError, match="a Reason in the store cannot be read"):
        decode(Reason, text)


def test_an_unknown_word_of_an_enumeration_is_refused() -> None:
    item = encode(OutboxItem("m", OutboxKind.CARD, "to", ()))
    with pytest.raises(UnavailableError):
        decode(OutboxItem, item.replace('"card"', '"pigeon"'))
