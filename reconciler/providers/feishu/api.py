"""One call to Feishu: budget, token, request, envelope, retry by meaning, and one more try after a refused token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from reconciler.errors import CredentialsError, ThrottledError, UnavailableError
from reconciler.providers.feishu.auth import JSON_HEADERS, TenantTokens
from reconciler.providers.feishu.codes import TOKEN_REFUSED
from reconciler.providers.feishu.endpoints import Endpoint
from reconciler.providers.feishu.envelope import open_envelope
from reconciler.providers.feishu.errors import Caller, code_of
from reconciler.providers.feishu.wire.base import Body
from reconciler.providers.http import HttpClient, HttpRequest

Payload = TypeVar("Payload", bound=BaseModel)

OPEN_IDS = ("user_id_type", "open_id")
"""The query pair that makes every id in a call an open id."""


class FeishuApi:
    """Makes calls as one app. A call that is not repeatable is sent once; a lost answer raises an ambiguous error."""

    def __init__(self, http: HttpClient, *, tokens: TenantTokens, caller: Caller) -> None:
        self._http = http
        self._tokens = tokens
        self.caller = caller

    async def call(
        self,
        endpoint: Endpoint,
        payload: type[Payload],
        *,
        path: Mapping[str, str] | None = None,
        query: Sequence[tuple[str, str]] = (),
        body: Body | None = None,
        where: str | None = None,
    ) -> Payload:
        """Return the typed payload or raise one of our errors; `where` names the thing concerned in it."""
        target = endpoint.path_with(path or {})
        content = body.encoded() if body is not None else None

        async def attempt() -> Payload:
            return await self._with_token(endpoint, payload, target=target, query=query, content=content, where=where)

        return await self._http.settings.retry.run(attempt, repeat=endpoint.repeat)

    async def _with_token(
        self,
        endpoint: Endpoint,
        payload: type[Payload],
        *,
        target: str,
        query: Sequence[tuple[str, str]],
        content: bytes | None,
        where: str | None,
    ) -> Payload:
        for is_last in (False, True):
            token = await self._tokens.token()
            headers = {"Authorization": f"Bearer {token.reveal()}", **JSON_HEADERS}
            request = HttpRequest(
                endpoint.method, target, query=query, headers=headers, body=content, budget=endpoint.name
            )
            response = await self._http.send(request)
            try:
                return open_envelope(response, payload, endpoint=endpoint, caller=self.caller, where=where)
            except CredentialsError as error:
                # Refused before anything was done, so this is safe for every call.
                if code_of(error) not in TOKEN_REFUSED or is_last:
                    raise
                self._tokens.forget(token)
            except (ThrottledError, UnavailableError) as error:
                self._http.placed(error, request)
                raise
        raise AssertionError("the loop returns or raises")
