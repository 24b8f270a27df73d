"""The app's own configuration (facts §6): bot, scopes, published version, events; what cannot be read stays open."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError, ForbiddenError
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.wire.application import (
    AbilityBody,
    AppVersion,
    BotAbility,
    ConfigBody,
    ConfigEvent,
    ConfigScope,
    PublishBody,
    ScopeItem,
)
from reconciler.resources.app import App
from reconciler.resources.base import Resource

_BOT_WORKS = 2
_GRANTED = 1
_WEBSOCKET = "websocket"


class AppReader:
    """Reads the app we call as."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """The app's state; version and events only with the scope that shows them."""
        del inventory
        if not wanted:
            return Observation()
        has_bot = await self._has_bot()
        scopes = [each.scope_name for each in await self._client.application.scopes() if each.grant_status == _GRANTED]
        published, version = await self._version()
        found = App(
            self._client.app.app_id,
            bot=has_bot,
            published=published,
            scopes=tuple(scopes),
            events=_events(version),
        )
        return Observation(live=(found,))

    async def _has_bot(self) -> bool:
        try:
            bot = await self._client.application.bot()
        except ForbiddenError:
            return False
        return bool(bot.open_id) and bot.activate_status == _BOT_WORKS

    async def _version(self) -> tuple[bool | None, AppVersion | None]:
        try:
            app = await self._client.application.app()
        except ForbiddenError:
            return None, None
        if not app.online_version_id:
            return False, None
        try:
            return True, await self._client.application.version(app.online_version_id)
        except ForbiddenError:
            return True, None


def _events(version: AppVersion | None) -> tuple[str, ...] | None:
    if version is None:
        return None
    return (*version.events, *(event.event_type for event in version.event_infos))


class AppWriter:
    """Changes what differs, then publishes a version."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Turn the bot on, declare scopes and events, publish; availability is left as it is. Whether a review is needed is the tenant's rule."""
        desired = write.desired
        if not isinstance(desired, App):
            raise BugError("an app is never deleted", where=App.kind)
        observed = write.observed if isinstance(write.observed, App) else App(desired.app_id)
        application = self._client.application
        if "bot" in write.paths and desired.bot:
            await application.set_ability(AbilityBody(bot=BotAbility(enable=True)))
        scopes = _added(desired.scopes, observed.scopes) if "scopes" in write.paths else []
        events = _added(desired.events, observed.events) if "events" in write.paths else []
        if scopes or events:
            await application.configure(
                ConfigBody(
                    scope=ConfigScope(add_scopes=[ScopeItem(scope_name=scope) for scope in scopes]) if scopes else None,
                    event=ConfigEvent(
                        subscription_type="websocket" if desired.transport == _WEBSOCKET else "webhook",
                        add_events=events,
                    )
                    if events
                    else None,
                )
            )
        await application.publish(PublishBody(remark="approvals of database changes", changelog="set up by reconciler"))
        note = "published; it counts once the tenant's administrator has approved it, where that is asked"
        return Written(note=note, settles_later=True)


def _added(needed: tuple[str, ...] | None, found: tuple[str, ...] | None) -> list[str]:
    return sorted(set(needed or ()) - set(found or ()))
