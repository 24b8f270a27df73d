"""Answering review steps: one account per flow role, one call per answer, and what the timeline keeps of it (facts §8.4)."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.ports.sync import Reviewer
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.conditions import Moment
from reconciler.providers.bytebase.directory import RightsReader
from reconciler.providers.bytebase.observing import parts_of
from reconciler.providers.bytebase.people import is_bound, role_name
from reconciler.providers.bytebase.timeline import Timelines
from reconciler.subjects.change import Change, ReviewStep


class Reviews:
    """Our side of reviews. `reviewers` are clients by flow role; a role without one is never answered."""

    def __init__(self, rights: RightsReader, timelines: Timelines, reviewers: Mapping[str, BytebaseClient]) -> None:
        self._rights = rights
        self._timelines = timelines
        self._reviewers = {role_name(role): client for role, client in reviewers.items()}

    @property
    def is_wanted(self) -> bool:
        """Whether reviews are looked at, at all."""
        return bool(self._reviewers)

    async def reviewer(self, change: Change, role: str, moment: Moment) -> Reviewer:
        """The account that answers this role's steps. It must be bound to the role by name, and must not be the creator."""
        client = self._reviewers.get(role)
        if client is None:
            return Reviewer("", "the spec declares no reviewer for it (spec.bytebase.reviewers)")
        email = client.email
        project = await self._rights.project(change.project)
        if change.issue is not None and change.issue.creator == email and not project.allow_self_approval:
            return Reviewer(email, f"{email} created the issue, and the project does not allow self-approval")
        if not is_bound(await self._rights.directory(change.project), role, email, moment):
            return Reviewer(email, f"{email} is not bound to it in the project or the workspace")
        return Reviewer(email)

    async def answer(self, change: Change, step: ReviewStep, *, approve: bool, text: str) -> None:
        """Answer whatever step is pending now, as the reviewer of this step's role; sent once and never again by itself."""
        if change.issue is None:
            raise AssertionError("only a change with an issue is reviewed")
        issues = self._reviewers[step.role].issues
        async with parts_of(change.issue.name):
            if approve:
                await issues.approve(change.issue.name, text)
            else:
                await issues.reject(change.issue.name, text)

    async def answers_with(self, issue: str, mark: str) -> int:
        """How many answers of ours in the issue's timeline carry the mark; others' do not count: anybody may copy one."""
        own = {client.email for client in self._reviewers.values()}
        return sum(
            comment.creator in own and comment.text.partition("\n")[0].strip() == f"<!-- reconciler:{mark} -->"
            for comment in await self._timelines.answers(issue)
        )
