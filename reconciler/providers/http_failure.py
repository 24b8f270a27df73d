"""Why a call got no answer, in words: host and port, the reason behind the client's exception, the proxy where one is used.

Nothing that an upstream or a proxy wrote is repeated: their texts may hold anything.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler.errors import ForbiddenError, ReconcilerError, ThrottledError, UnavailableError

Failure = TypeVar("Failure", bound=ReconcilerError)

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_NAMES = {"bytebase": "Bytebase", "feishu": "Feishu", "github": "GitHub"}
_PORTS = {"http": 80, "https": 443}
_DEEPEST = 12
"""How far down the causes of an exception are looked at."""

_ADDRESS = "check the address in the spec"
_NETWORK = "check the network, firewalls and the proxy settings (HTTPS_PROXY, NO_PROXY)"
_AGAIN = "try again; if it stays, look at what stands between here and there"
_PROXY = "check HTTPS_PROXY and NO_PROXY"


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom a client talks to: the upstream's name, `host:port`, and the proxy between (`host:port`, '' for none)."""

    upstream: str
    place: str
    proxy: str = ""

    @classmethod
    def of(cls, url: httpx.URL, *, upstream: str, through_proxy: bool) -> Peer:
        """The peer behind a base URL; never its user, password, path or query."""
        proxy = _proxy_of(url) if through_proxy else ""
        return cls(_NAMES.get(upstream, upstream), _place(url), proxy)

    def __str__(self) -> str:
        return f"{self.place} through the proxy {self.proxy}" if self.proxy else self.place


@dataclass(frozen=True, slots=True)
class Limits:
    """How long was waited, in seconds, for connecting and for the next part of an answer."""

    connect: float
    read: float


class _Reason(NamedTuple):
    why: str
    next_step: str


def unavailable(error: httpx.HTTPError, peer: Peer, *, doing: str, limits: Limits) -> UnavailableError:
    """The error for a call without an answer; `doing` is its method and path. `ambiguous` if it may have arrived."""
    sent = not isinstance(error, _NOT_SENT)
    reason = _reason(error, peer, limits)
    return UnavailableError(
        _what(error, peer, sent=sent),
        where=str(peer),
        why=f"{reason.why} ({doing})",
        next_step=reason.next_step,
        ambiguous=sent,
    )


def placed(error: Failure, peer: Peer, *, doing: str) -> Failure:
    """The same error of an answer, with the call and the host behind its reason where they help to find the fault."""
    if isinstance(error, UnavailableError | ThrottledError | ForbiddenError):
        call = f"({doing} at {peer})"
        error.why = f"{error.why} {call}" if error.why else call
    return error


def problem_of(error: httpx.HTTPError, peer: Peer, *, limits: Limits) -> str:
    """The reason alone, for a log line."""
    return _reason(error, peer, limits).why


def _what(error: httpx.HTTPError, peer: Peer, *, sent: bool) -> str:
    if _caused_by(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"the certificate of {peer.upstream} is not trusted"
    if isinstance(error, httpx.ProxyError):
        return "the proxy did not let the call through"
    if not sent and peer.proxy and not _caused_by(error, ssl.SSLError):
        return f"the proxy to {peer.upstream} cannot be reached"
    if not sent:
        return f"{peer.upstream} cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return f"{peer.upstream} did not answer in time"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError) and not _is_cut_off(error):
        return f"{peer.upstream} did not answer as a web server does"
    return f"the connection to {peer.upstream} broke before the answer came"


def _reason(error: httpx.HTTPError, peer: Peer, limits: Limits) -> _Reason:
    for cause in _causes(error):
        found = _of_cause(cause, peer)
        if found is not None:
            return found
    return _of_type(error, limits)


def _of_cause(cause: BaseException, peer: Peer) -> _Reason | None:
    """What the operating system or the TLS library says; None where it says nothing that a reader could use."""
    address = _PROXY if peer.proxy else _ADDRESS
    match cause:
        case ssl.SSLCertVerificationError():
            return _certificate(cause, peer)
        case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
            return None
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST" | "UNKNOWN_PROTOCOL" | "RECORD_LAYER_FAILURE"):
            return _Reason("what listens there does not speak TLS", f"{_ADDRESS}: the port may be one for plain http")
        case ssl.SSLError():
            return _Reason(f"TLS failed ({(cause.reason or 'no reason given').lower().replace('_', ' ')})", _NETWORK)
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return _Reason("the name server does not answer", "check the network and its name server")
        case socket.gaierror():
            return _Reason("its name is not known", f"{address} and the name server")
        case ConnectionRefusedError():
            return _Reason("connection refused, nothing listens there", f"{address}, and that it runs")
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return _Reason("connection reset", _AGAIN)
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH | errno.ENETDOWN | errno.EHOSTDOWN | errno.EACCES):
            return _Reason(os.strerror(cause.errno or 0).lower(), _NETWORK)
        case _:
            return None


def _certificate(cause: ssl.SSLCertVerificationError, peer: Peer) -> _Reason:
    # The text comes from the TLS library and names at most the host that we asked for.
    why = str(getattr(cause, "verify_message", "")).rstrip(". ") or "its issuer is not known here"
    authority = "spec.bytebase.tls.ca" if peer.upstream == "Bytebase" else "the file that SSL_CERT_FILE names"
    if "mismatch" in why.lower() or "not valid for" in why:
        return _Reason(why[:200], "use the name that the certificate is for, or fix the certificate")
    if "expired" in why or "not yet valid" in why:
        return _Reason(why[:200], "renew the certificate, or correct this machine's clock")
    return _Reason(why[:200], f"put its authority's certificate into {authority}, or fix the certificate")


def _of_type(error: httpx.HTTPError, limits: Limits) -> _Reason:
    match error:
        case httpx.ConnectTimeout():
            return _Reason(f"no connection within {limits.connect:g} s", _NETWORK)
        case httpx.PoolTimeout():
            return _Reason("all connections stayed busy", "ask for less at once, or wait")
        case httpx.TimeoutException():
            return _Reason(f"nothing came for {limits.read:g} s", _AGAIN)
        case httpx.ProxyError():
            return _proxy_refusal(str(error))
        case httpx.RemoteProtocolError() if _is_cut_off(error):
            return _Reason("it was closed from there", _AGAIN)
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            return _Reason("what came is no HTTP", f"{_ADDRESS} and what stands in front of it")
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return _Reason("connection reset", _AGAIN)
        case _:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                return _certificate(ssl.SSLCertVerificationError(), Peer("", ""))
            return _Reason(type(error).__name__, f"{_ADDRESS}, the network and the proxy settings")


def _proxy_refusal(text: str) -> _Reason:
    status = text[:3] if text[:3].isascii() and text[:3].isdigit() else ""
    if status == "407":
        return _Reason("it answered 407 and wants a user and a password", "put them into HTTPS_PROXY")
    return _Reason(f"it answered {status or 'with an error'}", _PROXY + ", and what the proxy permits")


def _is_cut_off(error: httpx.HTTPError) -> bool:
    return str(error).startswith(("peer closed connection", "Server disconnected"))


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    ignored = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    return any(isinstance(cause, kind) and not isinstance(cause, ignored) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Everything behind an exception, groups included, the nearest first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting and len(seen) < _DEEPEST:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting += [current.__cause__, current.__context__]


def _place(url: httpx.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or _PORTS.get(url.scheme, 0)}"


def _proxy_of(url: httpx.URL) -> str:
    """The proxy that this machine's settings name for a URL, found as the client finds it; '' for none."""
    if proxy_bypass(url.host):
        return ""
    proxies = getproxies()
    written = proxies.get(url.scheme) or proxies.get("all") or ""
    if not written:
        return ""
    try:
        return _place(httpx.URL(written if "://" in written else f"http://{written}"))
    except httpx.InvalidURL:
        return "of this machine"
