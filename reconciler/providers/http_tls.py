"""Trust: one TLS context per CA file, shared by all clients, and where plain http is allowed."""

from __future__ import annotations

import ipaddress
import ssl
from functools import cache

import httpx

from reconciler.errors import RefusedError, SpecError


@cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The usual trust store (SSL_CERT_FILE is honoured) plus `ca_file`. Costs 40 ms once; SpecError if the file is no good."""
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SpecError(
                "the CA file cannot be used",
                where=ca_file,
                why=error.strerror or "it holds no PEM certificate",
                next_step="point tls.ca at a readable file with PEM certificates",
            ) from error
    return context


@cache
def no_trust() -> ssl.SSLContext:
    """A context that trusts nobody, for clients that only speak plain http to this machine."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def checked_base(base_url: str) -> httpx.URL:
    """Parse a base URL. Refuses plain http to another machine, because credentials would travel in the clear."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise SpecError("not a URL", where=base_url, next_step="write it as https://host") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise SpecError(
            "not a usable base URL",
            where=url.host or None,
            next_step="write it as https://host, without user, query or fragment",
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise RefusedError(
            "credentials are not sent over plain http",
            where=url.host,
            next_step="use https:// (plain http is for this machine only)",
        )
    return url
