"""The word for a subject's state: where the question stands, and how it was answered while it is still open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.report.gate_status import shown_state
from reconciler.subjects.entry import Entry, EntryState, Reason

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "code", "outcome", "shown"),
    [
        (EntryState.HELD, "checksError", "", "held"),
        (EntryState.INTENDED, "waiting", "", "asked"),
        (EntryState.ASKED, "asked", "", "asked"),
        (EntryState.ASKED, "checksError", "", "asked"),
        (EntryState.ASKED, "checksError", "approved", "approved"),
        (EntryState.ASKED, "unverified", "", "approved"),
        (EntryState.ASKED, "approvalOld", "", "approved"),
        (EntryState.ASKED, "approvalSpent", "", "approved"),
        (EntryState.ASKED, "rejected", "rejected", "rejected"),
        (EntryState.ASKED, "sentBack", "sentBack", "rejected"),
        (EntryState.ASKED, "withdrawnByPerson", "withdrawnByPerson", "held"),
        (EntryState.RUNNING, "running", "", "running"),
        (EntryState.WITHDRAWING, "withdrawing", "", "withdrawing"),
        (EntryState.VOID, "void", "", "void"),
        (EntryState.CLOSED, "ran", "", "closed"),
        (EntryState.CLOSED, "rejected", "rejected", "closed"),
    ],
)
def test_the_shown_state_follows_from_state_reason_and_answer(
    state: EntryState, code: str, outcome: str, shown: str
) -> None:
    entry = Entry("s", 0, state, "prod", Reason(code, code), NOW, outcome=outcome)
    assert shown_state(entry) == shown
