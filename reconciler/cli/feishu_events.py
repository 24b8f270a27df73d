"""How news of decisions reaches one target, as its spec says: over a long connection, by callback, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.adapters.secret_sources import SecretResolver
from reconciler.adapters.store import SqlEventMemory, Store
from reconciler.daemon.listening import Connect, listening
from reconciler.daemon.parts import Background, FeishuCallback, HttpAnswer, InstanceHint
from reconciler.errors import ReconcilerError
from reconciler.providers.feishu.approvals import FeishuApprovals
from reconciler.providers.feishu.callback import CallbackReader, Challenge, Delivery, Rejected
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.events import DEFINITION_EVENT, FeishuEvent
from reconciler.providers.feishu.socket import LongConnection
from reconciler.spec.target import Target

_log = logging.getLogger(__name__)
_EVENTS = ("spec", "feishu", "events")


@dataclass(frozen=True, slots=True)
class FeishuEvents:
    """What runs beside the loop, what judges callbacks, and what asks for the definitions' events.

    `subscribe` tells whether that was new for any definition; None where no events come.
    """

    background: tuple[Background, ...] = ()
    callback: FeishuCallback | None = None
    subscribe: Callable[[], Awaitable[bool]] | None = None


async def feishu_events(
    target: Target,
    client: FeishuClient,
    approvals: FeishuApprovals,
    *,
    definitions: Sequence[str],
    secrets: SecretResolver,
    store: Store,
) -> FeishuEvents:
    """The target's way of hearing from Feishu about the definitions of these codes. Deliveries are remembered in the store."""
    if target.spec.feishu is None:
        return FeishuEvents()
    subscribe = _subscribing(client, definitions)
    events = target.spec.feishu.events
    match events.transport:
        case "longConnection":
            return FeishuEvents(background=(listening(_connecting(client, approvals)),), subscribe=subscribe)
        case "callback":
            key, token = events.encrypt_key, events.verification_token
            reader = CallbackReader(
                encrypt_key=await secrets.resolve(key, target.origin(*_EVENTS, "encryptKey")) if key else None,
                verification_token=(
                    await secrets.resolve(token, target.origin(*_EVENTS, "verificationToken")) if token else None
                ),
            )
            return FeishuEvents(callback=_Callback(reader, approvals, SqlEventMemory(store)), subscribe=subscribe)
        case "none":
            return FeishuEvents()


def _subscribing(client: FeishuClient, definitions: Sequence[str]) -> Callable[[], Awaitable[bool]]:
    is_new = False

    async def subscribe() -> bool:
        # Subscriptions cannot be read; asking again for one that exists changes nothing. One that fails keeps no other back.
        nonlocal is_new
        failed: ReconcilerError | None = None
        for code in definitions:
            try:
                is_new = await client.definitions.subscribe(code) or is_new
            except ReconcilerError as error:
                failed = error
        if failed is not None:
            raise failed
        return is_new

    return subscribe


class _Connection:
    """The long connection as the daemon runs it."""

    def __init__(self, connection: LongConnection) -> None:
        self._connection = connection

    async def run(self) -> None:
        """Connect and read until cancelled."""
        await self._connection.run()

    def made(self) -> int:
        """How many times it was made so far."""
        return self._connection.state.connections


def _connecting(client: FeishuClient, approvals: FeishuApprovals) -> Connect:
    caller = Caller(client.platform, client.app.app_id)

    def connect(tell: Callable[[InstanceHint], None]) -> _Connection:
        def on_event(event: FeishuEvent) -> None:
            _note_definition(event, approvals)
            tell(event)

        return _Connection(LongConnection(client.connection.open, caller=caller, on_event=on_event))

    return connect


class _Callback:
    """Judges callbacks: token, challenge, signature, then whether the delivery is new."""

    def __init__(self, reader: CallbackReader, approvals: FeishuApprovals, memory: SqlEventMemory) -> None:
        self._reader = reader
        self._approvals = approvals
        self._memory = memory

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> tuple[HttpAnswer, InstanceHint | None]:
        """The answer, and the hint of a new and authentic event."""
        match self._reader.read(headers, body):
            case Challenge() as challenge:
                return HttpAnswer(200, challenge.body), None
            case Rejected(status, reason):
                _log.warning("a callback was refused: %s", reason)
                return HttpAnswer(status, {}), None
            case Delivery(event):
                if not await self._is_new(event):
                    return HttpAnswer(200, {}), None
                _note_definition(event, self._approvals)
                return HttpAnswer(200, {}), event

    async def _is_new(self, event: FeishuEvent) -> bool:
        try:
            return await self._memory.is_new(event.event_id, datetime.now(UTC))
        except ReconcilerError as error:
            # Looking at a key once more than needed changes nothing; not looking could.
            _log.warning("a delivery could not be remembered: %s", error)
            return True


def _note_definition(event: FeishuEvent, approvals: FeishuApprovals) -> None:
    if event.type == DEFINITION_EVENT:
        approvals.definition_changed(event.approval_code)
