"""Cheap questions to the store: each names exactly the subjects it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.adapters.store import SqlAgenda, SqlEventMemory, SqlLedger, Store
from reconciler.adapters.store.agenda import AskedInstance, WatchedIssue
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Reason, Wish
from reconciler.subjects.instance import FieldText, InstanceRequest

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TITLE = FieldText("title", (("en-US", "t"),))


def stage(number: int) -> str:
    return f"projects/demo/plans/{number}/rollout/stages/prod"


def entry(number: int, state: EntryState, **changes: object) -> Entry:
    blank = Entry(stage(number), 0, state, "g", Reason("c", "t"), NOW)
    return replace(blank, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def agenda(store: Store) -> SqlAgenda:
    ledger = SqlLedger(store, "acme")
    request = InstanceRequest("UUID-3", "D", "n", "ou", (), TITLE, ())
    for each in (
        entry(1, EntryState.HELD, issue="i1"),
        entry(2, EntryState.ASKED, instance="Code-2", issue="i2", since=NOW + timedelta(hours=1)),
        entry(3, EntryState.INTENDED, request=request),
        entry(4, EntryState.WITHDRAWING, instance="Code-4"),
        entry(5, EntryState.CLOSED, instance="Code-5", issue="i5"),
        entry(6, EntryState.ASKED, instance="Code-6a"),
        entry(6, EntryState.HELD, generation=1),
    ):
        await ledger.commit(LedgerChange(entry=each))
    await SqlLedger(store, "other").commit(
        LedgerChange(entry=entry(9, EntryState.ASKED, instance="Code-9", issue="i9"))
    )
    return SqlAgenda(store, "acme")


async def test_open_unsettled_asked_and_watched_subjects_are_told_apart(agenda: SqlAgenda) -> None:
    assert await agenda.open_subjects() == [stage(n) for n in (1, 2, 3, 4, 6)]
    assert await agenda.unsettled() == [stage(n) for n in (2, 3, 4)]
    assert await agenda.asked() == [AskedInstance(stage(2), "Code-2"), AskedInstance(stage(4), "Code-4")]
    assert await agenda.watched() == [WatchedIssue(stage(2), "i2"), WatchedIssue(stage(1), "i1")]
    assert await agenda.counts() == {"held": 2, "asked": 1, "intended": 1, "withdrawing": 1, "closed": 1}


@pytest.mark.parametrize(
    ("code", "uuid", "number"),
    [
        ("Code-2", "", 2), ("CODE-2", "", 2), ("", "uuid-3", 3), ("Code-6a", "", 6), ("Code-5", "", 5),
        ("Code-9", "", None), ("unknown", "UUID-3", 3), ("unknown", "", None), ("", "", None),
    ],
)  # fmt: skip
async def test_an_event_finds_its_subject_by_code_or_uuid_of_any_generation_in_any_case(
    agenda: SqlAgenda, code: str, uuid: str, number: int | None
) -> None:
    assert await agenda.subject_of(code=code, uuid=uuid) == (stage(number) if number else None)


async def test_only_a_present_entry_that_asks_says_that_people_are_asked_by_its_instance(agenda: SqlAgenda) -> None:
    asked = [(2, "Code-2"), (2, "CODE-2"), (2, "Code-1"), (4, "Code-4"), (5, "Code-5"), (6, "Code-6a"), (9, "Code-9")]
    assert [(n, code) for n, code in asked if await agenda.is_asked(stage(n), code=code)] == asked[:2]


async def test_wishes_are_listed_until_they_are_answered(store: Store, agenda: SqlAgenda) -> None:
    ledger = SqlLedger(store, "acme")
    for n in (2, 1):
        await ledger.add_wish(Wish(f"w{n}", stage(n), "cli", "a", NOW + timedelta(minutes=n)))
    assert await agenda.wished() == [(stage(1), "w1"), (stage(2), "w2")]
    await ledger.commit(LedgerChange(wishes_done=(("w1", "done"),)))
    assert await agenda.wished() == [(stage(2), "w2")]


async def test_the_version_moves_with_every_decision_and_delivery(store: Store, agenda: SqlAgenda) -> None:
    ledger = SqlLedger(store, "acme")
    message = OutboxItem("m", OutboxKind.CARD, "ou", ())
    versions = [await agenda.version()]
    await ledger.commit(LedgerChange(history=(HistoryRow(NOW, stage(1), 0, "d", Reason("c", "t")),), outbox=(message,)))
    versions.append(await agenda.version())
    await ledger.update_outbox(replace(message, delivered_at=NOW))
    versions.append(await agenda.version())
    assert len(set(versions)) == 3


async def test_an_event_is_new_once_in_eight_hours(store: Store) -> None:
    memory = SqlEventMemory(store)
    assert await memory.is_new("e1", NOW)
    assert not await memory.is_new("e1", NOW + timedelta(hours=7, minutes=59))
    assert await memory.is_new("e2", NOW)
    assert await memory.is_new("e1", NOW + timedelta(hours=8, seconds=1))
    assert await memory.is_new("", NOW)
    assert await memory.is_new("", NOW)
