"""What an answer is spent on: the run of a stage, or the answer to a review step; as data, and what people read of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.ids import step_of
from reconciler.subjects.change import Stage
from reconciler.subjects.entry import Entry, Reason
from reconciler.subjects.gate import node_of
from reconciler.sync.decisions import Outcome
from reconciler.sync.foreign import markdown, one_line
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason


@dataclass(frozen=True, slots=True)
class Act:
    """One write in Bytebase. `meant` is what it is recognised by afterwards: tasks, each with its newest run before it.

    `mark` and `text` are those of a review step's answer; a run has none.
    """

    approve: bool
    meant: tuple[tuple[str, str], ...]
    begun: Reason
    evidence: tuple[tuple[str, str], ...]
    mark: str = ""
    text: str = ""


def act_of(seen: Observation, entry: Entry, *, actors: tuple[str, ...], approve: bool) -> Act:
    """What an approval or rejection by these people leads to. A rejected stage leads to nothing here."""
    who = ", ".join(actors)
    question = seen.question
    if isinstance(question, Stage):
        meant = tuple((task.name, task.newest_run.name if task.newest_run else "") for task in question.runnable)
        begun = reason("running", who=who)
        return Act(approve, meant, begun, (("tasks", " ".join(name for name, _ in meant)), ("link", entry.link)))
    meant = ((seen.subject, ""),)
    mark = answer_mark(entry)
    return Act(
        approve,
        meant,
        reason("answering", who=who),
        (("step", seen.subject), ("link", entry.link)),
        mark,
        _answer_text(entry, mark, who, approve=approve),
    )


def answer_mark(entry: Entry) -> str:
    """The mark in the text of a step's answer: of one slot, so that it tells whether this request was spent already."""
    return f"review:{entry.request.uuid if entry.request is not None else entry.subject}"


def spent_reason(entry: Entry) -> Reason:
    """What people are told once the answer was spent."""
    who = ", ".join(entry.actors)
    if step_of(entry.subject) is None:
        return reason("ran", who=who)
    if entry.outcome == Outcome.REJECTED.value:
        return reason("reviewRejected", who=who)
    return reason("reviewApproved", who=who)


def _answer_text(entry: Entry, mark: str, who: str, *, approve: bool) -> str:
    """What the review's timeline shows; of a rejection also the reason that was typed in Feishu."""
    node = node_of(entry.request.definition_code) if entry.request is not None else None
    place = "Feishu" if node is None else f"external node {node}"
    if not approve:
        english, chinese = f"{place}: {entry.reason.text}", f"{place}:{entry.reason.zh}"
    elif node is None:
        english, chinese = f"Approved in Feishu by {who}", f"由 {who} 在飞书中批准"
    else:
        english, chinese = f"Approved by {who} ({place})", f"由 {who} 批准({place})"
    lines = [f"<!-- reconciler:{mark} -->", markdown(one_line(english, 1_500)), "", markdown(one_line(chinese, 1_500))]
    return "\n".join([*lines, *(["", f"[{place}]({entry.link})"] if entry.link else [])])
