"""One authorised line to Bytebase: REST and Connect calls that return typed messages or raise our errors, and whole lists."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pydantic import ValidationError

from reconciler.errors import UnavailableError
from reconciler.providers.bytebase.errors import CallMeaning, error_of, is_passing, malformed, throttled_or_down
from reconciler.providers.bytebase.wire import Wire
from reconciler.providers.http import HttpClient, HttpRequest, HttpResponse
from reconciler.providers.http_retry import Repeat
from reconciler.secret import Secret

PAGE_SIZE = 1000
"""The largest page the server gives (facts §1.4)."""

Message = TypeVar("Message", bound=Wire)
Json = Mapping[str, object]
Query = Sequence[tuple[str, str]]


class Named(Protocol):
    """Anything with a resource name."""

    @property
    def name(self) -> str:
        """The full resource name."""
        ...


Item = TypeVar("Item", bound=Named)


class Page(Wire, Generic[Item]):
    """One page of a list; an empty page with a token is not the last one (facts §8.2)."""

    next_page_token: str = ""

    @property
    def items(self) -> Sequence[Item]:
        """What the page holds."""
        raise TypeError(f"{type(self).__name__} does not say what it holds")


class TokenSource(Protocol):
    """Gives bearer tokens."""

    async def token(self) -> Secret:
        """A token expected to be accepted."""
        ...

    async def renewed(self, refused: Secret) -> Secret:
        """Another token than the refused one."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what is sent, what it is for, and how it bears repetition."""

    method: str
    path: str
    meaning: CallMeaning
    repeat: Repeat
    query: Query = ()
    body: Json | None = field(default=None, repr=False)
    connect: bool = False

    @property
    def request(self) -> HttpRequest:
        """The HTTP request of this call, without credentials."""
        headers = {"Accept": "application/json"}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.connect:
            headers["Connect-Protocol-Version"] = "1"
        body = None if self.body is None else json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace")
        return HttpRequest(self.method, self.path, self.query, headers, body)


def reading(path: str, *, query: Query = (), what: str = "read this", resource: str | None = None) -> Call:
    """A REST read of `path` (below /v1/)."""
    name = resource or path.partition(":")[0]
    return Call("GET", f"/v1/{path}", CallMeaning(what, name, acts=False), Repeat.SAFE, query)


def asking(path: str, body: Json, *, what: str, resource: str) -> Call:
    """A read that takes a body."""
    return Call("POST", f"/v1/{path}", CallMeaning(what, resource, acts=False), Repeat.SAFE, (), body)


class Channel:
    """Sends calls with a bearer token that is renewed once when refused; without a source it calls anonymously."""

    def __init__(self, http: HttpClient, tokens: TokenSource | None = None) -> None:
        self.http = http
        self._tokens = tokens

    async def send(self, answer: type[Message], call: Call) -> Message:
        """Make the call and parse its answer. Retries as the call allows; every failure is one of our errors."""
        response = await self._response(call)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise self.http.placed(malformed(response, call.meaning, error), call.request) from None

    async def read_all(self, page: type[Page[Item]], call: Call, *, size: int = PAGE_SIZE) -> tuple[Item, ...]:
        """Read a list to its end; a name that comes twice (rows moved between pages) is kept once, as last seen."""

        async def fetch(token: str) -> Page[Item]:
            return await self.send(page, _paged(call, token, size))

        return await collect(fetch, call.meaning.resource)

    async def read_page(self, page: type[Page[Item]], call: Call, *, size: int = PAGE_SIZE) -> Page[Item]:
        """Read the first page of a list."""
        return await self.send(page, _paged(call, "", size))

    async def _response(self, call: Call) -> HttpResponse:
        if self._tokens is not None:
            await self._tokens.token()  # outside of the retries: a log-in has its own

        async def attempt() -> HttpResponse:
            response = await self._authorised(call.request)
            if is_passing(response):
                raise self.http.placed(throttled_or_down(response, call.meaning), call.request)
            return response

        response = await self.http.settings.retry.run(attempt, repeat=call.repeat)
        if response.status != 200:
            raise self.http.placed(error_of(response, call.meaning), call.request)
        return response

    async def _authorised(self, request: HttpRequest) -> HttpResponse:
        if self._tokens is None:
            return await self.http.send(request)
        token = await self._tokens.token()
        response = await self.http.send(_with_token(request, token))
        if response.status != 401:
            return response
        return await self.http.send(_with_token(request, await self._tokens.renewed(token)))


async def collect(fetch: Callable[[str], Awaitable[Page[Item]]], resource: str) -> tuple[Item, ...]:
    """Follow page tokens to the end. Offsets shift when rows are inserted meanwhile, so names are de-duplicated."""
    found: dict[str, Item] = {}
    seen: set[str] = set()
    token = ""
    while True:
        page = await fetch(token)
        found.update((item.name, item) for item in page.items)
        token = page.next_page_token
        if not token:
            return tuple(found.values())
        if token in seen:
            raise UnavailableError(
                "Bytebase gives the same page again and again", where=resource, next_step="try again later"
            )
        seen.add(token)


def _with_token(request: HttpRequest, token: Secret) -> HttpRequest:
    headers = {**request.headers, "Authorization": f"Bearer {token.reveal()}"}
    return HttpRequest(request.method, request.path, request.query, headers, request.body, request.budget)


def _paged(call: Call, token: str, size: int) -> Call:
    if call.body is None:
        query = [("page_size", str(size)), *call.query]
        if token:
            query.append(("page_token", token))
        return Call(call.method, call.path, call.meaning, call.repeat, query)
    body = {**call.body, "pageSize": size}
    if token:
        body["pageToken"] = token
    return Call(call.method, call.path, call.meaning, call.repeat, call.query, body)
