"""Access tokens: signed, one hour long, read back on every request (facts §3.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

from reconciler.sandbox.bytebase.call import UNAUTHENTICATED, Caller, RpcError
from reconciler.sandbox.bytebase.world import World

LIFETIME = 3600
"""Seconds that a token lives."""


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues and reads tokens; `expire_all` makes every token issued so far invalid."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._generation = 0
        self._refresh: dict[str, str] = {}

    def issue(self, world: World, email: str, now: datetime, *, seconds: int = LIFETIME) -> str:
        """A token for a principal that lives that long."""
        issued = int(now.timestamp())
        claims = {
            "aud": ["bb.user.access"],
            "iss": "bytebase",
            "sub": email,
            "workspace_id": world.workspace_id,
            "iat": issued,
            "exp": issued + seconds,
            "jti": f"{self._generation}.{secrets.token_hex(4)}",
        }
        head = _encode(b'{"alg":"HS256","kid":"v1","typ":"JWT"}')
        body = _encode(json.dumps(claims).encode())
        return f"{head}.{body}.{self._sign(f'{head}.{body}')}"

    def issue_refresh(self, email: str) -> str:
        """A refresh token, good for one use."""
        token = secrets.token_urlsafe(32)
        self._refresh[token] = email
        return token

    def spend_refresh(self, token: str) -> str | None:
        """The e-mail behind a refresh token, which is used up; None when it is unknown."""
        return self._refresh.pop(token, None)

    def expire_all(self) -> None:
        """All tokens issued until now answer 401 from now on."""
        self._generation += 1
        self._refresh.clear()

    def email_of(self, authorization: str | None) -> str | None:
        """The principal that a header names, expired or not; None when it is no token of ours. For the request log."""
        claims = self._claims((authorization or "").removeprefix("Bearer ").strip())
        return str(claims["sub"]) if claims is not None else None

    def caller(self, world: World, authorization: str | None, now: datetime) -> Caller:
        """The caller behind a header. RpcError UNAUTHENTICATED in Bytebase's words."""
        if not authorization:
            raise RpcError(UNAUTHENTICATED, "access token not found")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RpcError(UNAUTHENTICATED, "authorization header format must be Bearer {token}")
        claims = self._claims(token.strip())
        if claims is None:
            raise RpcError(UNAUTHENTICATED, "failed to parse claim")
        if now.timestamp() >= claims["exp"] or claims["jti"].partition(".")[0] != str(self._generation):
            raise RpcError(UNAUTHENTICATED, "access token expired")
        return caller_for(world, str(claims["sub"]))

    def _claims(self, token: str) -> dict[str, Any] | None:
        head, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        if not signature or not hmac.compare_digest(signature, self._sign(f"{head}.{body}")):
            return None
        claims: dict[str, Any] = json.loads(_decode(body))
        return claims

    def _sign(self, text: str) -> str:
        return _encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest())


def caller_for(world: World, email: str) -> Caller:
    """The principal of an e-mail, as long as it is active and, for people, still in the workspace."""
    account = world.accounts.get(email)
    if account is not None:
        if not account.is_active:
            raise RpcError(UNAUTHENTICATED, "authenticated user not found")
        kind = "workloadIdentity" if email.endswith("workload.bytebase.com") else "serviceAccount"
        return Caller(email, f"{kind}:{email}")
    user = world.users.get(email)
    if user is None or not user.is_active or not _is_member(world, email):
        raise RpcError(UNAUTHENTICATED, "authenticated user not found")
    return Caller(email, f"user:{email}")


def _is_member(world: World, email: str) -> bool:
    groups = {
        f"group:{g.email}" for g in world.groups.values() if any(m.get("member") == f"users/{email}" for m in g.members)
    }
    wanted = {f"user:{email}", "allUsers"} | groups
    return any(wanted & set(binding.members) for binding in world.iam.bindings)
