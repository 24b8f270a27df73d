"""Who may look: the Host check against rebinding, and the secret that is required elsewhere than on loopback."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass

from reconciler.errors import RefusedError
from reconciler.secret import Secret

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show. Without a secret only loopback names are answered."""

    hosts: frozenset[str] = LOOPBACK
    secret: Secret | None = None

    def knows_host(self, header: str) -> bool:
        """Whether the request was meant for us: a name of ours in its Host header, whatever the port."""
        host = header.lower()
        name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
        return name in self.hosts

    def admits(self, authorization: str) -> bool:
        """Whether the Authorization header holds the secret, as a bearer token or as a password."""
        if self.secret is None:
            return True
        scheme, _, value = authorization.strip().partition(" ")
        given = value.strip()
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.encode(), self.secret.reveal().encode())


def access_for(address: str, *, secret: Secret | None, names: frozenset[str] = frozenset()) -> Access:
    """The rule for an address to listen on. Refused without a secret anywhere but on loopback."""
    if not _is_loopback(address) and not secret:
        raise RefusedError(
            "the page would be open to everybody on the network",
            where=address,
            next_step="set RECONCILER_HTTP_SECRET, or listen on 127.0.0.1",
        )
    own = f"[{address}]" if ":" in address else address
    return Access(hosts=LOOPBACK | {own.lower()} | frozenset(name.lower() for name in names), secret=secret or None)


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
