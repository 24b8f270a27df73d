"""The bell: `/feishu` on an issue, or a request from the command line, becomes a wish that the next pass answers.

A command counts when it stands alone on the first line of an unedited comment, is newer than the entry, and comes from the
issue's creator or someone entitled. Limits per subject: one a minute, ten a day. Every counted command is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.operations.sync.observer import Observer
from reconciler.operations.sync.settings import SyncPorts
from reconciler.ports.sync import Ledger
from reconciler.subjects.change import Comment
from reconciler.subjects.entry import LedgerChange, OutboxItem, OutboxKind, Wish
from reconciler.sync.messages import issue_texts
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason

COMMAND = "/feishu"
PER_MINUTE = 1
PER_DAY = 10
ANSWER_MARK = "answer:"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Whether a wish was taken; `why` says why not."""

    is_taken: bool
    why: str = ""


class Bell:
    """Turns commands into wishes."""

    def __init__(self, ports: SyncPorts, observer: Observer) -> None:
        self._ports = ports
        self._observer = observer

    async def listen(self, issue: str, subject: str, comments: Sequence[Comment]) -> bool:
        """Look through an issue's comments for new commands about its frontier stage; True when a wish was recorded."""
        own = await self._ports.subjects.own_email()
        answered = {mark for comment in comments if comment.creator == own for mark in _marks(comment.text)}
        commands = [
            c for c in comments if is_command(c) and c.creator != own and f"{ANSWER_MARK}{c.name}" not in answered
        ]
        if not commands:
            return False
        seen = await self._observer.observe(subject)
        rung = False
        for command in commands:
            rung |= await self._hear(issue, subject, command, seen)
        return rung

    async def _hear(self, issue: str, subject: str, command: Comment, seen: Observation) -> bool:
        entry = seen.entry
        if seen.failure or (entry is not None and entry.asked_at is not None and command.created <= entry.asked_at):
            return False
        if not _may_ring(command.creator, seen):
            return await self._refuse(issue, subject, command, "ringNotEntitled")
        wish = Wish(command.name, subject, command.name, command.creator, command.created)
        accepted = await accept_wish(self._ports.ledger, wish, self._ports.clock.now())
        if not accepted.is_taken and accepted.why:
            return await self._refuse(issue, subject, command, "ringTooOften")
        return accepted.is_taken

    async def _refuse(self, issue: str, subject: str, command: Comment, code: str) -> bool:
        texts = issue_texts(subject, reason(code))
        mark = f"{ANSWER_MARK}{command.name}"
        item = OutboxItem(mark=mark, kind=OutboxKind.ISSUE_COMMENT, to=issue, texts=texts, subject=subject)
        await self._ports.ledger.commit(LedgerChange(outbox=(item,)))
        return False


async def accept_wish(ledger: Ledger, wish: Wish, now: datetime) -> Accepted:
    """Record a wish within the limits of its subject; a known id is not taken twice."""
    times = await ledger.wish_times(wish.subject, now - timedelta(days=1))
    if len(times) >= PER_DAY or _since(times, now - timedelta(minutes=1)) >= PER_MINUTE:
        if any(waiting.id == wish.id for waiting in await ledger.wishes(wish.subject)):
            return Accepted(is_taken=False)
        return Accepted(is_taken=False, why=reason("ringTooOften").text)
    return Accepted(is_taken=await ledger.add_wish(wish))


def is_command(comment: Comment) -> bool:
    """`/feishu` alone on the first line of an unedited comment."""
    first, _, _ = comment.text.strip("\n").partition("\n")
    return first.strip() == COMMAND and not comment.edited


def _may_ring(email: str, seen: Observation) -> bool:
    change, entitlement = seen.change, seen.entitlement
    creator = change.issue.creator if change is not None and change.issue is not None else ""
    return email == creator or (entitlement is not None and email in entitlement.people)


def _marks(text: str) -> list[str]:
    first = text.partition("\n")[0].strip()
    prefix, suffix = "<!-- reconciler:", " -->"
    return [first[len(prefix) : -len(suffix)]] if first.startswith(prefix) and first.endswith(suffix) else []


def _since(times: Sequence[datetime], start: datetime) -> int:
    return sum(time > start for time in times)
