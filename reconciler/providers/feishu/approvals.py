"""Feishu as the gate loop needs it: the approval port over the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.codes import INSTANCE_NOT_FOUND, SIGNATURE_REQUIRED, UUID_TAKEN
from reconciler.providers.feishu.definitions import EN
from reconciler.providers.feishu.errors import code_of
from reconciler.providers.feishu.instance_facts import instance_facts
from reconciler.providers.feishu.instance_request import create_body
from reconciler.providers.feishu.live_definitions import DefinitionBinding, LiveDefinitions
from reconciler.providers.feishu.people import MatchRules, PeopleFinder
from reconciler.providers.feishu.reminders import Reminders
from reconciler.providers.feishu.wire.instances import CancelBody
from reconciler.subjects.instance import (
    CancelResult,
    Instance,
    InstanceRequest,
    InstanceStatus,
    LiveDefinition,
    Resolution,
)

_SUBMITTER_GONE = frozenset({1390004, 60004, 99992351, 99992360, 99992361})
_WITHDRAWAL_OFF = frozenset({1390001, 60001, 1390009, 60009, 1390010, 60010})
CANNOT_BE_WITHDRAWN = _SUBMITTER_GONE | _WITHDRAWAL_OFF | {SIGNATURE_REQUIRED}
"""Refusals of a withdrawal that no repetition changes, once the instance is known to be pending still."""

_LIST_AHEAD = timedelta(minutes=2)
"""Feishu's clock may be ahead of ours: lists reach a little into our future."""


class FeishuApprovals:
    """Feishu's instances for one integration: each method as the approval port states it."""

    def __init__(
        self,
        client: FeishuClient,
        *,
        definitions: Sequence[DefinitionBinding],
        rules: MatchRules,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._now = now
        self._definitions = LiveDefinitions(client.definitions, bindings=definitions, now=now)
        self._people = PeopleFinder(client.users, rules=rules, now=now)
        self._reminders = Reminders(client)

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        """Map Bytebase e-mails to open ids by the spec's rules; those not found come with the reason."""
        return await self._people.resolve(emails)

    async def bot(self) -> str:
        """The app's own open id."""
        return await self._client.bot_open_id()

    async def definition(self, name: str) -> LiveDefinition:
        """The live definition behind a spec name; `problem` is set where it cannot be used."""
        return await self._definitions.live(name)

    def definition_changed(self, code: str) -> None:
        """An event says that a definition changed: read it again when it is next needed."""
        self._definitions.forget(code)

    async def create(self, request: InstanceRequest) -> str:
        """Create an instance and return its code. ConflictError means only: the uuid is taken."""
        body = create_body(request, widget_types=await self._definitions.widget_types(request.definition_code))
        try:
            return await self._client.instances.create(body)
        except (CredentialsError, ThrottledError, UnavailableError):
            raise
        except ConflictError as error:
            if code_of(error) in UUID_TAKEN:
                raise
            raise ForbiddenError(
                error.what, where=error.where, why=error.why, next_step=error.next_step
            ) from error.__cause__
        except ReconcilerError:
            self._definitions.forget(request.definition_code)
            raise

    async def read(self, code_or_uuid: str) -> Instance:
        """Read an instance by code or uuid, texts in en-US. NotFoundError means only: it does not exist."""
        try:
            return instance_facts(await self._client.instances.get(code_or_uuid, locale=EN))
        except NotFoundError as error:
            if code_of(error) in INSTANCE_NOT_FOUND:
                raise
            raise UnavailableError(
                "an instance cannot be read", where=code_or_uuid, why=error.why, next_step=error.next_step
            ) from error.__cause__

    async def find(self, uuid: str, definition_code: str) -> Instance:
        """Read an instance by its uuid, whatever definition it was made from."""
        del definition_code
        return await self.read(uuid)

    async def cancel(self, instance: Instance) -> CancelResult:
        """Withdraw as its submitter. A refusal is read again: ended meanwhile, or never to be withdrawn by us."""
        body = CancelBody(
            approval_code=instance.definition_code, instance_code=instance.code, user_id=instance.submitter
        )
        try:
            await self._client.instances.cancel(body)
        except (ForbiddenError, NotFoundError, ConflictError, SpecError) as error:
            after = await self.read(instance.code)
            if after.status is InstanceStatus.UNKNOWN:
                raise UnavailableError("an instance's status is not understood", where=instance.code) from error
            if after.status is not InstanceStatus.PENDING:
                return CancelResult.NOT_PENDING
            if code_of(error) in CANNOT_BE_WITHDRAWN:
                return CancelResult.REFUSED
            raise
        return CancelResult.CANCELED

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        """Comment as the bot, unless one of ours with that mark is already there."""
        author = await self._client.bot_open_id()
        if await self._client.comments.has_mark(instance, reader=author, mark=mark):
            return
        await self._client.comments.create(instance, author=author, text=text, mark=mark)

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        """Remind the people whose tasks are pending; tells in a word how."""
        return await self._reminders.remind(instance, mark=mark, text=text, link=link)

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        """Send a card to a person or chat; sent twice within an hour it arrives once."""
        await self._reminders.card(receiver, mark=mark, title=title, text=text, link=link)

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        """Codes of the definition's instances created since then."""
        if not definition_code:
            return ()
        return await self._client.instances.codes(definition_code, start=since, end=self._now() + _LIST_AHEAD)

    def link(self, instance: str) -> str:
        """Opens the instance in the desktop client."""
        return self._client.platform.instance_link(instance)
