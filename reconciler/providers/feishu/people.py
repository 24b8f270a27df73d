"""Who is who: Bytebase e-mails mapped to open ids by the spec's rules, looked up in batches and remembered for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from reconciler.providers.feishu.calls.users import UserCalls
from reconciler.providers.feishu.wire.people import FoundUser
from reconciler.subjects.instance import Resolution

_KEEP_FOUND = timedelta(hours=1)
_KEEP_MISSING = timedelta(minutes=1)
_CAPACITY = 20_000


@dataclass(frozen=True, slots=True)
class MatchRules:
    """How an e-mail in Bytebase becomes a person in Feishu; all keys are in lower case.

    `open_ids` and `emails` are the spec's overrides, `domains` maps a Bytebase domain to Feishu's. With `pinned` only
    the overrides count.
    """

    match: Literal["email", "pinned"] = "email"
    open_ids: Mapping[str, str] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)

    def feishu_email(self, email: str) -> str | None:
        """The address to look up for a Bytebase e-mail; None where the rules name no one."""
        if email in self.emails:
            return self.emails[email].lower()
        if self.match == "pinned":
            return None
        local, _, domain = email.rpartition("@")
        if not local:
            return None
        return f"{local}@{self.domains.get(domain, domain)}".lower()


@dataclass(frozen=True, slots=True)
class _Found:
    open_id: str
    why_not: str
    at: datetime


class PeopleFinder:
    """Resolves e-mails. Answers are remembered: who was found for an hour, who was not for a minute."""

    def __init__(self, users: UserCalls, *, rules: MatchRules, now: Callable[[], datetime]) -> None:
        self._users = users
        self._rules = rules
        self._now = now
        self._known: dict[str, _Found] = {}
        self._lock = asyncio.Lock()

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """Map Bytebase e-mails to open ids; those not found come with the reason. A failed look-up raises."""
        found: dict[str, str] = {}
        missing: dict[str, str] = {}
        wanted: dict[str, str] = {}
        for email in sorted({each.strip().lower() for each in emails}):
            address = self._rules.feishu_email(email)
            if email in self._rules.open_ids:
                found[email] = self._rules.open_ids[email]
            elif address is None:
                missing[email] = "no override names this person, and users.match is pinned"
            else:
                wanted[email] = address
        answers = await self._look_up(set(wanted.values()))
        for email, address in wanted.items():
            answer = answers[address]
            if answer.open_id:
                found[email] = answer.open_id
            else:
                missing[email] = answer.why_not
        return Resolution(found=found, missing=missing)

    async def _look_up(self, addresses: set[str]) -> Mapping[str, _Found]:
        async with self._lock:
            now = self._now()
            if len(self._known) + len(addresses) > _CAPACITY:
                self._known.clear()
            unknown = sorted(address for address in addresses if not self._is_fresh(address, now))
            if unknown:
                answers = await self._users.find(unknown)
                for address in unknown:
                    self._known[address] = _judge(address, answers, now)
            return {address: self._known[address] for address in addresses}

    def _is_fresh(self, address: str, now: datetime) -> bool:
        known = self._known.get(address)
        if known is None:
            return False
        return now - known.at < (_KEEP_FOUND if known.open_id else _KEEP_MISSING)


def _judge(address: str, answers: Sequence[FoundUser], now: datetime) -> _Found:
    rows = [row for row in answers if row.email.lower() == address]
    open_ids = {row.user_id for row in rows if row.user_id}
    if len(open_ids) > 1:
        return _Found("", f"more than one person in Feishu has the e-mail {address}", now)
    if not open_ids:
        why = f"Feishu knows no person with the e-mail {address}, or the app may not see them"
        return _Found("", why, now)
    if any(row.status is not None and row.status.has_left for row in rows):
        return _Found("", f"the Feishu account of {address} is frozen or has left", now)
    return _Found(open_ids.pop(), "", now)
