"""The probe: the bot asks the bot, approves, asks again and withdraws; every step is believed only when it is read back.

Nothing is sent twice: a lost answer is looked up by the request's uuid, or read off the request itself.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import ConflictError, NotFoundError, ReconcilerError, UnavailableError
from reconciler.ids import slot_uuid
from reconciler.ports.setup import Hearing, ProbePort
from reconciler.setup.check import Check, Item, cause_of
from reconciler.setup.facts import Console
from reconciler.setup.probe import (
    APPROVE,
    ASK,
    ASK_AGAIN,
    EVENT,
    READ,
    WITHDRAW,
    Hears,
    differences,
    probe_request,
    unasked,
)
from reconciler.subjects.instance import Instance, InstanceRequest, InstanceStatus, NodeTask, NodeTaskStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """Which definition is tried, for which integration. `run` names this run: each has requests of its own.

    `patience` is how long the long connection, and then an event, is waited for, in seconds.
    """

    definition: str
    identity: str
    integration: str
    run: str
    link: str
    hears: Hears = Hears.NOT_WANTED
    patience: float = 10.0

    def uuid(self, number: int) -> str:
        """The uuid of one of the run's requests."""
        return slot_uuid(self.identity, self.integration, f"doctor/{self.definition}/{self.run}", number)


async def probe(request: ProbeRequest, port: ProbePort, console: Console) -> list[Check]:
    """The lines of a probe; what depends on a step that failed is not tried."""
    tried = _Probe(request, port, console)
    if request.hears is not Hears.BY_ITSELF:
        return [*await tried.run(), *_unheard(request, console)]
    async with port.listening() as hearing:
        is_connected = await hearing.is_connected(within=request.patience)
        lines = await tried.run()
        return [*lines, await _event(request, lines[0], tried.asked, hearing if is_connected else None, console)]


def _unheard(request: ProbeRequest, console: Console) -> list[Check]:
    if request.hears is Hears.NOT_WANTED:
        return []
    cause, fix = {
        Hears.ELSEWHERE: (
            "a long connection is open with this app already, and Feishu gives each event to one of them at random",
            "stop sync for a minute and probe again, or look at `reconciler_events_total` of its /metrics",
        ),
        Hears.BY_CALLBACK: (
            "callbacks go to sync, which doctor does not see",
            "while sync runs, look at `reconciler_events_total` of its /metrics before and after a probe",
        ),
    }[request.hears]
    return [EVENT.unverifiable(cause, fix=fix, link=console.page("event"))]


async def _event(
    request: ProbeRequest, first: Check, asked: Instance | None, hearing: Hearing | None, console: Console
) -> Check:
    if asked is None:
        return EVENT.after(first)
    link = console.page("event")
    if hearing is None:
        return EVENT.unverifiable(
            f"the long connection was not made within {request.patience:g} s",
            fix="see the line about the transport of events, and let this machine reach Feishu by wss",
            link=link,
        )
    if await hearing.hears(asked.code, within=request.patience):
        return EVENT.ok("an event of the request arrived over the long connection")
    return EVENT.failed(
        f"no event of the request arrived within {request.patience:g} s: every decision waits for the next poll",
        fix="see that approval_instance and approval_task are subscribed over the long connection and published; "
        f"then run reconciler apply --only feishu/subscription/{request.definition} --rewrite feishu/subscription",
        link=link,
    )


class _Probe:
    def __init__(self, request: ProbeRequest, port: ProbePort, console: Console) -> None:
        self._request = request
        self._port = port
        self._console = console
        self.asked: Instance | None = None

    async def run(self) -> list[Check]:
        first, asked, sent = await self._ask(ASK, 1)
        if asked is None or sent is None:
            return [first, *unasked(first)[1:]]
        self.asked = asked
        read = self._compare(sent, asked)
        approved = await self._approve(asked)
        again, second, _ = await self._ask(ASK_AGAIN, 2)
        withdrawn = WITHDRAW.after(again) if second is None else await self._withdraw(second)
        return [first, read, approved, again, withdrawn]

    async def _ask(self, item: Item, number: int) -> tuple[Check, Instance | None, InstanceRequest | None]:
        link = self._console.approvals()
        try:
            definition = await self._port.definition(self._request.definition)
            if definition.problem:
                fix = f"see the line about the definition {definition.name}"
                return item.failed(f"no request can be made: {definition.problem}", fix=fix, link=link), None, None
            bot = await self._port.bot()
            sent = probe_request(definition, bot=bot, uuid=self._request.uuid(number), link=self._request.link)
            instance = await self._created(sent)
        except ReconcilerError as error:
            return self._failed(item, error), None, None
        return item.ok(f"request {instance.code}", link=self._port.link(instance.code)), instance, sent

    async def _created(self, sent: InstanceRequest) -> Instance:
        try:
            return await self._port.read(await self._port.create(sent))
        except ConflictError:
            return await self._port.read(sent.uuid)  # an earlier attempt of ours arrived
        except UnavailableError as error:
            if not error.ambiguous:
                raise
            try:
                return await self._port.read(sent.uuid)
            except NotFoundError:
                raise error from None

    def _compare(self, sent: InstanceRequest, asked: Instance) -> Check:
        wrong = differences(sent, asked)
        if not wrong:
            return READ.ok("form, uuid and the approval node's id came back as they were sent")
        return READ.failed(
            f"not as it was sent: {', '.join(wrong)}; no approval of such a request would count",
            fix="run reconciler apply --only feishu/definition, then try again; if it stays so, report it",
            link=self._console.approvals(),
        )

    async def _approve(self, asked: Instance) -> Check:
        task = _own_task(asked)
        if task is None:
            return APPROVE.failed(
                "the request has no pending task of the bot",
                fix="see in the approval console how the definition's node picks its approvers",
                link=self._console.approvals(),
            )
        try:
            after = await self._evident(self._port.approve(asked, task), asked)
        except ReconcilerError as error:
            return self._failed(APPROVE, error)
        if after.status is InstanceStatus.APPROVED:
            return APPROVE.ok("one approval ends the request as approved")
        return APPROVE.failed(
            f"the request is {after.status.value} after its only approver approved",
            fix="see in the approval console what else the definition asks for",
            link=self._console.approvals(),
        )

    async def _withdraw(self, asked: Instance) -> Check:
        try:
            after = await self._evident(self._port.cancel(asked), asked)
        except ReconcilerError as error:
            return self._failed(WITHDRAW, error)
        if after.status is InstanceStatus.CANCELED:
            return WITHDRAW.ok("the tenant lets submitters withdraw requests")
        return WITHDRAW.failed(
            f"the request is {after.status.value} after its withdrawal: requests that no longer count would stay open",
            fix="allow submitters to withdraw requests in the approval console",
            link=self._console.approvals(),
        )

    async def _evident(self, act: Awaitable[T], asked: Instance) -> Instance:
        """The request after an act: a lost answer changes nothing about what is read then."""
        try:
            await act
        except UnavailableError as error:
            if not error.ambiguous:
                raise
        return await self._port.read(asked.code)

    def _failed(self, item: Item, error: ReconcilerError) -> Check:
        fix = error.next_step or "run doctor with --probe again"
        return item.failed(cause_of(error), fix=fix, link=self._console.approvals())


def _own_task(asked: Instance) -> NodeTask | None:
    pending = [task for task in asked.tasks if task.status is NodeTaskStatus.PENDING]
    return next((task for task in pending if task.open_id == asked.submitter), None)
