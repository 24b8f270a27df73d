"""What the page shows, as plain values: plans as pipelines of stages, and who decided what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from reconciler.daemon.parts import SyncTarget
from reconciler.ids import last_segment, root_of, step_of
from reconciler.report.gate_status import shown_state
from reconciler.report.values import plain
from reconciler.subjects.entry import Entry, EntryState, HistoryRow

SHOWN_PLANS = 100
SHOWN_DECISIONS = 50

_COUNTED = {
    EntryState.HELD: "held",
    EntryState.INTENDED: "being asked",
    EntryState.ASKED: "asked",
    EntryState.RUNNING: "running",
    EntryState.WITHDRAWING: "being withdrawn",
    EntryState.VOID: "void",
    EntryState.CLOSED: "over",
}
_WORDS = {
    "held": "held",
    "asked": "asked",
    "approved": "approved, but held",
    "running": "running",
    "rejected": "rejected",
    "withdrawing": "being withdrawn",
    "void": "void",
    "closed": "over",
}


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of a pipeline. `state` is the word `status` has for it, or 'other' where the ledger has no entry."""

    title: str
    state: str
    word: str
    since: datetime | None = None
    why: str = ""
    why_zh: str = ""
    gate: str = ""
    approvers: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    link: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class PlanView:
    """One change: its title, where to open it in Bytebase, and its stages in order."""

    title: str
    number: str
    link: str
    stages: tuple[StageView, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One line of the history in which a person had a part."""

    time: datetime
    subject: str
    decision: str
    why: str
    actor: str
    link: str


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target: `hidden` counts open plans beyond those shown."""

    name: str
    counts: tuple[tuple[str, int], ...]
    plans: tuple[PlanView, ...]
    hidden: int
    decisions: tuple[DecisionView, ...]


async def view_of(target: SyncTarget) -> TargetView:
    """Read what the page shows of one target; the plans that changed last come first."""
    entries = await target.ledger.entries()
    newest = sorted(entries, key=lambda entry: entry.since, reverse=True)
    plans = list(dict.fromkeys(_change(entry) for entry in newest))
    shown = [_plan_view(await _entries(target, change), change.root, target) for change in plans[:SHOWN_PLANS]]
    history = await target.ledger.history(limit=20 * SHOWN_DECISIONS)
    counts = await target.agenda.counts()
    return TargetView(
        name=target.name,
        counts=tuple((word, counts[state]) for state, word in _COUNTED.items() if counts.get(state)),
        plans=tuple(shown),
        hidden=max(0, len(plans) - SHOWN_PLANS),
        decisions=_decisions(history, target.approvals.link),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """One change as the ledger knows it: what its subjects are read by, and its issue."""

    root: str
    issue: str


def _change(entry: Entry) -> _Shown:
    root = root_of(entry.subject)
    return _Shown(root, entry.issue if entry.issue != root else "")


async def _entries(target: SyncTarget, change: _Shown) -> Sequence[Entry]:
    """The entries of a change's stages, after those of its issue's review."""
    reviews = await target.ledger.entries_of_plan(change.issue) if change.issue else ()
    return (*reviews, *await target.ledger.entries_of_plan(change.root))


def _plan_view(entries: Sequence[Entry], plan: str, target: SyncTarget) -> PlanView:
    known = {entry.subject: entry for entry in entries}
    pipelines = sorted((entry.stages for entry in entries), key=len)
    names = sorted(name for name in known if step_of(name) is not None)
    names += pipelines[-1] if pipelines else ()
    names += [name for name in sorted(known) if name not in names]
    last = max(entries, key=lambda entry: entry.since)
    name = last.issue or plan
    number = f"#{last_segment(last.issue)}" if last.issue else f"plan {last_segment(plan)}"
    return PlanView(
        title=plain(last.title),
        number=plain(number),
        link=safe_link(f"{target.bytebase_url.rstrip('/')}/{name}"),
        stages=tuple(_stage_view(known.get(stage), stage) for stage in names),
    )


def _stage_view(entry: Entry | None, name: str) -> StageView:
    if entry is None:
        return StageView(title=_title(name), state="other", word="")
    asked = entry.request.approvers if entry.request is not None else ()
    state = shown_state(entry)
    return StageView(
        title=_title(name),
        state=state,
        word=_WORDS[state],
        since=entry.since,
        why=plain(entry.reason.text),
        why_zh=plain(entry.reason.zh),
        gate=plain(entry.gate),
        approvers=tuple(plain(person.email) for person in asked),
        actors=tuple(plain(actor) for actor in entry.actors),
        link=safe_link(entry.link),
        subject=plain(entry.subject),
    )


def _title(subject: str) -> str:
    step = step_of(subject)
    return plain(last_segment(subject)) if step is None else f"Review {step[1] + 1}"


def _decisions(history: Iterable[HistoryRow], link: Callable[[str], str]) -> tuple[DecisionView, ...]:
    with_people = [row for row in history if row.actor][-SHOWN_DECISIONS:]
    return tuple(
        DecisionView(
            time=row.time,
            subject=plain(row.subject),
            decision=plain(row.decision),
            why=plain(row.reason.text),
            actor=plain(row.actor),
            link=safe_link(link(row.instance)) if row.instance else "",
        )
        for row in reversed(with_people)
    )


def safe_link(link: str) -> str:
    """The link if a browser may open it, else ''."""
    return link if urlsplit(link).scheme in {"http", "https"} else ""
