"""One exchange with an external node: JSON out, JSON back, every failure one of our errors and none of them an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import httpx
from pydantic import ValidationError

from reconciler.errors import CredentialsError, RefusedError, SpecError, UnavailableError
from reconciler.providers.external.failures import Purpose, failure, is_passing
from reconciler.providers.external.settings import NodeSettings
from reconciler.providers.external.wire import RelayApproval, V1Approval
from reconciler.providers.http import HttpClient, HttpRequest, HttpResponse, HttpSettings
from reconciler.providers.http_retry import Repeat
from reconciler.providers.http_tls import is_loopback
from reconciler.subjects.instance import Dialect

LARGEST_ANSWER = 1024 * 1024
"""Bytes; what a node answers is a handful of words."""

_SENDABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")


class Exchange:
    """The HTTP face of one node, in its dialect. Refuses an address where whoever is on the way could answer in its place."""

    def __init__(self, settings: NodeSettings, *, http: HttpSettings | None = None) -> None:
        self._name = settings.name
        self._is_keyed = settings.dialect is Dialect.V1
        self._answer: type[RelayApproval] = V1Approval if self._is_keyed else RelayApproval
        _check_endpoint(settings)
        self._headers = _auth(settings)
        # A node's clock decides nothing, so it says nothing about ours either.
        bounded = replace(http or HttpSettings(), largest=LARGEST_ANSWER, on_date=None)
        self._http = HttpClient(settings.endpoint, upstream=f"external node {settings.name}", settings=bounded)

    async def ask(self, body: Mapping[str, object], *, key: str) -> RelayApproval:
        """Ask; any 2xx is success. `key` is the same for one question however often it is sent.

        Repeated by itself only where it cannot have arrived, or where the dialect makes a second one harmless.
        """
        request = self._request("POST", "/approval", body, {"Idempotency-Key": key})
        purpose, repeat = (Purpose.ASK_KEYED, Repeat.SAFE) if self._is_keyed else (Purpose.ASK, Repeat.UNSENT)
        return self._parsed(await self._send(request, purpose, repeat), request, purpose)

    async def read(self, approval: str) -> RelayApproval:
        """What the node says now. NotFoundError where it knows no such approval."""
        request = self._request("GET", f"/approval/{approval}")
        found = self._parsed(await self._send(request, Purpose.READ, Repeat.SAFE), request, Purpose.READ)
        if found.id != approval:
            raise UnavailableError(
                "the external node answers for another approval",
                where=f"external node {self._name}",
                why=f"{request.method} {request.path} came back with another id",
                next_step="look at the node, and at caches in front of it",
            )
        return found

    async def empty(self, approval: str) -> str:
        """Take title and statement out of an approval, which is how a relay is told of a withdrawal (facts R-07).

        Returns the status in the answer, '' where there is none.
        """
        return await self._withdrawn(self._request("PATCH", f"/approval/{approval}", {"title": "", "statement": ""}))

    async def delete(self, approval: str) -> str:
        """Withdraw an approval in v1. Returns the status in the answer, '' where there is none."""
        return await self._withdrawn(self._request("DELETE", f"/approval/{approval}"))

    async def aclose(self) -> None:
        """Let running calls end, then close."""
        await self._http.aclose()

    async def _withdrawn(self, request: HttpRequest) -> str:
        response = await self._send(request, Purpose.WITHDRAW, Repeat.SAFE)
        try:
            return self._answer.model_validate_json(response.content).status
        except ValidationError:
            return ""  # the status line was the answer

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

    async def _send(self, request: HttpRequest, purpose: Purpose, repeat: Repeat) -> HttpResponse:
        async def attempt() -> HttpResponse:
            response = await self._http.send(request)
            if is_passing(response):
                raise self._failed(response, request, purpose)
            return response

        response = await self._http.settings.retry.run(attempt, repeat=repeat)
        if not 200 <= response.status < 300:
            raise self._failed(response, request, purpose)
        return response

    def _failed(self, response: HttpResponse, request: HttpRequest, purpose: Purpose) -> Exception:
        return failure(response, purpose, node=self._name, doing=f"{request.method} {request.path}")

    def _parsed(self, response: HttpResponse, request: HttpRequest, purpose: Purpose) -> RelayApproval:
        try:
            return self._answer.model_validate_json(response.content)
        except ValidationError:
            pass  # its text quotes what came
        raise UnavailableError(
            "the external node's answer is not its protocol",
            where=f"external node {self._name}",
            why=f"{request.method} {request.path}: expected a JSON object with an id and a status",
            next_step="check the endpoint in spec.externalNodes, and the node's dialect",
            ambiguous=purpose.asks,
        )


def _check_endpoint(settings: NodeSettings) -> None:
    where = f"external node {settings.name}"
    try:
        url = httpx.URL(settings.endpoint)
    except httpx.InvalidURL:
        url = None
    if url is None or url.userinfo:
        raise SpecError(
            "the endpoint is not a usable URL",
            where=where,
            next_step="write it as https://host/path, without a user: what authenticates goes into auth",
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise RefusedError(
            "an external node is not asked over plain http",
            where=where,
            why="whoever is on the way could read the SQL and approve it",
            next_step="use https:// (plain http is for this machine only)",
        )


def _auth(settings: NodeSettings) -> dict[str, str]:
    if not settings.header or settings.value is None:
        return {}
    value = settings.value.reveal()
    if not _SENDABLE.fullmatch(value):
        # Said here, because the HTTP library's own complaint would quote the value.
        raise CredentialsError(
            f"the value of the header {settings.header} cannot be sent",
            where=f"external node {settings.name}",
            why="it is empty, begins or ends with white space, or holds a line break or a character beyond ASCII",
            next_step="correct what spec.externalNodes[].auth.value refers to",
        )
    return {settings.header: value}
