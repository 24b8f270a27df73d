"""Calls around events: where to open the long connection, and which addresses callbacks come from."""

from __future__ import annotations

from reconciler.errors import CredentialsError, ReconcilerError, RefusedError, SpecError, UnavailableError
from reconciler.providers.feishu.api import FeishuApi
from reconciler.providers.feishu.auth import JSON_HEADERS, AppCredentials
from reconciler.providers.feishu.endpoints import COUNT_CONNECTIONS, OPEN_CONNECTION, OUTBOUND_ADDRESSES
from reconciler.providers.feishu.envelope import open_envelope
from reconciler.providers.feishu.errors import Caller, code_of, log_id_of
from reconciler.providers.feishu.wire.connection import (
    ConnectionOffer,
    OpenConnectionBody,
    OpenConnections,
    OutboundAddresses,
)
from reconciler.providers.http import HttpClient, HttpRequest


class ConnectionCalls:
    """Open the long connection, list Feishu's outbound addresses."""

    def __init__(self, api: FeishuApi, *, http: HttpClient, app: AppCredentials) -> None:
        self._api = api
        self._http = http
        self._app = app

    async def open(self) -> ConnectionOffer:
        """Ask where to connect: one attempt. CredentialsError, SpecError and RefusedError last; others pass."""
        body = OpenConnectionBody(app_id=self._app.app_id, app_secret=self._app.secret.reveal())
        request = HttpRequest(
            OPEN_CONNECTION.method,
            OPEN_CONNECTION.path,
            headers={"locale": "zh", **JSON_HEADERS},
            body=body.encoded(),
            budget=OPEN_CONNECTION.name,
        )
        response = await self._http.send(request)
        caller = self._api.caller
        try:
            return open_envelope(
                response, ConnectionOffer, endpoint=OPEN_CONNECTION, caller=caller, where=self._app.app_id
            )
        except ReconcilerError as error:
            meant = connection_error(code_of(error), caller, log_id=log_id_of(error))
            if meant is not None:
                raise meant from error.__cause__
            raise

    async def count(self) -> int:
        """How many long connections of this app are open now; not part of the published API."""
        return (await self._api.call(COUNT_CONNECTIONS, OpenConnections)).online_instance_cnt

    async def outbound_addresses(self) -> tuple[str, ...]:
        """The addresses Feishu's callbacks come from."""
        found: list[str] = []
        token = ""
        while True:
            page = await self._api.call(
                OUTBOUND_ADDRESSES,
                OutboundAddresses,
                query=[("page_size", "50"), *([("page_token", token)] if token else [])],
            )
            found += page.ip_list
            if not page.has_more or page.page_token in ("", token):
                return tuple(found)
            token = page.page_token


def connection_error(
    code: int | None, caller: Caller, *, log_id: str = ""
) -> CredentialsError | SpecError | RefusedError | UnavailableError | None:
    """The error behind a code of the connection's start or handshake; None for one this table does not hold."""
    what = "Feishu does not open the long connection"
    evidence = f"code {code}, log id {log_id}" if log_id else f"code {code}"
    match code:
        case 403 | 514 | 1000040344:
            return CredentialsError(
                what,
                where=caller.app_id,
                why=f"the app's id or secret is refused ({evidence})",
                next_step="check feishu.app.secret and that the app is a published custom app",
            )
        case 1000040350:
            return RefusedError(
                what,
                where=caller.app_id,
                why=f"the app has its fifty connections already ({evidence})",
                next_step="stop other processes that connect with this app",
            )
        case 1000040351:
            return SpecError(
                what,
                where=caller.app_id,
                why=f"the app belongs to another brand of the platform ({evidence})",
                next_step="set feishu.platform to lark, or to feishu",
            )
        case 1 | 1000040343:
            return UnavailableError(what, where=caller.app_id, why=f"it is busy ({evidence})")
        case _:
            return None
