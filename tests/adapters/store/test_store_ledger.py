"""What any ledger must do, asked of the one in memory, of SQLite and of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes.memory_ledger import MemoryLedger

from reconciler.adapters.store import SqlLedger, migrate, open_store
from reconciler.ports.sync import Ledger
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Reason, Wish
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
STAGE = "projects/demo/plans/101/rollout/stages/prod"
TITLE = FieldText("title", (("en-US", "Prod\x00 \ud800"), ("zh-CN", "生产")))
REQUEST = InstanceRequest("uuid-0", "DEF", "node", "ou_1", (AskedPerson("a@x", "ou_2"),), TITLE, (TITLE,))


def entry(subject: str = STAGE, **changes: object) -> Entry:
    blank = Entry(subject, 0, EntryState.HELD, "prod", Reason("waiting", "waits", "等待"), NOW)
    return replace(blank, **changes)  # type: ignore[arg-type]


def row(decision: str, subject: str = STAGE, at: datetime = NOW) -> HistoryRow:
    return HistoryRow(at, subject, 0, decision, Reason("c", "t"), actor="a@x", evidence=(("k", "v"),))


def message(mark: str, kind: OutboxKind = OutboxKind.ISSUE_COMMENT, text: str = "hello") -> OutboxItem:
    return OutboxItem(mark, kind, "projects/demo/issues/101", (("en-US", text),), STAGE)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
async def ledger(request, tmp_path) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    address = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgres":
        address = request.getfixturevalue("postgres_server").fresh_database()
        await migrate(address)
    store = await open_store(address)
    yield SqlLedger(store, "acme")
    await store.aclose()


async def test_an_entry_is_read_back_whole(ledger: Ledger) -> None:
    asked = entry(
        state=EntryState.ASKED, request=REQUEST, instance="CODE", entitled=frozenset({"a@x"}), next_attempt=NOW
    )
    await ledger.commit(LedgerChange(entry=asked))
    assert await ledger.entry(STAGE) == asked
    assert await ledger.entry("projects/demo/plans/102/rollout/stages/prod") is None


async def test_the_newest_write_is_the_present_entry_whatever_its_generation(ledger: Ledger) -> None:
    for generation in (0, 1, 2, 1):
        await ledger.commit(LedgerChange(entry=entry(generation=generation)))
    present = await ledger.entry(STAGE)
    assert present is not None
    assert present.generation == 1
    assert len(await ledger.entries()) == 1


async def test_open_entries_leave_out_closed_ones_and_are_sorted(ledger: Ledger) -> None:
    names = [f"projects/demo/plans/{n}/rollout/stages/prod" for n in (3, 1, 2)]
    for name in names:
        await ledger.commit(LedgerChange(entry=entry(name)))
    await ledger.commit(LedgerChange(entry=entry(names[1], state=EntryState.CLOSED)))
    assert [each.subject for each in await ledger.entries()] == sorted([names[0], names[2]])
    assert [each.subject for each in await ledger.entries(open_only=False)] == sorted(names)


async def test_entries_of_a_plan_are_all_its_stages_and_no_other_plans(ledger: Ledger) -> None:
    plan = "projects/demo/plans/10"
    stages = [f"{plan}/rollout/stages/{name}" for name in ("prod", "test")]
    for name in (*stages, "projects/demo/plans/101/rollout/stages/prod"):
        await ledger.commit(LedgerChange(entry=entry(name, state=EntryState.CLOSED)))
    assert [each.subject for each in await ledger.entries_of_plan(plan)] == stages


async def test_history_is_kept_in_order_and_limited_to_the_newest(ledger: Ledger) -> None:
    other = "projects/demo/plans/102/rollout/stages/prod"
    for n in range(5):
        await ledger.commit(LedgerChange(history=(row(f"d{n}"), row(f"o{n}", other))))
    assert [each.decision for each in await ledger.history(STAGE)] == ["d0", "d1", "d2", "d3", "d4"]
    assert [each.decision for each in await ledger.history(limit=3)] == ["o3", "d4", "o4"]
    assert (await ledger.history(STAGE))[0] == row("d0")


async def test_a_message_is_owed_until_it_is_delivered(ledger: Ledger) -> None:
    await ledger.commit(LedgerChange(outbox=(message("m1"), message("m2"))))
    assert [item.mark for item in await ledger.outbox(due=NOW)] == ["m1", "m2"]
    assert [item.mark for item in await ledger.outbox(due=NOW, limit=1)] == ["m1"]
    await ledger.update_outbox(replace(message("m1"), attempts=1, delivered_at=NOW))
    assert [item.mark for item in await ledger.outbox(due=NOW)] == ["m2"]


async def test_a_message_that_waits_for_another_attempt_is_not_due_before(ledger: Ledger) -> None:
    await ledger.commit(LedgerChange(outbox=(message("m"),)))
    later = NOW + timedelta(seconds=30)
    await ledger.update_outbox(replace(message("m"), attempts=1, next_attempt=later))
    assert await ledger.outbox(due=later - timedelta(microseconds=1)) == []
    assert [item.attempts for item in await ledger.outbox(due=later)] == [1]


async def test_a_message_that_failed_for_good_is_no_longer_owed(ledger: Ledger) -> None:
    await ledger.commit(LedgerChange(outbox=(message("m"),)))
    await ledger.update_outbox(replace(message("m"), failed="forbidden"))
    assert await ledger.outbox(due=NOW) == []


async def test_the_same_message_recorded_again_is_not_sent_again(ledger: Ledger) -> None:
    await ledger.commit(LedgerChange(outbox=(message("m"),)))
    await ledger.update_outbox(replace(message("m"), delivered_at=NOW))
    await ledger.commit(LedgerChange(outbox=(message("m"),)))
    assert await ledger.outbox(due=NOW) == []


async def test_a_new_text_of_the_status_comment_is_owed_again(ledger: Ledger) -> None:
    old, new = (message("status", OutboxKind.STATUS_COMMENT, text) for text in ("old", "new"))
    await ledger.commit(LedgerChange(outbox=(old,)))
    await ledger.update_outbox(replace(old, attempts=3, delivered_at=NOW))
    await ledger.commit(LedgerChange(outbox=(new,)))
    assert await ledger.outbox(due=NOW) == [new]


async def test_the_delivery_of_an_old_text_does_not_count_for_the_new_one(ledger: Ledger) -> None:
    old, new = (message("status", OutboxKind.STATUS_COMMENT, text) for text in ("old", "new"))
    await ledger.commit(LedgerChange(outbox=(old,)))
    await ledger.commit(LedgerChange(outbox=(new,)))
    await ledger.update_outbox(replace(old, attempts=1, delivered_at=NOW))
    assert await ledger.outbox(due=NOW) == [new]


async def test_a_wish_is_recorded_once_and_answered_once(ledger: Ledger) -> None:
    wish = Wish("w1", STAGE, "cli", "a@x", NOW)
    assert await ledger.add_wish(wish)
    assert not await ledger.add_wish(wish)
    assert await ledger.wishes(STAGE) == [wish]
    assert await ledger.wish_answer("w1") is None
    await ledger.commit(LedgerChange(wishes_done=(("w1", "asked"),)))
    assert await ledger.wishes(STAGE) == []
    assert await ledger.wish_answer("w1") == "asked"
    assert not await ledger.add_wish(wish)


async def test_wishes_count_against_the_limit_also_when_they_are_answered(ledger: Ledger) -> None:
    moments = [NOW + timedelta(minutes=n) for n in range(3)]
    for n, at in enumerate(moments):
        await ledger.add_wish(Wish(f"w{n}", STAGE, "cli", "a@x", at))
    await ledger.commit(LedgerChange(wishes_done=(("w2", "asked"),)))
    since = NOW + timedelta(seconds=1)
    assert list(await ledger.wish_times(STAGE, since)) == moments[1:]


async def test_many_passes_at_once_lose_nothing(ledger: Ledger) -> None:
    subjects = [f"projects/demo/plans/{n:03}/rollout/stages/prod" for n in range(20)]
    changes = [LedgerChange(entry=entry(s), history=(row("d", s),), outbox=(message(s),)) for s in subjects]
    await asyncio.gather(*(ledger.commit(change) for change in changes))
    assert [each.subject for each in await ledger.entries()] == subjects
    assert len(await ledger.history()) == len(await ledger.outbox(due=NOW)) == 20
