"""Calls of a stand-in's own HTTP API from inside the process: what the page does, any client could do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp

Json = dict[str, Any]
"""A JSON object of an upstream; its shape is the upstream's own."""


class UpstreamSaysNoError(Exception):
    """The upstream refused; the text is its own message, good for the person who tried."""

    def __init__(self, message: str, *, status: int, code: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Upstream:
    """One stand-in, called in process: past the frame, so the page meets no faults and is not in the request log."""

    def __init__(self, app: ASGIApp) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://sandbox.internal", cookies=None
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Json:
        """The answer's JSON object; raises `UpstreamSaysNoError` for what the upstream calls an error."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._client.request(method, path, params=query, json=body, headers=headers)
        self._client.cookies.clear()
        try:
            content = answer.json()
        except ValueError:
            content = {}
        if not isinstance(content, dict):
            content = {}
        code = content.get("code", 0)
        if answer.status_code >= 400 or code not in {0, None}:
            message = str(content.get("message") or content.get("msg") or f"HTTP {answer.status_code}")
            raise UpstreamSaysNoError(message, status=answer.status_code, code=code)
        return content
