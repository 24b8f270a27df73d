"""Where a subject stands: waiting, in flight or over, with the sentence that says so; for stages and review steps. Pure."""

from __future__ import annotations

from reconciler.ids import step_of
from reconciler.subjects.change import ACTIVE, Change, Issue, ReviewStatus, Stage
from reconciler.subjects.entry import Entry, Reason
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.situation import Stand


def stand_of(seen: Observation) -> tuple[Stand, Reason]:
    """Where the observed subject stands, and why."""
    if seen.change is None:
        return Stand.OVER, reason("gone")
    if not seen.change.is_active:
        return Stand.OVER, reason("planClosed")
    step = step_of(seen.subject)
    return _stage(seen, seen.change) if step is None else _step(seen, seen.change, step[1])


def _stage(seen: Observation, change: Change) -> tuple[Stand, Reason]:
    stage = seen.stage
    if stage is None or stage.is_finished:
        return Stand.OVER, reason("ended")
    active = [task for task in stage.tasks if task.status in ACTIVE]
    if active:
        starters = {task.newest_run.creator if task.newest_run else "" for task in active}
        if starters == {seen.own_email} and _acted_for_entry(seen):
            return Stand.IN_FLIGHT_OURS, reason("inFlight")
        others = sorted(name or "Bytebase" for name in starters - {seen.own_email})
        return Stand.IN_FLIGHT_OTHERS, reason("runByHand", who=", ".join(others) or seen.own_email)
    frontier = change.frontier
    if frontier is None or frontier.name != stage.name:
        return Stand.OVER, reason("notFrontier")
    if seen.gate is None:
        return Stand.OVER, reason("notGated")
    return Stand.WAITING, reason("waiting")


def _step(seen: Observation, change: Change, index: int) -> tuple[Stand, Reason]:
    issue = change.issue
    if issue is None:
        return Stand.OVER, reason("gone")
    if issue.status != "OPEN":
        return Stand.OVER, reason("issueClosed", status=issue.status)
    if len(issue.answers) > index:
        return Stand.OVER, _answered(issue, index)
    if seen.step is None:
        is_earlier = issue.review is ReviewStatus.PENDING and len(issue.answers) < index
        return Stand.OVER, reason("stepNotReached" if is_earlier else "stepEnded")
    if seen.gate is None:
        return Stand.OVER, reason("stepNotGated")
    return Stand.WAITING, reason("waiting")


def _answered(issue: Issue, index: int) -> Reason:
    answer = issue.answers[index]
    return reason("stepApproved" if answer.is_approval else "stepRejected", who=answer.email or "Bytebase")


def _acted_for_entry(seen: Observation) -> bool:
    return seen.entry is not None and bool(seen.entry.run_tasks)


def act_is_visible(entry: Entry, seen: Observation) -> bool:
    """Whether Bytebase shows what the entry's approval or rejection was spent on, as done by our account.

    A stage: a task it was meant for has a newer run of ours. A review step: the step was answered by us.
    """
    if not entry.run_tasks:
        return False
    step = step_of(seen.subject)
    if step is None:
        return seen.stage is not None and _ran(entry, seen.stage, seen.own_email)
    answers = seen.change.issue.answers if seen.change is not None and seen.change.issue is not None else ()
    return len(answers) > step[1] and answers[step[1]].email == seen.own_email


def _ran(entry: Entry, stage: Stage, own_email: str) -> bool:
    before = dict(entry.run_tasks)
    return any(
        task.name in before
        and task.newest_run is not None
        and task.newest_run.name != before[task.name]
        and task.newest_run.creator == own_email
        for task in stage.tasks
    )
