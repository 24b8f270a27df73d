"""Bytebase as the gate loop's `SubjectPort`: discovery, whole observations, people, acts on a stage, comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.errors import ForbiddenError
from reconciler.ids import is_issue, project_of
from reconciler.ports.sync import Clock, Reviewer, Sighting
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.conditions import Moment
from reconciler.providers.bytebase.directory import RightsReader
from reconciler.providers.bytebase.entitlement import EntitlementReader
from reconciler.providers.bytebase.frontier import Seen, seen_in_issue, seen_in_plan, seen_in_rollout
from reconciler.providers.bytebase.observing import ChangeReader, parts_of
from reconciler.providers.bytebase.reviewing import Reviews
from reconciler.providers.bytebase.statements import StatementReader
from reconciler.providers.bytebase.timeline import Timelines
from reconciler.subjects.change import Change, Comment, Entitlement, Question, ReviewStep, Stage, Statement
from reconciler.subjects.gate import ApproverSource

OPEN_CHANGES = 'status == "OPEN" && type == "DATABASE_CHANGE"'
HAS_ROLLOUT = "has_rollout == true"
"""Deleted plans are listed too, so that closing a plan is seen as a change of its signal."""


class BytebaseSubjects:
    """The stages of one Bytebase, read and run as one account; and its reviews, each role answered as an account of its own.

    Without `reviewers` no review is looked for.
    """

    def __init__(
        self,
        client: BytebaseClient,
        clock: Clock,
        *,
        rights: RightsReader | None = None,
        reviewers: Mapping[str, BytebaseClient] | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._rights = rights or RightsReader(client)
        self._changes = ChangeReader(client, self._rights, with_reviews=bool(reviewers))
        self._entitlements = EntitlementReader(self._rights)
        self._statements = StatementReader(client)
        self._timelines = Timelines(client)
        self._reviews = Reviews(self._rights, self._timelines, reviewers or {})

    async def own_email(self) -> str:
        """The e-mail of the account that runs tasks and writes comments."""
        return self._client.email

    async def discover(self, *, full: bool) -> Sequence[Sighting]:
        """Changes with a rollout in every visible project, sorted by plan.

        Costs one page per project (the newest plans), more only where `full` follows all pages and looks for hidden
        plans, and a bounded number of calls for the rights that waiting stages depend on.
        """
        dialect = (await self._client.server()).dialect
        seen: dict[str, Seen] = {}
        for project in await self._client.projects.visible():
            if dialect.has_stage_summaries:
                found = await self._in_plans(project.name, full=full)
            else:
                found = await self._in_rollouts(project.name)
            seen.update((change.plan, change) for change in found)
            if self._reviews.is_wanted:
                seen.update((change.plan, change) for change in await self._in_issues(project.name))
        return await self._with_rights([seen[name] for name in sorted(seen)])

    async def observe(self, root: str) -> Change:
        """Read one change whole, by its plan or its issue. NotFoundError only when that itself answers 404."""
        return await (self._changes.read_issue(root) if is_issue(root) else self._changes.read(root))

    def distrust(self) -> None:
        """Read rights and people anew from now on."""
        self._rights.distrust()

    async def entitled(self, change: Change, question: Question, source: ApproverSource) -> Entitlement:
        """Who may decide this now; requesters not yet taken out."""
        async with parts_of(question.name):
            return await self._entitlements.read(change, question, source, self._moment())

    async def statements(self, change: Change, question: Question) -> Sequence[Statement]:
        """The SQL of the tasks asked about, identical texts once, in order of first task."""
        del change
        return await self._statements.read(question)

    async def reviewer(self, change: Change, role: str) -> Reviewer:
        """The account that answers steps of this role in the change's review, and whether it may."""
        async with parts_of(change.plan):
            return await self._reviews.reviewer(change, role, self._moment())

    async def answer(self, change: Change, step: ReviewStep, *, approve: bool, text: str) -> None:
        """Answer the pending step; never repeated by itself. Success proves nothing: observe again."""
        await self._reviews.answer(change, step, approve=approve, text=text)

    async def answers_with(self, issue: str, mark: str) -> int:
        """How many answers of ours, also ones that were reset since, carry the mark."""
        return await self._reviews.answers_with(issue, mark)

    async def run(self, stage: Stage, tasks: Sequence[str]) -> None:
        """Start these tasks in one call; never repeated by itself. Success proves nothing: observe again."""
        async with parts_of(stage.name):
            await self._client.rollouts.run(stage.name, tasks)

    async def skip(self, stage: Stage, tasks: Sequence[str], reason: str) -> None:
        """Skip these tasks for good, with a reason."""
        async with parts_of(stage.name):
            await self._client.rollouts.skip(stage.name, tasks, reason)

    async def comments(self, issue: str) -> Sequence[Comment]:
        """All plain comments of an issue, oldest first."""
        return await self._timelines.comments(issue)

    async def put_comment(self, issue: str, *, mark: str, text: str, edit: bool) -> None:
        """Write a comment that carries `mark`, unless one of ours already does; `edit` then brings its text up to date."""
        await self._timelines.put(issue, mark=mark, text=text, edit=edit)

    async def _in_plans(self, project: str, *, full: bool) -> Sequence[Seen]:
        if not full:
            return [seen_in_plan(plan) for plan in await self._client.plans.newest(project, HAS_ROLLOUT)]
        listed = [seen_in_plan(plan) for plan in await self._client.plans.list_of(project, HAS_ROLLOUT)]
        known = {change.plan for change in listed}
        hidden = [change for change in await self._in_rollouts(project) if change.plan not in known]
        return [*listed, *hidden]

    async def _in_rollouts(self, project: str) -> Sequence[Seen]:
        try:
            return [seen_in_rollout(rollout) for rollout in await self._client.rollouts.list_of(project)]
        except ForbiddenError:
            return []  # a role that lists plans but not rollouts: hidden plans stay hidden

    async def _in_issues(self, project: str) -> Sequence[Seen]:
        return [seen_in_issue(issue) for issue in await self._client.issues.list_of(project, OPEN_CHANGES)]

    async def _with_rights(self, changes: Sequence[Seen]) -> Sequence[Sighting]:
        places = {change.plan: _place(change) for change in changes}
        waiting = [place for place in places.values() if place is not None]
        environments = sorted({place[1] for place in waiting if place[1]})
        await self._rights.look(sorted({place[0] for place in waiting}), environments)
        moment = self._moment()
        signals = {place: await self._entitlements.signal(*place[:2], moment, flow=place[2]) for place in set(waiting)}
        return [
            change.sighting(signals[place] if (place := places[change.plan]) is not None else "") for change in changes
        ]

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._clock.skew())


def _place(change: Seen) -> tuple[str, str, tuple[str, ...]] | None:
    """The project whose rights decide what waits, and its environment or its flow's roles; None where nothing waits."""
    waiting = change.waiting
    if waiting is None:
        return None
    environment = "" if change.step is not None else f"environments/{waiting.rpartition('/')[2]}"
    return project_of(change.plan), environment, change.flow
