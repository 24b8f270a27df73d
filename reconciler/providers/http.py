"""The one way out to an upstream: a guarded HTTP client with time-outs, budgets, a size limit and a redacted log line.

It knows no upstream's protocol: a response of any status is an answer, only a redirect is an error. Providers give it a meaning.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self
from urllib.parse import quote

import httpx

from reconciler.errors import UnavailableError
from reconciler.providers.http_budget import Budget, Unlimited
from reconciler.providers.http_failure import Failure, Limits, Peer, placed, problem_of, unavailable
from reconciler.providers.http_retry import RetryPolicy
from reconciler.providers.http_tls import checked_base, is_loopback, no_trust, tls_context

log = logging.getLogger("reconciler.http")

# Both libraries log whole URLs and headers, tokens included; our own line replaces theirs.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# httpcore asks for sniffio at every lock it makes. Where there is none, Python would search its whole path for it each time,
# which is a third of what a call costs; told once that there is none, it does not.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_PATH_CHARACTERS = "/:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One finished attempt, as observers see it: no query, no headers, no bodies. `status` is None when no answer came."""

    upstream: str
    method: str
    path: str
    status: int | None
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How a process talks to upstreams; one value serves all its clients.

    Times are in seconds; `deadline` bounds one attempt from its first byte to its last, `largest` the decoded answer in
    bytes. `transport` replaces the network (tests, in-process servers). `on_date` gets each answer's Date header.
    """

    parallel: int = 8
    connect: float = 10.0
    read: float = 30.0
    deadline: float = 120.0
    largest: int = 128 * 1024 * 1024
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    budget: Budget = field(default_factory=Unlimited)
    transport: httpx.AsyncBaseTransport | None = None
    on_call: Callable[[HttpCall], None] | None = None
    on_date: Callable[[str, datetime], None] | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One call below the client's base URL. `path` is not percent-encoded; `budget` names the limit it counts against."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    budget: str = ""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer, decompressed. Its body never goes into a message unparsed."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The Content-Type without parameters, in lower case; '' if absent."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> float | None:
        """Seconds asked for by Retry-After where it holds a plain number, else None."""
        value = str(self.headers.get("retry-after", "")).strip()
        return float(value) if value.isascii() and value.isdigit() else None


class HttpClient:
    """A guarded client of one upstream: at most `parallel` requests in flight, none ever cancelled half-way.

    httpcore 1.0 loses a pool slot for good when a request is cancelled at the wrong moment, so the caller is cancelled
    and the request is not: it ends by its own time-outs. No cookies are kept and no redirect is followed.
    """

    def __init__(
        self, base_url: str, *, upstream: str, settings: HttpSettings | None = None, ca_file: str | None = None
    ) -> None:
        self.settings = settings or HttpSettings()
        self.upstream = upstream
        self._base = checked_base(base_url)
        is_local = is_loopback(self._base.host)
        self._peer = Peer.of(self._base, upstream=upstream, through_proxy=not is_local)
        self._limits = Limits(self.settings.connect, self.settings.read)
        is_plain = self._base.scheme == "http" or self.settings.transport is not None
        tls = no_trust() if is_plain else tls_context(ca_file)
        self._client = httpx.AsyncClient(
            transport=self.settings.transport,
            verify=tls,
            timeout=httpx.Timeout(self.settings.read, connect=self.settings.connect, pool=self.settings.deadline),
            limits=httpx.Limits(
                max_connections=self.settings.parallel, max_keepalive_connections=self.settings.parallel
            ),
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "reconciler"},
            follow_redirects=False,
            trust_env=not is_local,
        )
        self._slots = asyncio.Semaphore(self.settings.parallel)
        self._live: set[asyncio.Task[HttpResponse]] = set()

    @property
    def base_url(self) -> str:
        """The base URL without a trailing slash."""
        return str(self._base).rstrip("/")

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make one attempt. UnavailableError when no usable answer came; `ambiguous` if the request may have arrived."""
        await self.settings.budget.take(request.budget or self.upstream)
        await self._slots.acquire()
        task = asyncio.ensure_future(self._attempt(request))
        self._live.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def placed(self, error: Failure, request: HttpRequest) -> Failure:
        """The error that an answer to this request means, with the call and the host in its reason."""
        return placed(error, self._peer, doing=f"{request.method} {request.path}")

    async def aclose(self, grace: float = 5.0) -> None:
        """Let running requests end for `grace` seconds, then close the connections."""
        if self._live:
            await asyncio.wait(self._live, timeout=grace)
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _finished(self, task: asyncio.Task[HttpResponse]) -> None:
        self._live.discard(task)
        self._slots.release()
        if not task.cancelled():
            task.exception()  # the caller may have been cancelled: nobody else would ask

    async def _attempt(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        status: int | None = None
        problem = ""
        try:
            response = await self._exchange(request, started)
            status = response.status
            self._see_date(response)
            _refuse_redirect(response, str(self._peer))
        except httpx.HTTPError as error:
            problem = problem_of(error, self._peer, limits=self._limits)
            doing = f"{request.method} {request.path}"
            raise unavailable(error, self._peer, doing=doing, limits=self._limits) from error
        except UnavailableError as error:
            problem = error.what
            raise
        finally:
            self._report(request, status, (time.monotonic() - started) * 1000, problem)
        return response

    async def _exchange(self, request: HttpRequest, started: float) -> HttpResponse:
        outgoing = self._client.build_request(
            request.method,
            self.base_url + quote(request.path, safe=_PATH_CHARACTERS),
            params=list(request.query) or None,
            headers=dict(request.headers),
            content=request.body,
        )
        response = await self._client.send(outgoing, stream=True)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > self.settings.largest:
                    raise UnavailableError(
                        "the answer is too large",
                        where=str(self._peer),
                        why=f"more than {self.settings.largest} bytes ({request.method} {request.path})",
                        next_step="check that this is the upstream's own address",
                        ambiguous=True,
                    )
                if time.monotonic() - started > self.settings.deadline:
                    raise UnavailableError(
                        "the answer takes too long",
                        where=str(self._peer),
                        why=f"more than {self.settings.deadline:g} s ({request.method} {request.path})",
                        next_step="try again; if it stays, look at what stands between here and there",
                        ambiguous=True,
                    )
        finally:
            await response.aclose()
        return HttpResponse(response.status_code, response.headers, bytes(content))

    def _see_date(self, response: HttpResponse) -> None:
        if self.settings.on_date is None:
            return
        try:
            date = parsedate_to_datetime(response.headers.get("date", ""))
        except ValueError:
            return
        self.settings.on_date(self.upstream, date if date.tzinfo else date.replace(tzinfo=UTC))

    def _report(self, request: HttpRequest, status: int | None, milliseconds: float, problem: str) -> None:
        call = HttpCall(self.upstream, request.method, request.path, status, milliseconds, problem)
        log.debug("%s %s %s -> %s in %.0f ms", call.upstream, call.method, call.path, status or problem, milliseconds)
        if self.settings.on_call is not None:
            self.settings.on_call(call)


def _refuse_redirect(response: HttpResponse, where: str) -> None:
    if not 300 <= response.status < 400:
        return
    try:
        target = httpx.URL(response.headers.get("location", "")).host
    except httpx.InvalidURL:
        target = ""
    raise UnavailableError(
        "the upstream answers with a redirect, which is not followed with credentials",
        where=where,
        why=f"status {response.status}" + (f" to {target}" if target else ""),
        next_step="write the final address into the spec",
        ambiguous=True,
    )
