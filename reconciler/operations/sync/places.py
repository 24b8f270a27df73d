"""Feishu and the external nodes behind one approval port: each call goes where its question is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.errors import UnavailableError
from reconciler.ports.sync import ApprovalPort
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import CancelResult, Instance, InstanceRequest, LiveDefinition, Resolution


class Places:
    """The approval port of one target. `nodes` are external nodes by their spec names."""

    def __init__(self, feishu: ApprovalPort, nodes: Mapping[str, ApprovalPort]) -> None:
        self._feishu = feishu
        self._nodes = nodes

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """See the port; people are looked for in Feishu."""
        return await self._feishu.resolve(emails)

    async def bot(self) -> str:
        """See the port."""
        return await self._feishu.bot()

    async def definition(self, name: str) -> LiveDefinition:
        """See the port."""
        return await self._at(name).definition(name)

    async def create(self, request: InstanceRequest) -> str:
        """See the port."""
        return await self._at(request.definition_code).create(request)

    async def read(self, code_or_uuid: str) -> Instance:
        """See the port."""
        return await self._at(code_or_uuid).read(code_or_uuid)

    async def find(self, uuid: str, definition_code: str) -> Instance:
        """See the port."""
        return await self._at(definition_code).find(uuid, definition_code)

    async def cancel(self, instance: Instance) -> CancelResult:
        """See the port."""
        return await self._at(instance.definition_code).cancel(instance)

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        """See the port."""
        await self._at(instance).comment(instance, mark=mark, text=text)

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """See the port."""
        return await self._at(instance.definition_code).remind(instance, mark=mark, text=text, link=link)

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        """See the port."""
        await self._feishu.card(receiver, mark=mark, title=title, text=text, link=link)

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        """See the port."""
        return await self._at(definition_code).recent(definition_code, since)

    def link(self, instance: str) -> str:
        """See the port."""
        return self._at(instance).link(instance)

    def _at(self, code: str) -> ApprovalPort:
        name = node_of(code)
        if name is None:
            return self._feishu
        node = self._nodes.get(name)
        if node is None:
            raise UnavailableError(
                f"the external node {name} is not in the spec any more",
                where=code,
                next_step="put it back until what it was asked is ended: reconciler sync --drain",
            )
        return node
