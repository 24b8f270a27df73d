"""What a handler is given and what it may raise: the contract between the wire and the services."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from reconciler.sandbox.bytebase.world import World

Message = dict[str, Any]
"""A message in lowerCamelCase JSON form."""

INVALID, NOT_FOUND, EXISTS, DENIED, EXHAUSTED, PRECONDITION = 3, 5, 6, 7, 8, 9
ABORTED, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED = 10, 12, 13, 16
"""gRPC codes by name."""


class RpcError(Exception):
    """An answer that is an error: a gRPC code, the message, and details in REST form (with `@type`)."""

    def __init__(self, code: int, message: str, *, details: Sequence[Message] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = tuple(details)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: e-mail and typed IAM member (`user:…`, `serviceAccount:…`, `workloadIdentity:…`)."""

    email: str
    member: str

    @property
    def name(self) -> str:
        """How resources name the principal: `users/<e-mail>` for every kind."""
        return f"users/{self.email}"


@dataclass(slots=True)
class Call:
    """One request on its way to its handler.

    `message` is the proto request message: path, query and body merged, defaults absent. `mask` holds snake_case paths;
    on REST PATCH it is invented from the body when the query has none; None when Connect sent none. `cookie` is the refresh
    token that came along; what the handler puts into `set_cookies` goes out with its answer.
    """

    method: str
    face: Literal["rest", "connect"]
    caller: Caller | None
    message: Message
    mask: tuple[str, ...] | None
    world: World
    now: datetime
    cookie: str = ""
    set_cookies: dict[str, str] = field(default_factory=dict)

    @property
    def who(self) -> Caller:
        """The caller of a method that needs one."""
        if self.caller is None:
            raise RpcError(UNAUTHENTICATED, "access token not found")
        return self.caller

    def text(self, field: str) -> str:
        """A string field of the request, '' when absent."""
        value = self.message.get(field, "")
        return value if isinstance(value, str) else str(value)

    def part(self, field: str) -> Message:
        """A message field of the request, empty when absent."""
        value = self.message.get(field)
        return value if isinstance(value, dict) else {}


Handler = Callable[[Call], Message]
"""Answers a call with the response message; defaults may be present, the wire leaves them out."""
Handlers = Mapping[str, Handler]
