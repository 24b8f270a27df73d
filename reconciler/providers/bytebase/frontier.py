"""Which stage of a change is its frontier, told from a list without reading the change. Pure (facts §11.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.ids import canonical_json
from reconciler.ports.sync import Sighting
from reconciler.providers.bytebase.review_steps import awaits_review, step_name
from reconciler.providers.bytebase.translate import task_status
from reconciler.providers.bytebase.wire_changes import WireIssue, WirePlan, WireRollout
from reconciler.subjects.change import FINISHED

StageWords = tuple[str, tuple[tuple[str, int], ...]]
"""A stage's name and how many of its tasks have each status, sorted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One change in a list: its stages in rollout order, and whatever else of it shows that it changed.

    Of a review: `plan` is its issue, `step` what it waits for, `flow` the roles of its steps.
    """

    plan: str
    stages: tuple[StageWords, ...]
    marks: tuple[str, ...] = ()
    step: str | None = None
    flow: tuple[str, ...] = ()

    @property
    def frontier(self) -> str | None:
        """The first stage with a task neither DONE nor SKIPPED; a word not heard of counts as unfinished."""
        return next((name for name, counts in self.stages if _is_unfinished(word for word, _ in counts)), None)

    @property
    def waiting(self) -> str | None:
        """What waits: the review step or the frontier."""
        return self.step or self.frontier

    def sighting(self, rights: str = "") -> Sighting:
        """What the gate loop is told. `rights` is a text that differs when the people who may decide differ."""
        signal = canonical_json([self.stages, self.marks, rights])
        return Sighting(self.plan, self.waiting, signal, "/".join(self.plan.split("/")[:2]))


def seen_in_plan(plan: WirePlan) -> Seen:
    """From a plan's stage summaries (3.17+)."""
    stages = tuple(
        (
            summary.stage,
            tuple(sorted((entry.status, entry.count) for entry in summary.task_status_counts if entry.count > 0)),
        )
        for summary in plan.rollout_stage_summaries
    )
    marks = (plan.state, plan.issue_status, plan.approval_status, str(plan.update_time))
    return Seen(plan.name, stages, marks)


def seen_in_rollout(rollout: WireRollout) -> Seen:
    """From a whole rollout: for plans that the list of plans hides, and for servers without summaries."""
    stages = tuple((stage.name, _counted([task.status for task in stage.tasks])) for stage in rollout.stages)
    return Seen(rollout.name.removesuffix("/rollout"), stages, (str(rollout.update_time),))


def seen_in_issue(issue: WireIssue) -> Seen:
    """From an open issue: the step that its review waits for, if any."""
    marks = (issue.status, issue.approval_status, str(len(issue.approvers)), str(issue.update_time))
    return Seen(issue.name, (), marks, step_name(issue) if awaits_review(issue) else None, issue.roles)


def _counted(words: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((word, words.count(word)) for word in set(words)))


def _is_unfinished(words: Iterable[str]) -> bool:
    return any(task_status(word) not in FINISHED for word in words)
