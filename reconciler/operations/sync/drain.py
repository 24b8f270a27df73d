"""Draining: every pending request is withdrawn with the true reason, and nothing new is sent."""

from __future__ import annotations

from dataclasses import replace

from reconciler.errors import ReconcilerError
from reconciler.operations.sync.observer import LIVE, Observer
from reconciler.operations.sync.records import Records
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.operations.sync.withdraw import Withdrawer
from reconciler.subjects.entry import Entry, EntryState
from reconciler.subjects.instance import InstanceStatus
from reconciler.sync.assess import assess
from reconciler.sync.decisions import Cause, Withdraw
from reconciler.sync.observation import Observation


class Drainer:
    """Withdraws what is pending in Feishu; approved requests are left to be run or explained by the loop."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._observer = Observer(ports, settings)
        self._withdrawer = Withdrawer(ports)

    async def drain(self) -> int:
        """One round over all open entries; returns how many requests are still pending afterwards."""
        left = 0
        for entry in await self._ports.ledger.entries():
            if entry.state not in LIVE or entry.state is EntryState.VOID:
                continue
            seen = await self._observer.observe(entry.subject)
            if seen.failure:
                left += 1
                continue
            if seen.instance is None or seen.instance.status is not InstanceStatus.PENDING:
                continue
            try:
                await self._withdraw(seen, entry)
            except ReconcilerError:
                left += 1  # recorded as being withdrawn; one that fails keeps no other from being withdrawn
                continue
            after = await self._ports.ledger.entry(entry.subject)
            left += after is not None and after.state is EntryState.WITHDRAWING
        return left

    async def _withdraw(self, seen: Observation, entry: Entry) -> None:
        judged = assess(seen)
        records = Records(seen, self._settings, judged.fingerprint)
        if entry.state is EntryState.WITHDRAWING:
            await self._withdrawer.finish(seen, records)
            return
        if entry.state is EntryState.INTENDED and seen.instance is not None:
            seen = replace(seen, entry=replace(entry, instance=seen.instance.code))
        await self._withdrawer.begin(seen, judged, records, Withdraw(3, Cause.DRAINED))
