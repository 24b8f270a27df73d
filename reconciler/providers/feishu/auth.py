"""The tenant token: fetched once for all concurrent callers, renewed by Feishu's 30-minute rule (facts §1.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import Field

from reconciler.errors import ThrottledError, UnavailableError
from reconciler.providers.feishu.endpoints import TENANT_TOKEN
from reconciler.providers.feishu.envelope import open_envelope
from reconciler.providers.feishu.errors import Caller
from reconciler.providers.feishu.wire.application import TokenAnswer
from reconciler.providers.feishu.wire.base import Body
from reconciler.providers.http import HttpClient, HttpRequest
from reconciler.secret import Secret

RENEWAL_WINDOW = 30 * 60
"""Seconds before its end from which Feishu hands out a new token; until then a fetch returns the same one."""

_LAST_RESORT = 60
"""An old token is used up to this many seconds before its end while no new one can be had."""

JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """A custom app's id and secret."""

    app_id: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class _Held:
    token: Secret = field(repr=False)
    renew_at: float
    ends_at: float


class _TokenBody(Body):
    app_id: str
    app_secret: str = Field(repr=False)


class TenantTokens:
    """The token of one app on one host. It belongs to exactly this client, secret and host, so nothing is ever mixed up.

    Errors: CredentialsError for a wrong id or secret or a disabled app; Throttled- and UnavailableError after retries.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        app: AppCredentials,
        caller: Caller,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._app = app
        self._caller = caller
        self._monotonic = monotonic
        self._held: _Held | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> Secret:
        """A token that is good for at least a minute."""
        held = self._held
        if held is not None and self._monotonic() < held.renew_at:
            return held.token
        async with self._lock:
            held = self._held
            now = self._monotonic()
            if held is not None and now < held.renew_at:
                return held.token
            try:
                self._held = await self._http.settings.retry.run(self._fetch, repeat=TENANT_TOKEN.repeat)
            except (ThrottledError, UnavailableError) as error:
                if held is None or now > held.ends_at - _LAST_RESORT:
                    if isinstance(error, UnavailableError):
                        error.ambiguous = False  # the call that needed the token was not sent
                    raise
                return held.token
            return self._held.token

    def forget(self, token: Secret) -> None:
        """Drop a token that Feishu refused; a newer one, fetched meanwhile by somebody else, stays."""
        if self._held is not None and self._held.token is token:
            self._held = None

    async def _fetch(self) -> _Held:
        asked_at = self._monotonic()
        body = _TokenBody(app_id=self._app.app_id, app_secret=self._app.secret.reveal())
        request = HttpRequest(
            TENANT_TOKEN.method, TENANT_TOKEN.path, headers=JSON_HEADERS, body=body.encoded(), budget=TENANT_TOKEN.name
        )
        response = await self._http.send(request)
        try:
            answer = open_envelope(
                response, TokenAnswer, endpoint=TENANT_TOKEN, caller=self._caller, where=self._app.app_id
            )
        except (ThrottledError, UnavailableError) as error:
            self._http.placed(error, request)
            raise
        life = max(answer.expire, 0)
        # A life shorter than the window would mean a fetch before every call: such a token is renewed at half its life.
        lead = RENEWAL_WINDOW if life > RENEWAL_WINDOW else life / 2
        return _Held(Secret(answer.tenant_access_token), renew_at=asked_at + life - lead, ends_at=asked_at + life)
