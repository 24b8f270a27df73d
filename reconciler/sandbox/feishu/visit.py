"""One authorised, validated call on its way to the business: what every handler is given."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reconciler.sandbox.feishu.answers import Answer, JsonObject
from reconciler.sandbox.feishu.apps import App
from reconciler.sandbox.feishu.callbacks import RequestUrls
from reconciler.sandbox.feishu.connections import LongConnections
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.validation import violation
from reconciler.sandbox.feishu.world import World

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """The caller's app, the call's inputs, and the parts of the platform a handler may use."""

    world: World
    app: App
    connections: LongConnections
    request_urls: RequestUrls
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def id_type(self) -> str:
        """The id type the caller uses for people."""
        return self.query.get("user_id_type") or "open_id"

    @property
    def locale(self) -> str | None:
        """The language asked for in the query, None = the default."""
        return self.query.get("locale") or None

    def find(self, identifier: str) -> Person:
        """A person in the caller's id type; raises `CallError` 1390004 when there is nobody."""
        return self.world.person(identifier, self.app.app_id, self.id_type)

    def name_of(self, person: Person) -> str:
        """A person's id in the caller's id type."""
        return self.world.directory.id_of(person, self.app.app_id, self.id_type)

    def open_id(self, person: Person | None) -> str:
        """A person's open id in the caller's app; empty for nobody."""
        return self.world.directory.open_id(person, self.app.app_id) if person else ""

    def user_id(self, person: Person | None) -> str:
        """A person's user id where the caller may see it, else empty."""
        return person.user_id if person and self.world.sees_user_ids(self.app) else ""

    def page(self, items: Sequence[Item], *, default: int, most: int, least: int = 1) -> Page[Item]:
        """The page asked for; raises `CallError` for a size out of range or a token that is not ours."""
        size = int(self.query.get("page_size") or default)
        if not least <= size <= most:
            raise violation("page_size", f"must be between {least} and {most}", size)
        begin = _offset(self.query.get("page_token", ""))
        end = begin + size
        more = end < len(items)
        return Page(items[begin:end], more, _token(end) if more else "")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list."""

    items: Sequence[Item]
    has_more: bool
    token: str

    def wire(self) -> JsonObject:
        """`has_more`, and `page_token` unless this is the last page."""
        return {"has_more": True, "page_token": self.token} if self.has_more else {"has_more": False}


Handler = Callable[[Visit], Answer | Awaitable[Answer]]
Handlers = Mapping[str, Handler]


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"next:{offset}".encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        prefix, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if prefix == "next":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise violation("page_token", "invalid page_token", token)
