"""How news of decisions reaches one target, as its spec says: over a long connection, by callback, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
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
    """What runs beside the loop, and what judges callbacks."""

    background: tuple[Background, ...] = ()
    callback: FeishuCallback | None = None


async def feishu_events(
    target: Target, client: FeishuClient, approvals: FeishuApprovals, *, secrets: SecretResolver, store: Store | None
) -> FeishuEvents:
    """The target's way of hearing from Feishu. Deliveries are remembered in the store, if one may be written."""
    if target.spec.feishu is None:
        return FeishuEvents()
    events = target.spec.feishu.events
    match events.transport:
        case "longConnection":
            return FeishuEvents(background=(listening(_connecting(client, approvals)),))
        case "callback":
            key, token = events.encrypt_key, events.verification_token
            reader = CallbackReader(
                encrypt_key=await secrets.resolve(key, target.origin(*_EVENTS, "encryptKey")) if key else None,
                verification_token=(
                    await secrets.resolve(token, target.origin(*_EVENTS, "verificationToken")) if token else None
                ),
            )
            return FeishuEvents(callback=_Callback(reader, approvals, SqlEventMemory(store) if store else None))
        case "none":
            return FeishuEvents()


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

    def __init__(self, reader: CallbackReader, approvals: FeishuApprovals, memory: SqlEventMemory | None) -> None:
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
        if self._memory is None:
            return True
        try:
            return await self._memory.is_new(event.event_id, datetime.now(UTC))
        except ReconcilerError as error:
            # Looking at a key once more than needed changes nothing; not looking could.
            _log.warning("a delivery could not be remembered: %s", error)
            return True


def _note_definition(event: FeishuEvent, approvals: FeishuApprovals) -> None:
    if event.type == DEFINITION_EVENT:
        approvals.definition_changed(event.approval_code)
