"""One external node as the gate loop's approval port: asked, read, withdrawn; it has neither comments nor reminders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.errors import ConflictError, NotFoundError, RefusedError
from reconciler.providers.external.exchange import Exchange
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.external.wire import RelayApproval, V1Approval
from reconciler.providers.http import HttpSettings
from reconciler.subjects.gate import node_code
from reconciler.subjects.instance import (
    CancelResult,
    Decision,
    Dialect,
    Instance,
    InstanceRequest,
    InstanceStatus,
    LiveDefinition,
    NodeTask,
    NodeTaskStatus,
    Resolution,
    TimelineEvent,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where a node tells no time; the loop knows when it asked and when it first saw an answer."""
_ENDED = {
    "APPROVED": InstanceStatus.APPROVED,
    "REJECTED": InstanceStatus.REJECTED,
    "CANCELED": InstanceStatus.CANCELED,
}
"""Every other word means that nobody has decided yet (facts R-06)."""
_TASKS = {InstanceStatus.APPROVED: NodeTaskStatus.APPROVED, InstanceStatus.REJECTED: NodeTaskStatus.REJECTED}


class NodeApprovals:
    """Questions to one node. What was withdrawn reads as withdrawn, whatever a relay goes on to say of it (facts R-07)."""

    def __init__(self, settings: NodeSettings, *, http: HttpSettings | None = None) -> None:
        self._code = node_code(settings.name)
        self._dialect = settings.dialect
        self._resends = settings.resends or settings.dialect is Dialect.V1
        self._exchange = Exchange(settings, http=http)
        self._withdrawn: set[str] = set()

    async def aclose(self) -> None:
        """Let running calls end, then close."""
        await self._exchange.aclose()

    async def definition(self, name: str) -> LiveDefinition:
        """The node as a place where questions are decided; nothing about it can be asked."""
        return LiveDefinition(name, self._code, "", Decision.ANY, dialect=self._dialect, resends=self._resends)

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """A node knows people by their e-mails."""
        return Resolution({email: email for email in emails}, {})

    async def bot(self) -> str:
        """Nobody stands in for a requester here."""
        return ""

    async def create(self, request: InstanceRequest) -> str:
        """Ask. Never a ConflictError: no node tells what else it holds under a key."""
        asked = await self._exchange.ask(_body(request, self._dialect), key=request.uuid)
        return f"{self._code}:{asked.id}"

    async def read(self, code_or_uuid: str) -> Instance:
        """What the node says of a question now."""
        return self._instance(code_or_uuid, await self._exchange.read(self._id(code_or_uuid)))

    async def find(self, uuid: str, definition_code: str) -> Instance:
        """Neither dialect can look up what was asked under a key."""
        del uuid
        raise NotFoundError(
            "an external node cannot tell what it was asked", where=definition_code, next_step="look there by hand"
        )

    async def cancel(self, instance: Instance) -> CancelResult:
        """Withdraw a question. What the node refuses to withdraw is read again: ended there, or never to be withdrawn by us."""
        approval = self._id(instance.code)
        withdraw = self._exchange.empty if self._dialect is Dialect.RELAY else self._exchange.delete
        try:
            word = await withdraw(approval)
        except ConflictError:
            return CancelResult.NOT_PENDING
        except (NotFoundError, RefusedError):
            return await self._not_withdrawn(approval)
        if _ENDED.get(word) in _TASKS:
            return CancelResult.NOT_PENDING  # somebody was faster; what he decided is read as it is
        self._withdrawn.add(instance.code)
        return CancelResult.CANCELED

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        """A node has no comments; what happened is said on the issue."""

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """A node reminds its people itself."""
        del instance, mark, text, link
        return "the external node has nothing to remind by"

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        """Cards are Feishu's."""

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        """A node lists nothing."""
        del definition_code, since
        return ()

    def link(self, instance: str) -> str:
        """A node tells no address for people."""
        del instance
        return ""

    def _id(self, code: str) -> str:
        return code.removeprefix(f"{self._code}:")

    async def _not_withdrawn(self, approval: str) -> CancelResult:
        """Also an old relay that serves no withdrawals at all answers 404 to one."""
        try:
            found = await self._exchange.read(approval)
        except NotFoundError:
            return CancelResult.NOT_PENDING
        return CancelResult.NOT_PENDING if found.status in _ENDED else CancelResult.REFUSED

    def _instance(self, code: str, found: RelayApproval) -> Instance:
        said = _ENDED.get(found.status, InstanceStatus.PENDING)
        status = InstanceStatus.CANCELED if code in self._withdrawn else said
        plain = Instance(code, "", self._code, status, submitter="", started=EPOCH, form=())
        if not isinstance(found, V1Approval):
            return plain
        return replace(
            plain,
            form=(("digest", found.digest),) if found.digest else (),
            tasks=_tasks(status, found),
            timeline=_timeline(status, found),
        )


def _body(request: InstanceRequest, dialect: Dialect) -> dict[str, object]:
    """The question: for a relay the fields that it has always had, for v1 more (facts B.2)."""
    brief = request.brief
    if brief is None:
        raise RefusedError("this request was made for Feishu", next_step="ask again with /feishu")
    body: dict[str, object] = {
        "issueId": brief.issue,
        "creator": brief.creator,
        "title": brief.title,
        "description": brief.description,
        "project": brief.project,
        "statement": brief.statement,
        "createTime": brief.created.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    if dialect is Dialect.RELAY:
        return body
    return {
        **body,
        "subject": brief.subject,
        "stage": brief.stage,
        "link": brief.link,
        "approvers": [person.email for person in request.approvers],
        "digest": brief.digest,
    }


def _tasks(status: InstanceStatus, found: V1Approval) -> tuple[NodeTask, ...]:
    word = _TASKS.get(status)
    if word is None or not found.actor:
        return ()
    return (NodeTask(found.id, found.actor.strip().lower(), word, "", ""),)


def _timeline(status: InstanceStatus, found: V1Approval) -> tuple[TimelineEvent, ...]:
    if status is not InstanceStatus.REJECTED or not found.actor:
        return ()
    return (TimelineEvent("REJECT", EPOCH, found.actor.strip().lower(), "", found.reason),)
