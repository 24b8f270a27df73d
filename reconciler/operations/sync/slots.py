"""Looking at the slots in Feishu: after a lost answer, a lost ledger, or a ledger restored from an old copy.

What a slot holds is read, never assumed: equal to what would be asked → taken over; different → withdrawn; nothing → free.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.errors import NotFoundError
from reconciler.ids import slot_uuid
from reconciler.operations.sync.records import Records, asked_reason
from reconciler.operations.sync.send import Sender
from reconciler.operations.sync.settings import PassResult, SyncPorts, SyncSettings
from reconciler.subjects.entry import Entry, EntryState
from reconciler.subjects.instance import FieldText, Instance, InstanceRequest, InstanceStatus
from reconciler.sync.fingerprint import fingerprint, parse_digest
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.verify import same_form


class Slots:
    """Finds out what the slots of a subject hold and brings the ledger up to it."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings, sender: Sender) -> None:
        self._ports = ports
        self._settings = settings
        self._sender = sender

    async def holds(self, seen: Observation, generation: int) -> Instance | None:
        """The instance in a slot, or None when the slot is free."""
        uuid = slot_uuid(self._settings.identity, self._settings.integration, seen.subject, generation)
        place = seen.definition.code if seen.definition is not None else ""
        try:
            return await self._ports.approvals.find(uuid, place)
        except NotFoundError:
            return None

    async def probe(self, seen: Observation, records: Records) -> PassResult | None:
        """Before anything is sent without a record: move to the last used slot. None: every slot is free, go on."""
        return await self._move_to_last(seen, records, start=seen.entry.generation if seen.entry is not None else 0)

    async def advance(self, seen: Observation, records: Records) -> PassResult | None:
        """Whether later slots are in use, so that this ledger is an old copy: then move to the last. None: it is not."""
        if seen.entry is None:
            return None
        return await self._move_to_last(seen, records, start=seen.entry.generation + 1)

    async def _move_to_last(self, seen: Observation, records: Records, *, start: int) -> PassResult | None:
        last: Instance | None = None
        generation = start
        while (found := await self.holds(seen, generation)) is not None:
            last, generation = found, generation + 1
        if last is None:
            return None
        await self._take(seen, records, generation - 1, last)
        return PassResult(again_after=0.0)

    async def recover(self, seen: Observation, records: Records) -> PassResult:
        """An intended request turns out to exist: ours word for word → asked; anything else → withdrawn or left behind."""
        entry, instance = seen.entry, seen.instance
        if entry is None or entry.request is None or instance is None:
            raise AssertionError("recovery needs an intended entry and its instance")
        if _is_ours(entry.request, instance):
            await self._sender.record_asked(entry, instance.code, records)
        else:
            await self._foreign(entry, instance, records)
        return PassResult(again_after=0.0)

    async def _take(self, seen: Observation, records: Records, generation: int, found: Instance) -> None:
        base = replace(records.blank(EntryState.HELD, reason("waiting")), generation=generation, probed=True)
        request = await self._request_of(seen, generation, found)
        entry = replace(
            base,
            request=request,
            instance=found.code,
            link=self._ports.approvals.link(found.code),
            fingerprint=_fingerprint_of(found),
            entitled=seen.approvers,
            asked_at=found.started,
            spent=False,
            run_tasks=(),
            run_at=None,
            outcome="",
        )
        waits = seen.definition is not None
        if found.status is InstanceStatus.PENDING and waits and not _is_ours(request, found):
            await self._foreign(entry, found, records)
            return
        asked = replace(records.moved(entry, EntryState.ASKED, asked_reason(request)), instance=found.code)
        # A form that cannot be shown to be ours is kept so that `verify` compares, and refuses, it.
        await self._ports.ledger.commit(records.change(asked, "adopted", records.status_comment(asked)))

    async def _request_of(self, seen: Observation, generation: int, found: Instance) -> InstanceRequest:
        if seen.change is None or seen.question is None or seen.definition is None:
            return _bare_request(found)
        print_ = fingerprint(seen.change, seen.question)
        request = await self._sender.request_for(seen, print_, generation)
        return replace(request, submitter=found.submitter, definition_code=found.definition_code)

    async def _foreign(self, entry: Entry, found: Instance, records: Records) -> None:
        known = replace(entry, instance=found.code, link=self._ports.approvals.link(found.code))
        if found.status is InstanceStatus.PENDING:
            why = reason("withdrawing", why="its content is not what would be asked now")
            moved = records.moved(known, EntryState.WITHDRAWING, why)
        else:
            moved = records.moved(known, EntryState.CLOSED, reason("contentChanged"))
        await self._ports.ledger.commit(records.change(moved, "foreign"))


def _is_ours(request: InstanceRequest, instance: Instance) -> bool:
    asked = {person.open_id for person in request.approvers}
    on_node = {task.open_id for task in instance.tasks if request.node_key in (task.custom_node_id, task.node_id)}
    return (
        instance.uuid.lower() == request.uuid.lower()
        and instance.definition_code.lower() == request.definition_code.lower()
        and same_form(request.form, instance)
        and (instance.status is not InstanceStatus.PENDING or asked <= on_node)
    )


def _bare_request(found: Instance) -> InstanceRequest:
    """What is known of a request for a subject that no longer waits: enough to withdraw it, too little to approve it."""
    node = next((task.custom_node_id or task.node_id for task in found.tasks), "")
    title = FieldText("title", (("en-US", ""),))
    return InstanceRequest(found.uuid, found.definition_code, node, found.submitter, approvers=(), title=title, form=())


def _fingerprint_of(instance: Instance) -> str:
    parsed = (parse_digest(text) for _, text in instance.form)
    return next((found[0] for found in parsed if found is not None), "")
