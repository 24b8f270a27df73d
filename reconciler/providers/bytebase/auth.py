"""Bytebase tokens: got by key or by exchange, shared by concurrent callers, renewed before they end and once when refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
from pydantic import Field, ValidationError

from reconciler.errors import (
    BugError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.bytebase.channel import Channel, Message, asking
from reconciler.providers.bytebase.connection import Credentials, GitHubOidc, ServiceAccount, WorkloadIdentity
from reconciler.providers.bytebase.wire import Wire
from reconciler.providers.http import HttpClient, HttpRequest, HttpSettings
from reconciler.providers.http_retry import Repeat
from reconciler.secret import Secret

RENEW_AFTER = 50 * 60.0
"""Seconds after which a token is renewed; it lives for an hour (facts §3.2)."""
USABLE_FOR = 59 * 60.0
"""Seconds for which a token is still used when its renewal fails in passing."""
RENEW_PAUSE = 30.0
"""Seconds between attempts to renew while the old token still serves."""

_CHECK = "check the account's e-mail and key, and that it was not deleted"


class _Login(Wire):
    token: str = Field(default="", repr=False)
    mfa_temp_token: str = Field(default="", repr=False)


class _Exchange(Wire):
    access_token: str = Field(default="", repr=False)


class _GitHubToken(Wire):
    value: str = Field(repr=False)


class Session:
    """Holds the token of one account. At most one log-in runs at a time; all who wait share its result or its error."""

    def __init__(
        self, http: HttpClient, credentials: Credentials, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._anonymous = Channel(http)
        self._credentials = credentials
        self._clock = clock
        self._token: Secret | None = None
        self._since = 0.0
        self._retry_at = 0.0
        self._running: asyncio.Task[Secret] | None = None

    @property
    def email(self) -> str:
        """The account's e-mail in lower case."""
        return self._credentials.email.lower()

    async def token(self) -> Secret:
        """A token that is expected to be accepted; logs in or renews where needed."""
        if self._token is None:
            return await self._shared()
        age = self._clock() - self._since
        if age < RENEW_AFTER or (age < USABLE_FOR and self._clock() < self._retry_at):
            return self._token
        try:
            return await self._shared()
        except (UnavailableError, ThrottledError):
            if age >= USABLE_FOR:
                raise
            self._retry_at = self._clock() + RENEW_PAUSE
            return self._token

    async def renewed(self, refused: Secret) -> Secret:
        """A token other than the one the server just refused."""
        if self._token is not None and self._token is not refused:
            return self._token
        return await self._shared()

    async def _shared(self) -> Secret:
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._obtain())
            self._running.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._running)

    async def _obtain(self) -> Secret:
        started = self._clock()
        try:
            match self._credentials:
                case ServiceAccount():
                    token = await self._log_in(self._credentials)
                case WorkloadIdentity():
                    token = await self._exchange(self._credentials)
        except UnavailableError as error:
            # Whatever call wanted the token was not made: nothing about it is in doubt.
            raise UnavailableError(
                error.what, where=error.where, why=error.why, next_step=error.next_step, ambiguous=False
            ) from error
        except (NotFoundError, ForbiddenError, BugError) as error:
            # An account that does not exist must never read as "the thing you asked for does not exist".
            raise CredentialsError(
                f"Bytebase does not log {self.email} in", where=self.email, why=error.why, next_step=_CHECK
            ) from error
        if not (token.isascii() and token.isprintable()):
            raise CredentialsError("Bytebase's token cannot be put into a header", where=self.email, next_step=_CHECK)
        self._token, self._since = Secret(token), started
        return self._token

    async def _log_in(self, account: ServiceAccount) -> str:
        login = await self._ask(_Login, "auth/login", {"email": account.email, "password": account.key.reveal()})
        if login.token:
            return login.token
        raise CredentialsError(
            "the log-in gave no token",
            where=self.email,
            why="a second factor is asked for" if login.mfa_temp_token else "",
            next_step="use a service account: a person's account cannot be used",
        )

    async def _exchange(self, identity: WorkloadIdentity) -> str:
        match identity.token:
            case Secret():
                proof = identity.token
            case GitHubOidc():
                proof = await github_token(identity.token, self._anonymous.http.settings)
            case source:
                proof = await source()
        body = {"token": proof.reveal(), "email": identity.email}
        exchange = await self._ask(_Exchange, "auth:exchangeToken", body)
        if exchange.access_token:
            return exchange.access_token
        raise CredentialsError("the exchange gave no token", where=self.email, next_step=_CHECK)

    async def _ask(self, answer: type[Message], path: str, body: dict[str, str]) -> Message:
        return await self._anonymous.send(answer, asking(path, body, what=f"log {self.email} in", resource=self.email))


async def github_token(source: GitHubOidc, settings: HttpSettings) -> Secret:
    """Ask GitHub Actions for the job's identity token, for `source.audience`."""
    url = httpx.URL(source.request_url)
    request = HttpRequest(
        "GET",
        url.path,
        query=[*url.params.multi_items(), ("audience", source.audience)],
        headers={"Authorization": f"bearer {source.request_token.reveal()}", "Accept": "application/json"},
    )
    origin = str(url.copy_with(path="/", query=None, fragment=None))
    async with HttpClient(origin, upstream="github", settings=settings) as http:
        response = await http.settings.retry.run(lambda: http.send(request), repeat=Repeat.SAFE)
    try:
        return Secret(_GitHubToken.model_validate_json(response.content).value)
    except ValidationError:
        raise CredentialsError(
            "GitHub gave no identity token",
            where=url.host,
            why=f"status {response.status}",
            next_step="give the job 'permissions: {id-token: write}'",
        ) from None
