"""Events as hints: read from either envelope, remembered for eight hours."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.dedupe import EventInbox, EventMemory
from reconciler.providers.feishu.events import FeishuEvent, load_json_object, read_event

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


def test_a_task_event_names_its_instance_and_person() -> None:
    event = read_event(
        {
            "uuid": "e1",
            "ts": "1779595201.5",
            "event": {
                "type": "approval_task",
                "instance_code": "AEE5",
                "task_id": "71",
                "open_id": "ou_a",
                "status": "APPROVED",
                "operate_time": 1779595201000,
            },
        }
    )
    assert (event.type, event.instance_code, event.task_id, event.open_id) == ("approval_task", "AEE5", "71", "ou_a")
    assert event.sent == datetime(2026, 5, 24, 4, 0, 1, 500000, tzinfo=UTC)


def test_the_age_of_a_redelivered_event_is_known() -> None:
    event = FeishuEvent("approval_instance", sent=NOW - timedelta(hours=2))
    assert event.age(NOW) == 7200
    assert FeishuEvent("approval_instance").age(NOW) is None


@pytest.mark.parametrize("create_time", ["1779595201000", 1779595201000])
def test_a_time_may_be_text_or_number(create_time: object) -> None:
    event = read_event({"schema": "2.0", "header": {"event_type": "x", "create_time": create_time}})
    assert event.sent == datetime(2026, 5, 24, 4, 0, 1, tzinfo=UTC)


@given(st.dictionaries(st.sampled_from(["schema", "header", "event", "uuid", "ts", "token", "type"]), JSON))
def test_any_object_is_an_event_of_some_type(envelope: dict[str, object]) -> None:
    assert isinstance(read_event(envelope).type, str)


@given(st.binary(max_size=60))
def test_bytes_are_an_object_or_a_named_error(raw: bytes) -> None:
    with suppress(UnavailableError):
        assert isinstance(load_json_object(raw), dict)


def test_an_event_is_remembered_for_eight_hours() -> None:
    memory = EventMemory()
    assert memory.is_new("e1", NOW)
    assert not memory.is_new("e1", NOW + timedelta(hours=7, minutes=59))
    assert memory.is_new("e1", NOW + timedelta(hours=8))


def test_an_event_without_an_id_is_always_new() -> None:
    memory = EventMemory()
    assert memory.is_new("", NOW)
    assert memory.is_new("", NOW)
    assert len(memory) == 0


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = EventMemory(capacity=3)
    for number in range(5):
        assert memory.is_new(f"e{number}", NOW)
    assert len(memory) <= 3
    assert not memory.is_new("e4", NOW)
    assert memory.is_new("e0", NOW)


def test_a_repeated_event_wakes_once() -> None:
    woken: list[str] = []
    inbox = EventInbox(lambda event: woken.append(event.instance_code), now=lambda: NOW)
    event = FeishuEvent("approval_instance", event_id="e1", instance_code="AEE5")
    assert [inbox.receive(event), inbox.receive(event)] == [True, False]
    assert woken == ["AEE5"]
