"""One exchange with an external node: JSON out, JSON back, every failure one of our errors and none of them an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.http import HttpClient, HttpRequest, HttpResponse, HttpSettings
from reconciler.providers.http_retry import Repeat

LARGEST_ANSWER = 1024 * 1024
"""Bytes; what a node answers is a handful of words."""


def _segment(text: str) -> str:
    """An id goes into the path of later calls, so it must be one segment of it."""
    if not re.fullmatch(r"[^\s/\\?#\x00-\x1f\x7f]{1,200}", text) or text in (".", ".."):
        raise ValueError("not an id")
    return text


ApprovalId = Annotated[str, AfterValidator(_segment)]


class WireApproval(BaseModel):
    """What a node says of one approval. A relay gives `id` and `status`; whatever else it sends is not read from it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: ApprovalId
    status: str = ""
    actor: str = ""
    reason: str = ""
    digest: str = ""


class Exchange:
    """The HTTP face of one node."""

    def __init__(self, settings: NodeSettings, *, http: HttpSettings | None = None) -> None:
        self._name = settings.name
        bounded = replace(http or HttpSettings(), largest=LARGEST_ANSWER)
        self._http = HttpClient(settings.endpoint, upstream=f"external node {settings.name}", settings=bounded)
        value = settings.value
        self._headers = {settings.header: value.reveal()} if settings.header and value is not None else {}

    async def ask(self, body: Mapping[str, object], *, key: str, repeat: Repeat) -> WireApproval:
        """Ask; any 2xx is success. `key` is the same for one question however often it is sent."""
        request = self._request("POST", "/approval", body, {"Idempotency-Key": key})
        return self._parsed(await self._send(request, repeat), request, is_ambiguous=True)

    async def read(self, approval: str) -> WireApproval:
        """What the node says now. NotFoundError where it knows no such approval."""
        request = self._request("GET", f"/approval/{approval}")
        return self._parsed(await self._send(request, Repeat.SAFE), request)

    async def change(self, approval: str, body: Mapping[str, object]) -> None:
        """Give an approval other contents, which is how a relay is told that it is withdrawn."""
        await self._send(self._request("PATCH", f"/approval/{approval}", body), Repeat.SAFE)

    async def withdraw(self, approval: str) -> None:
        """Withdraw an approval (v1)."""
        await self._send(self._request("DELETE", f"/approval/{approval}"), Repeat.SAFE)

    async def aclose(self) -> None:
        """Let running calls end, then close."""
        await self._http.aclose()

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") if body is not None else None
        sent = {"Accept": "application/json", **self._headers, **(headers or {})}
        if content is not None:
            sent["Content-Type"] = "application/json"
        return HttpRequest(method, path, headers=sent, body=content)

    async def _send(self, request: HttpRequest, repeat: Repeat) -> HttpResponse:
        async def attempt() -> HttpResponse:
            response = await self._http.send(request)
            if response.status == 429 or response.status >= 500:
                raise self._failure(response, request)
            return response

        response = await self._http.settings.retry.run(attempt, repeat=repeat)
        if not 200 <= response.status < 300:
            raise self._failure(response, request)
        return response

    def _failure(self, response: HttpResponse, request: HttpRequest) -> ReconcilerError:
        """What a status means; a node's body is never shown, since nobody knows what is in it."""
        doing = f"{request.method} {request.path}"
        where, why = f"external node {self._name}", f"{doing} is answered with status {response.status}"
        if response.status == 429:
            return ThrottledError(
                "the external node asks to slow down",
                where=where,
                why=why,
                next_step="it is asked again by itself",
                retry_after=response.retry_after,
            )
        if response.status >= 500:
            return UnavailableError(
                "the external node fails",
                where=where,
                why=why,
                next_step="it is asked again by itself; if it stays, look at the node's own log",
                ambiguous=True,
            )
        kind, what, next_step = _REFUSALS.get(
            response.status,
            (RefusedError, "the external node refuses the question", "look at the node's own log for the reason"),
        )
        return kind(what, where=where, why=why, next_step=next_step)

    def _parsed(self, response: HttpResponse, request: HttpRequest, *, is_ambiguous: bool = False) -> WireApproval:
        try:
            found = WireApproval.model_validate_json(response.content)
        except ValidationError:
            found = None
        if found is None:
            raise UnavailableError(
                "the external node's answer is not its protocol",
                where=f"external node {self._name}",
                why=f"{request.method} {request.path}: expected a JSON object with an id and a status",
                next_step="check the endpoint in spec.externalNodes, and the node's dialect",
                ambiguous=is_ambiguous,
            )
        return found


_REFUSALS: Mapping[int, tuple[type[ReconcilerError], str, str]] = {
    401: (
        CredentialsError,
        "the external node does not know us",
        "check spec.externalNodes[].auth and the value it refers to",
    ),
    403: (ForbiddenError, "the external node does not permit this", "let the node accept our header, or correct it"),
    404: (NotFoundError, "the external node knows no such approval", "check the endpoint, or ask again with /feishu"),
    409: (ConflictError, "the external node's approval is decided already", "it is read again by itself"),
    410: (NotFoundError, "the external node knows no such approval any more", "ask again with /feishu"),
}
