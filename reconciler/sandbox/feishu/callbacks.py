"""Pushes events to an app's request URL: challenge, encryption, signature, three seconds to answer."""

from __future__ import annotations

import json
import secrets

import httpx

from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.apps import AppConfig
from reconciler.sandbox.feishu.cipher import encrypt, signature
from reconciler.sandbox.feishu.events import Event

CONNECT_SECONDS = 2.0
ACK_SECONDS = 3.0
CHALLENGE_SECONDS = 1.0


class RequestUrls:
    """The platform as an HTTP client; `transport` lets a test answer in process."""

    def __init__(self, clock: SandboxClock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clock = clock
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close pooled connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _http(self) -> httpx.AsyncClient:
        """Made at the first push: its TLS context is costly and most tenants never push."""
        if self._client is None:
            self._client = httpx.AsyncClient(transport=self._transport, trust_env=False, follow_redirects=False)
        return self._client

    async def deliver(self, config: AppConfig, event: Event) -> bool:
        """One attempt; true when the URL answers 200 in time."""
        content = event.payload(config.verification_token)
        answer = await self._push(config, config.request_url, content, seconds=ACK_SECONDS, signed=True)
        return answer is not None and answer.status_code == 200

    async def verify(self, config: AppConfig, url: str) -> bool:
        """Whether the URL gives our challenge back within a second; challenges are not signed."""
        challenge = secrets.token_urlsafe(16)
        asked = {"challenge": challenge, "token": config.verification_token, "type": "url_verification"}
        content = json.dumps(asked).encode()
        answer = await self._push(config, url, content, seconds=CHALLENGE_SECONDS, signed=False)
        try:
            return answer is not None and answer.status_code == 200 and answer.json().get("challenge") == challenge
        except (ValueError, AttributeError):
            return False

    async def _push(
        self, config: AppConfig, url: str, content: bytes, *, seconds: float, signed: bool
    ) -> httpx.Response | None:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Go-http-client/1.1"}
        if config.encrypt_key:
            content = json.dumps({"encrypt": encrypt(content, config.encrypt_key)}).encode()
            if signed:
                timestamp, nonce = str(self._clock.millis() // 1000), idents.hexadecimal(16)
                headers |= {
                    "X-Lark-Request-Timestamp": timestamp,
                    "X-Lark-Request-Nonce": nonce,
                    "X-Lark-Signature": signature(
                        timestamp=timestamp, nonce=nonce, encrypt_key=config.encrypt_key, body=content
                    ),
                }
        try:
            return await self._http().post(
                url, content=content, headers=headers, timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS)
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
