"""How to reach one Bytebase and as whom; every secret is resolved already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reconciler.secret import Secret


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account by e-mail and key."""

    email: str
    key: Secret


@dataclass(frozen=True, slots=True)
class GitHubOidc:
    """Where a GitHub Actions job asks for its identity token (`ACTIONS_ID_TOKEN_REQUEST_URL` and `…_TOKEN`)."""

    request_url: str
    request_token: Secret
    audience: str = "bytebase"


IdentityToken = Secret | GitHubOidc | Callable[[], Awaitable[Secret]]
"""Whence a workload identity's token: a value, GitHub, or a source asked anew at each renewal (such tokens live minutes)."""


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """A workload identity by e-mail and the OIDC token that proves it."""

    email: str
    token: IdentityToken


Credentials = ServiceAccount | WorkloadIdentity
"""As whom to call."""


@dataclass(frozen=True, slots=True)
class BytebaseConnection:
    """One Bytebase and one account. `identity` is the label under which subjects of this Bytebase are known, if given."""

    url: str
    credentials: Credentials
    identity: str | None = None
    ca_file: str | None = None
