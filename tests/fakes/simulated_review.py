"""An issue's review in the simulated world: steps by role, answered by the accounts of those roles or by people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from reconciler.subjects.change import Issue, ReviewStatus, ReviewStep, StepAnswer, Task, TaskStatus

OWNER, OA = "roles/projectOwner", "roles/oa"
FLOW = (OWNER, OA)


def account_of(role: str) -> str:
    """The account that answers the steps of a role for us."""
    return f"{role.rsplit('/', 1)[-1]}@service.bytebase.com"


@dataclass
class SimReview:
    """The review of one issue. `timeline` keeps every answer ever given, also ones that were reset since."""

    sheets: list[str]
    answers: list[StepAnswer] = field(default_factory=list)
    timeline: list[tuple[str, str]] = field(default_factory=list)
    is_checking: bool = False

    @property
    def is_rejected(self) -> bool:
        return any(not answer.is_approval for answer in self.answers)

    @property
    def is_over(self) -> bool:
        return len(self.answers) == len(FLOW) and not self.is_rejected

    @property
    def pending(self) -> str | None:
        """The role that may answer now."""
        if self.is_checking or self.is_rejected or self.is_over:
            return None
        return FLOW[len(self.answers)]

    def answer(self, email: str, *, approve: bool, text: str) -> None:
        self.answers.append(StepAnswer(email, approve))
        self.timeline.append((email, text))

    def reset(self, sheets: list[str]) -> None:
        """The plan's statements are written anew: equal ones reset the review too (facts §8.5)."""
        self.sheets, self.answers = sheets, []

    def issue(self, name: str, title: str, creator: str) -> Issue:
        status = ReviewStatus.PENDING
        if self.is_checking:
            status = ReviewStatus.CHECKING
        elif self.is_rejected:
            status = ReviewStatus.REJECTED
        roles = () if self.is_checking else FLOW
        number = name.rsplit("/", 1)[-1]
        return Issue(name, number, title, creator, "OPEN", status, roles=roles, answers=tuple(self.answers))

    def step(self, issue: str, plan: str) -> ReviewStep | None:
        if not self.is_checking and self.pending is None:
            return None
        index = len(self.answers)
        tasks = tuple(
            Task(
                f"{plan}/specs/{n}", "instances/inst-prod/databases/app", "DATABASE_MIGRATE", TaskStatus.NOT_STARTED, s
            )
            for n, s in enumerate(self.sheets)
        )
        flow = () if self.is_checking else FLOW
        return ReviewStep(f"{issue}#{index}", index, flow, "Two eyes", ("environments/prod",), tasks)


@dataclass(frozen=True)
class AnswerRecord:
    """An answer that one of our accounts gave."""

    at: datetime
    step: str
    approve: bool
    fingerprint: str
    fingerprint_at_look: str
    entitled_lately: frozenset[str]
