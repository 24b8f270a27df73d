"""The gate loop's present state as a JSON document and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.ids import last_segment
from reconciler.report.values import plain
from reconciler.subjects.entry import Entry, EntryState

_ANSWERED = {"rejected": "rejected", "sentBack": "rejected", "approved": "approved"}
_APPROVED = frozenset({"approvalOld", "approvalSpent", "unverified"})
"""Reasons that only an approved request is held for."""
_PLAIN = {
    EntryState.INTENDED: "asked",
    EntryState.ASKED: "asked",
    EntryState.HELD: "held",
    EntryState.RUNNING: "running",
    EntryState.WITHDRAWING: "withdrawing",
    EntryState.VOID: "void",
    EntryState.CLOSED: "closed",
}


def shown_state(entry: Entry) -> str:
    """The state as people and programs are shown it: `approved` and `rejected` are answers of a question that is still open."""
    if entry.state is EntryState.ASKED:
        if entry.outcome:
            return _ANSWERED.get(entry.outcome, "held")
        if entry.reason.code in _APPROVED:
            return "approved"
    return _PLAIN[entry.state]


def status_document(target: Mapping[str, object], entries: Sequence[Entry]) -> Mapping[str, object]:
    """`{subjects: [{subject, kind, gate, state, reason, generation, instance, since, approvers}]}`."""
    return {"formatVersion": "1", "target": target, "subjects": [_subject(entry) for entry in entries]}


def status_text(target: str, entries: Sequence[Entry]) -> str:
    """One paragraph per subject: its state, its name, since when, and why."""
    if not entries:
        return f"{target}: nothing waits\n"
    lines = [f"{target}:"]
    for entry in entries:
        state = shown_state(entry)
        since = entry.since.strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"  {state:<11} {plain(entry.subject)}  since {since}")
        if entry.title:
            lines.append(f"              {plain(entry.title)}")
        lines.append(f"              {plain(entry.reason.text)}")
        if entry.link and entry.state is not EntryState.CLOSED:
            lines.append(f"              {plain(entry.link)}")
    return "\n".join(lines) + "\n"


def _subject(entry: Entry) -> Mapping[str, object]:
    asked = entry.request.approvers if entry.request is not None else ()
    return {
        "subject": entry.subject,
        "kind": "review" if "#" in last_segment(entry.subject) else "stage",
        "gate": entry.gate or None,
        "state": shown_state(entry),
        "reason": {"code": entry.reason.code, "text": entry.reason.text},
        "generation": entry.generation,
        "instance": {"code": entry.instance, "link": entry.link or None} if entry.instance else None,
        "since": entry.since.isoformat().replace("+00:00", "Z"),
        "approvers": [person.email for person in asked],
    }
