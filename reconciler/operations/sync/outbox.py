"""Delivers what is owed to people: retried until delivered or stated as failed, never twice, never in the way of the gate.

Every comment carries its mark, and the ports look for it before they write: neither a crash, a lost answer nor an old
ledger makes anybody read the same thing twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.errors import CredentialsError, ForbiddenError, ReconcilerError, ThrottledError, UnavailableError
from reconciler.operations.sync.settings import SyncPorts
from reconciler.subjects.entry import HistoryRow, LedgerChange, OutboxItem, OutboxKind, Reason
from reconciler.sync.messages import both

FIRST_RETRY = 5
LONGEST_RETRY = 1800
MOST_ATTEMPTS = 60
"""About a day of attempts; then the message is stated as failed in the history."""
MOST_CARD_ATTEMPTS = 9
"""About forty minutes: Feishu knows a card's mark for one hour, and after that it would arrive a second time."""


class Outbox:
    """Sends the messages of one target."""

    def __init__(self, ports: SyncPorts) -> None:
        self._ports = ports

    async def deliver(self, *, limit: int = 50) -> int:
        """Try every message that is due; returns how many were delivered."""
        delivered = 0
        for item in await self._ports.ledger.outbox(due=self._ports.clock.now(), limit=limit):
            delivered += await self._deliver(item)
        return delivered

    async def _deliver(self, item: OutboxItem) -> bool:
        ledger, clock = self._ports.ledger, self._ports.clock
        tried = replace(item, attempts=item.attempts + 1, next_attempt=clock.now() + _pause(item.attempts))
        await ledger.update_outbox(tried)
        try:
            await self._send(item)
        except (UnavailableError, ThrottledError, CredentialsError, ForbiddenError) as error:
            # A disabled app or a secret being changed is put right by somebody; what is owed waits for it.
            if tried.attempts >= (MOST_CARD_ATTEMPTS if item.kind is OutboxKind.CARD else MOST_ATTEMPTS):
                await self._give_up(tried, error)
            return False
        except ReconcilerError as error:
            await self._give_up(tried, error)
            return False
        await ledger.update_outbox(replace(tried, delivered_at=clock.now(), next_attempt=None))
        return True

    async def _send(self, item: OutboxItem) -> None:
        subjects, approvals = self._ports.subjects, self._ports.approvals
        text = both(item.texts)
        match item.kind:
            case OutboxKind.ISSUE_COMMENT:
                await subjects.put_comment(item.to, mark=item.mark, text=text, edit=False)
            case OutboxKind.STATUS_COMMENT:
                await subjects.put_comment(item.to, mark=item.mark, text=text, edit=True)
            case OutboxKind.INSTANCE_COMMENT:
                await approvals.comment(item.to, mark=item.mark, text=text)
            case OutboxKind.CARD:
                title = item.texts[0][1][:60]
                await approvals.card(item.to, mark=item.mark, title=title, text=text, link=item.link)

    async def _give_up(self, item: OutboxItem, error: ReconcilerError) -> None:
        ledger = self._ports.ledger
        why = Reason("undelivered", f"a message could not be delivered ({item.kind.value} to {item.to}): {error}")
        entry = await ledger.entry(item.subject) if item.subject else None
        row = HistoryRow(
            time=self._ports.clock.now(),
            subject=item.subject,
            generation=entry.generation if entry is not None else 0,
            decision="undelivered",
            reason=why,
            gate=entry.gate if entry is not None else "",
            evidence=(("mark", item.mark), ("text", item.texts[0][1][:200])),
        )
        await ledger.update_outbox(replace(item, failed=str(error), next_attempt=None))
        await ledger.commit(LedgerChange(history=(row,)))


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=min(FIRST_RETRY << min(attempts, 12), LONGEST_RETRY))
