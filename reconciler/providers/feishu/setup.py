"""What Feishu tells of an app's set-up: each method reads one thing, so that one refusal hides nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reconciler.errors import NotFoundError, ReconcilerError
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.definitions import EN, ObservedDefinition, read_definition
from reconciler.providers.feishu.errors import code_of
from reconciler.providers.feishu.instance_facts import instance_facts
from reconciler.providers.feishu.live_definitions import DefinitionBinding, problem_of
from reconciler.resources.definition import FORM, stamp_prefix
from reconciler.setup.facts import AppState, BotState, DefinitionState, ScopeState, VersionState

_GRANTED = 1
_CUSTOM = 0
_STAMP = re.compile(r"gate-[0-9a-f]{4}-[0-9a-f]{12}")


class FeishuSetup:
    """Reads the set-up of one app for one integration."""

    def __init__(
        self,
        client: FeishuClient,
        *,
        integration: str,
        bindings: Sequence[DefinitionBinding],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._integration = integration
        self._bindings = {binding.name: binding for binding in bindings}
        self._now = now

    def code_of(self, error: ReconcilerError) -> int | None:
        """Feishu's own code behind an error."""
        return code_of(error)

    async def sign_in(self) -> None:
        """Have id and secret accepted."""
        await self._client.sign_in()

    async def bot(self) -> BotState:
        """The bot; ForbiddenError where the app has none."""
        bot = await self._client.application.bot()
        return BotState(bot.open_id, bot.activate_status)

    async def scopes(self) -> tuple[ScopeState, ...]:
        """The declared scopes."""
        found = await self._client.application.scopes()
        return tuple(ScopeState(each.scope_name, each.grant_status == _GRANTED) for each in found)

    async def app(self) -> AppState:
        """The app's own record; ForbiddenError without the scope that shows it."""
        app = await self._client.application.app()
        return AppState(
            status=app.status,
            icon=app.avatar_url,
            online_version=app.online_version_id,
            version_in_review=app.unaudit_version_id,
            is_custom=app.scene_type == _CUSTOM,
        )

    async def version(self, version_id: str) -> VersionState:
        """One version of the app."""
        version = await self._client.application.version(version_id)
        types = frozenset(info.event_type for info in version.event_infos if info.event_type)
        visibility = version.remark.visibility
        return VersionState(
            number=version.version,
            events=types | frozenset(version.events),
            nameless_events=max(0, len(version.events) - len(types)),
            everyone=visibility.is_all,
            people=len(visibility.visible_list.open_ids),
            others=len(visibility.visible_list.department_ids) + len(visibility.visible_list.group_ids),
        )

    async def connections(self) -> int:
        """How many long connections are open with the app."""
        return await self._client.connection.count()

    async def offer_connection(self) -> None:
        """Have Feishu say where a long connection would be made, and make none: events would come to it."""
        await self._client.connection.open()

    async def definition(self, name: str) -> DefinitionState | None:
        """The live definition behind a spec name; None where no code of it is known."""
        binding = self._bindings[name]
        if not binding.code:
            return None
        read = await self._client.definitions.get(binding.code, locale=EN)
        observed = read_definition(binding.code, en=read, zh=read)
        node = observed.node(binding.node) if binding.node is not None else observed.free_node
        stamp = node.custom_id if node is not None else ""
        is_strange = (
            not binding.is_adopted
            and _STAMP.fullmatch(stamp) is not None
            and not stamp.startswith(stamp_prefix(self._integration))
        )
        return DefinitionState(
            code=binding.code,
            problem=problem_of(observed, node, binding),
            returns_ids=bool(stamp) and _has_our_fields(observed),
            stranger=stamp if is_strange else "",
        )

    async def recent(self, name: str, *, since: datetime, most: int) -> tuple[tuple[str, ...], ...]:
        """The texts in the forms of the newest requests of a definition, at most so many."""
        code = self._bindings[name].code
        if not code:
            return ()
        codes = await self._client.instances.codes(code, start=since, end=self._now())
        found = []
        for each in codes[-most:]:
            try:
                instance = instance_facts(await self._client.instances.get(each, locale=EN))
            except NotFoundError:
                continue
            found.append(tuple(text for _, text in instance.form))
        return tuple(found)

    async def availability(self, open_ids: Sequence[str]) -> Mapping[str, bool]:
        """Whether the app is available to each of these people."""
        found = await self._client.application.availability(open_ids)
        return {each.user_id: each.in_white_list and not each.in_black_list for each in found}


def _has_our_fields(observed: ObservedDefinition) -> bool:
    return all(observed.widget(field.id) is not None for field in FORM)
