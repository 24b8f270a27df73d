"""Both upstream ports behind circuits: a configuration known to be broken is not asked again by every pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.daemon.circuit import Circuits
from reconciler.ids import project_of
from reconciler.ports.sync import ApprovalPort, Reviewer, Sighting, SubjectPort
from reconciler.subjects.change import Change, Comment, Entitlement, Question, ReviewStep, Stage, Statement
from reconciler.subjects.gate import ApproverSource
from reconciler.subjects.instance import CancelResult, Instance, InstanceRequest, LiveDefinition, Resolution


class GuardedSubjects:
    """Bytebase's port; a right may be missing in one project and held in another."""

    def __init__(self, port: SubjectPort, circuits: Circuits, *, account: str) -> None:
        self._port = port
        self._circuits = circuits
        self._account = account

    async def discover(self, *, full: bool) -> Sequence[Sighting]:
        """See the port."""
        return await self._circuits.call(self._account, "discovery", lambda: self._port.discover(full=full))

    async def observe(self, root: str) -> Change:
        """See the port."""
        return await self._circuits.call(
            self._account, _in("reading", root), lambda: self._port.observe(root), item=root
        )

    def distrust(self) -> None:
        """See the port."""
        self._port.distrust()

    async def entitled(self, change: Change, question: Question, source: ApproverSource) -> Entitlement:
        """See the port."""
        part = _in("reading people", change.plan)
        return await self._circuits.call(
            self._account, part, lambda: self._port.entitled(change, question, source), item=change.plan
        )

    async def statements(self, change: Change, question: Question) -> Sequence[Statement]:
        """See the port."""
        part = _in("reading SQL", change.plan)
        return await self._circuits.call(
            self._account, part, lambda: self._port.statements(change, question), item=question.name
        )

    async def run(self, stage: Stage, tasks: Sequence[str]) -> None:
        """See the port."""
        part = f"{_in('running', stage.name)}/{stage.environment}"
        await self._circuits.call(self._account, part, lambda: self._port.run(stage, tasks), item=stage.name)

    async def skip(self, stage: Stage, tasks: Sequence[str], reason: str) -> None:
        """See the port."""
        part = f"{_in('skipping', stage.name)}/{stage.environment}"
        await self._circuits.call(self._account, part, lambda: self._port.skip(stage, tasks, reason), item=stage.name)

    async def reviewer(self, change: Change, role: str) -> Reviewer:
        """See the port."""
        part = _in("reading people", change.plan)
        return await self._circuits.call(
            self._account, part, lambda: self._port.reviewer(change, role), item=change.plan
        )

    async def answer(self, change: Change, step: ReviewStep, *, approve: bool, text: str) -> None:
        """See the port; the reviewer of each role is an account of its own."""
        part = f"{_in('answering', step.name)} for {step.role}"
        await self._circuits.call(
            self._account, part, lambda: self._port.answer(change, step, approve=approve, text=text), item=step.name
        )

    async def answers_with(self, issue: str, mark: str) -> int:
        """See the port."""
        return await self._circuits.call(
            self._account, _in("reading comments", issue), lambda: self._port.answers_with(issue, mark), item=issue
        )

    async def comments(self, issue: str) -> Sequence[Comment]:
        """See the port."""
        return await self._circuits.call(
            self._account, _in("reading comments", issue), lambda: self._port.comments(issue), item=issue
        )

    async def put_comment(self, issue: str, *, mark: str, text: str, edit: bool) -> None:
        """See the port."""
        part = _in("commenting", issue)
        await self._circuits.call(
            self._account, part, lambda: self._port.put_comment(issue, mark=mark, text=text, edit=edit), item=issue
        )

    async def own_email(self) -> str:
        """See the port."""
        return await self._circuits.call(self._account, "log-in", self._port.own_email)


class GuardedApprovals:
    """Feishu's port; a scope may be missing for one kind of call, a definition may be out of use."""

    def __init__(self, port: ApprovalPort, circuits: Circuits, *, app: str) -> None:
        self._port = port
        self._circuits = circuits
        self._app = app

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """See the port."""
        return await self._circuits.call(self._app, "finding people", lambda: self._port.resolve(emails))

    async def bot(self) -> str:
        """See the port."""
        return await self._circuits.call(self._app, "the bot", self._port.bot)

    async def definition(self, name: str) -> LiveDefinition:
        """See the port."""
        return await self._circuits.call(self._app, f"definition {name}", lambda: self._port.definition(name))

    async def create(self, request: InstanceRequest) -> str:
        """See the port."""
        part = f"asking by {request.definition_code}"
        return await self._circuits.call(self._app, part, lambda: self._port.create(request), item=request.uuid)

    async def read(self, code_or_uuid: str) -> Instance:
        """See the port."""
        return await self._circuits.call(
            self._app, "reading requests", lambda: self._port.read(code_or_uuid), item=code_or_uuid
        )

    async def find(self, uuid: str, definition_code: str) -> Instance:
        """See the port."""
        return await self._circuits.call(
            self._app, "reading requests", lambda: self._port.find(uuid, definition_code), item=uuid
        )

    async def cancel(self, instance: Instance) -> CancelResult:
        """See the port."""
        return await self._circuits.call(
            self._app, "withdrawing", lambda: self._port.cancel(instance), item=instance.code
        )

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        """See the port."""
        await self._circuits.call(
            self._app, "commenting", lambda: self._port.comment(instance, mark=mark, text=text), item=instance
        )

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """See the port."""
        return await self._circuits.call(
            self._app,
            "reminding",
            lambda: self._port.remind(instance, mark=mark, text=text, link=link),
            item=instance.code,
        )

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        """See the port."""
        await self._circuits.call(
            self._app,
            "sending cards",
            lambda: self._port.card(receiver, mark=mark, title=title, text=text, link=link),
            item=receiver,
        )

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        """See the port."""
        return await self._circuits.call(
            self._app, "listing requests", lambda: self._port.recent(definition_code, since)
        )

    def link(self, instance: str) -> str:
        """See the port."""
        return self._port.link(instance)


def _in(what: str, name: str) -> str:
    return f"{what} in {project_of(name)}"
