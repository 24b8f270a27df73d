"""Tenant access tokens: issue, the thirty-minute rule, expiry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

LIFETIME = 7200.0
RENEW_BELOW = 1800.0


@dataclass(frozen=True, slots=True)
class Token:
    """An issued token; times in seconds of the stand-in's steady clock."""

    text: str
    app_id: str
    expires: float


class TenantTokens:
    """Every token that is still good; `lifetime` in seconds, two hours as Feishu has it."""

    def __init__(self, seconds: Callable[[], float], *, lifetime: float = LIFETIME) -> None:
        self._seconds = seconds
        self.lifetime = lifetime
        self._tokens: dict[str, Token] = {}
        self._latest: dict[str, Token] = {}

    def issue(self, app_id: str) -> tuple[str, int]:
        """The token and its whole seconds left: the same one while thirty minutes remain, else a new one beside it."""
        now = self._seconds()
        token = self._latest.get(app_id)
        if token is None or token.expires - now < RENEW_BELOW:
            self._tokens = {text: known for text, known in self._tokens.items() if known.expires > now}
            token = Token(f"t-{secrets.token_urlsafe(30)}", app_id, now + self.lifetime)
            self._tokens[token.text] = self._latest[app_id] = token
        return token.text, int(token.expires - now)

    def app_of(self, text: str) -> str | None:
        """The app a token speaks for, or None when it is unknown or has expired."""
        token = self._tokens.get(text)
        return token.app_id if token is not None and token.expires > self._seconds() else None

    def expire_all(self) -> None:
        """Every token issued so far is refused from now on."""
        self._tokens.clear()
        self._latest.clear()
