"""Calls for people."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.endpoints import FIND_USERS, GET_USER
from reconciler.providers.feishu.wire.people import FindUsersBody, FoundUser, FoundUsers, UserAnswer, UserDetails

BATCH = 50
"""E-mails per call."""


class UserCalls:
    """Look people up by e-mail, read one person."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api

    async def find(self, emails: Sequence[str]) -> tuple[FoundUser, ...]:
        """Look e-mails up, fifty at a time. Unknown, invisible and resigned people come back without an id."""
        found: list[FoundUser] = []
        wanted = sorted(set(emails))
        for start in range(0, len(wanted), BATCH):
            body = FindUsersBody(emails=wanted[start : start + BATCH])
            page = await self._api.call(FIND_USERS, FoundUsers, query=[OPEN_IDS], body=body)
            found += page.user_list
        return tuple(found)

    async def get(self, open_id: str) -> UserDetails:
        """One person's details, as far as the app's scopes show them."""
        answer = await self._api.call(
            GET_USER,
            UserAnswer,
            path={"user_id": open_id},
            query=[OPEN_IDS, ("department_id_type", "open_department_id")],
            where=open_id,
        )
        return answer.user
