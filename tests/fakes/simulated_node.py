"""An external node in the simulated world: asked, polled, withdrawn; it names no slot, and as a relay nobody and no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fakes.simulated_world import SimApprovals, World

from reconciler.errors import NotFoundError
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
    TimelineEvent,
)


@dataclass
class NodeApproval:
    request: InstanceRequest
    status: InstanceStatus = InstanceStatus.PENDING
    actor: str = ""
    comment: str = ""


class SimNode(SimApprovals):
    """Feishu's port for definitions and the node's for `node:…`, as the product's router makes one of both."""

    def __init__(self, world: World, *, dialect: Dialect = Dialect.RELAY, resends: bool = False) -> None:
        super().__init__(world)
        self.dialect, self.resends = dialect, resends
        self.asked: dict[str, NodeApproval] = {}

    def decide(self, code: str, status: InstanceStatus, *, actor: str = "", comment: str = "") -> None:
        self.asked[code] = replace(self.asked[code], status=status, actor=actor, comment=comment)

    def pending(self) -> list[str]:
        return [code for code, each in self.asked.items() if each.status is InstanceStatus.PENDING]

    async def definition(self, name: str) -> LiveDefinition:
        if not name.startswith("node:"):
            return await super().definition(name)
        self._world.hook("definition.before")
        return LiveDefinition(name, name, "", Decision.ANY, dialect=self.dialect, resends=self.resends)

    async def create(self, request: InstanceRequest) -> str:
        if request.brief is None:
            return await super().create(request)
        self._world.hook("create.before")
        known = [code for code, each in self.asked.items() if each.request.uuid == request.uuid]
        if known and self.dialect is Dialect.V1:
            return known[0]
        code = f"{request.definition_code}:{len(self.asked) + 1}"
        self.asked[code] = NodeApproval(request)
        self._world.hook("create.after")
        return code

    async def find(self, uuid: str, definition_code: str) -> Instance:
        if not definition_code.startswith("node:"):
            return await super().find(uuid, definition_code)
        raise NotFoundError("a node cannot look a slot up")

    async def read(self, code_or_uuid: str) -> Instance:
        if not code_or_uuid.startswith("node:"):
            return await super().read(code_or_uuid)
        self._world.hook("read.before")
        found = self.asked[code_or_uuid]
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        tasks: tuple[NodeTask, ...] = ()
        timeline: tuple[TimelineEvent, ...] = ()
        form: tuple[tuple[str, str], ...] = ()
        if self.dialect is Dialect.V1:
            assert found.request.brief is not None
            form = (("digest", found.request.brief.digest),)
            if found.actor:
                is_approved = found.status is InstanceStatus.APPROVED
                word = NodeTaskStatus.APPROVED if is_approved else NodeTaskStatus.REJECTED
                tasks = (NodeTask("1", found.actor, word, "", ""),)
                timeline = () if is_approved else (TimelineEvent("REJECT", epoch, found.actor, "", found.comment),)
        name = found.request.definition_code
        return Instance(code_or_uuid, "", name, found.status, "", epoch, form, tasks, timeline)

    async def cancel(self, instance: Instance) -> CancelResult:
        if not instance.definition_code.startswith("node:"):
            return await super().cancel(instance)
        self._world.hook("cancel.before")
        self.asked[instance.code].status = InstanceStatus.CANCELED
        self._world.hook("cancel.after")
        return CancelResult.CANCELED

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        if not instance.startswith("node:"):
            await super().comment(instance, mark=mark, text=text)

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        if instance.definition_code.startswith("node:"):
            return "nothing to remind by"
        return await super().remind(instance, mark=mark, text=text, link=link)

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        return () if definition_code.startswith("node:") else await super().recent(definition_code, since)
