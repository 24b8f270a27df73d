"""What doctor's probe does in Feishu: asks, reads, approves as the bot, withdraws."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from reconciler.providers.feishu.approvals import FeishuApprovals
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.hearing import FeishuHearing
from reconciler.providers.feishu.wire.instances import TaskBody
from reconciler.subjects.instance import CancelResult, Instance, InstanceRequest, LiveDefinition, NodeTask


class FeishuProbe:
    """One app's bot, asking itself."""

    def __init__(self, client: FeishuClient, approvals: FeishuApprovals) -> None:
        self._client = client
        self._approvals = approvals

    async def bot(self) -> str:
        """The bot's open id."""
        return await self._approvals.bot()

    async def definition(self, name: str) -> LiveDefinition:
        """The live definition behind a spec name."""
        return await self._approvals.definition(name)

    async def create(self, request: InstanceRequest) -> str:
        """Create an instance; sent once."""
        return await self._approvals.create(request)

    async def read(self, code_or_uuid: str) -> Instance:
        """Read an instance."""
        return await self._approvals.read(code_or_uuid)

    async def approve(self, instance: Instance, task: NodeTask) -> None:
        """Approve a task of the bot; sent once."""
        body = TaskBody(
            approval_code=instance.definition_code, instance_code=instance.code, user_id=task.open_id, task_id=task.id
        )
        await self._client.instances.approve(body)

    async def cancel(self, instance: Instance) -> CancelResult:
        """Withdraw an instance as its submitter."""
        return await self._approvals.cancel(instance)

    def listening(self) -> AbstractAsyncContextManager[FeishuHearing]:
        """Listen for events while a block runs."""
        return FeishuHearing.over(self._client)

    def link(self, instance: str) -> str:
        """Opens the instance in the desktop client."""
        return self._approvals.link(instance)
