"""Calls about the app itself: what it is and may, and changing it."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import ConflictError
from reconciler.providers.feishu import endpoints
from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.codes import NOTHING_TO_APPLY
from reconciler.providers.feishu.errors import code_of
from reconciler.providers.feishu.wire.application import (
    AbilityBody,
    App,
    AppAnswer,
    AppVersion,
    AppVersionAnswer,
    AvailabilityAnswer,
    BaseBody,
    Bot,
    BotAnswer,
    CheckAvailabilityBody,
    ConfigBody,
    ContactsRange,
    ContactsRangeAnswer,
    GrantedScope,
    PublishAnswer,
    PublishBody,
    Scopes,
    UserAvailability,
    VisibleList,
)
from reconciler.providers.feishu.wire.base import Nothing

_LANG = ("lang", "en_us")
_AVAILABILITY_BATCH = 100


class ApplicationCalls:
    """Reads of the app (v6), and changes of it (v7), which take effect when a version is published."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api
        self._app_id = api.caller.app_id

    async def bot(self) -> Bot:
        """The app's bot; its open id is '' while the bot is off."""
        return (await self._api.call(endpoints.BOT, BotAnswer, where=self._app_id)).bot

    async def app(self) -> App:
        """The app itself."""
        answer = await self._api.call(
            endpoints.GET_APP, AppAnswer, path={"app_id": "me"}, query=[_LANG, OPEN_IDS], where=self._app_id
        )
        return answer.app

    async def version(self, version_id: str) -> AppVersion:
        """One version of the app."""
        answer = await self._api.call(
            endpoints.GET_APP_VERSION,
            AppVersionAnswer,
            path={"app_id": self._app_id, "version_id": version_id},
            query=[_LANG, OPEN_IDS],
            where=version_id,
        )
        return answer.app_version

    async def scopes(self) -> tuple[GrantedScope, ...]:
        """The declared scopes and whether each is granted. Limited to about one call a minute."""
        return tuple((await self._api.call(endpoints.LIST_SCOPES, Scopes, where=self._app_id)).scopes)

    async def apply_scopes(self) -> bool:
        """Ask the tenant's administrators for the declared scopes; False when none is missing."""
        try:
            await self._api.call(endpoints.APPLY_SCOPES, Nothing, where=self._app_id)
        except ConflictError as error:
            if code_of(error) == NOTHING_TO_APPLY:
                return False
            raise
        return True

    async def contacts_range(self) -> ContactsRange:
        """Whose data the app may read, all pages joined."""
        kind = ""
        people: list[str] = []
        departments: list[str] = []
        groups: list[str] = []
        token = ""
        while True:
            page = await self._api.call(
                endpoints.GET_CONTACTS_RANGE,
                ContactsRangeAnswer,
                path={"app_id": self._app_id},
                query=[OPEN_IDS, ("page_size", "100"), *([("page_token", token)] if token else [])],
                where=self._app_id,
            )
            kind = page.contacts_range.contacts_scope_type
            people += page.contacts_range.visible_list.open_ids
            departments += page.contacts_range.visible_list.department_ids
            groups += page.contacts_range.visible_list.group_ids
            if not page.has_more or page.page_token in ("", token):
                visible = VisibleList(open_ids=people, department_ids=departments, group_ids=groups)
                return ContactsRange(contacts_scope_type=kind, visible_list=visible)
            token = page.page_token

    async def availability(self, open_ids: Sequence[str]) -> tuple[UserAvailability, ...]:
        """Whether the app is available to each person, a hundred at a time."""
        found: list[UserAvailability] = []
        for start in range(0, len(open_ids), _AVAILABILITY_BATCH):
            answer = await self._api.call(
                endpoints.CHECK_AVAILABILITY,
                AvailabilityAnswer,
                path={"app_id": self._app_id},
                query=[OPEN_IDS],
                body=CheckAvailabilityBody(user_ids=list(open_ids[start : start + _AVAILABILITY_BATCH])),
                where=self._app_id,
            )
            found += answer.user_visibility_list
        return tuple(found)

    async def configure(self, body: ConfigBody) -> None:
        """Change scopes, events, availability or the contacts range. ConflictError while a version is in review."""
        await self._api.call(
            endpoints.CONFIGURE_APP,
            Nothing,
            path={"app_id": self._app_id},
            query=[OPEN_IDS, ("department_id_type", "open_department_id")],
            body=body,
            where=self._app_id,
        )

    async def set_ability(self, body: AbilityBody) -> None:
        """Turn the bot on."""
        await self._api.call(
            endpoints.CONFIGURE_ABILITY, Nothing, path={"app_id": self._app_id}, body=body, where=self._app_id
        )

    async def set_base(self, body: BaseBody) -> None:
        """Change name, description or icon."""
        await self._api.call(
            endpoints.CONFIGURE_BASE, Nothing, path={"app_id": self._app_id}, body=body, where=self._app_id
        )

    async def publish(self, body: PublishBody) -> PublishAnswer:
        """Submit a version; whether it is reviewed depends on the tenant."""
        return await self._api.call(
            endpoints.PUBLISH_APP, PublishAnswer, path={"app_id": self._app_id}, body=body, where=self._app_id
        )
