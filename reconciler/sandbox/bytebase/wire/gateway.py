"""One request from the wire to its handler and back: decode, validate, authenticate, check permission, audit, answer."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qsl

from reconciler.sandbox.bytebase import audit
from reconciler.sandbox.bytebase.access import permissions_of, project_of_resource
from reconciler.sandbox.bytebase.call import (
    DENIED,
    INTERNAL,
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNIMPLEMENTED,
    Call,
    Caller,
    Handlers,
    Message,
    RpcError,
)
from reconciler.sandbox.bytebase.tokens import Tokens
from reconciler.sandbox.bytebase.wire.decode import Face, UnknownFieldError, decode, decode_text, violations
from reconciler.sandbox.bytebase.wire.details import permission_denied_detail, violations_detail, violations_text
from reconciler.sandbox.bytebase.wire.encode import encode
from reconciler.sandbox.bytebase.wire.masks import connect_mask, invented_mask, rest_mask
from reconciler.sandbox.bytebase.wire.routes import Match
from reconciler.sandbox.bytebase.wire.shapes import Method, Shapes, shapes
from reconciler.sandbox.bytebase.world import World
from reconciler.sandbox.clock import SandboxClock


@dataclass(frozen=True, slots=True)
class Credentials:
    """What came with a request: its Authorization header, or the cookies of a browser."""

    authorization: str | None = None
    access_cookie: str = ""
    refresh_cookie: str = ""

    @property
    def bearer(self) -> str | None:
        """The header to judge the caller by; the cookie stands in where there is none (facts §3.1)."""
        return self.authorization or (f"Bearer {self.access_cookie}" if self.access_cookie else None)


@dataclass(frozen=True, slots=True)
class Answered:
    """An encoded response message, and the cookies to set with it."""

    message: Message
    cookies: dict[str, str]


@dataclass(slots=True)
class Request:
    """A request with what both faces have in common."""

    method: Method
    face: Face
    message: Message
    mask: tuple[str, ...] | None
    credentials: Credentials


class Gateway:
    """Runs requests in the server's order of interceptors (facts §1.1)."""

    def __init__(self, world: World, handlers: Handlers, tokens: Tokens, clock: SandboxClock) -> None:
        self._world = world
        self._handlers = handlers
        self._tokens = tokens
        self._clock = clock
        self._shapes: Shapes = shapes()

    def rest_request(self, match: Match, query: str, body: bytes, credentials: Credentials) -> Request:
        """Path, query and body of the REST face as one request message."""
        method, binding = match.route.method, match.route.binding
        message: Message = {}
        mask: tuple[str, ...] | None = None
        if binding.body:
            mask = self._rest_body(message, method, binding.body, body, is_patch=binding.verb == "PATCH")
        given = self._rest_query(message, method, query)
        for path, text in match.values.items():
            _put(message, path, text)
        return Request(method, "rest", message, given if given is not None else mask, credentials)

    def connect_request(self, method: Method, body: bytes, credentials: Credentials) -> Request:
        """The body of the Connect face as a request message."""
        raw = _json(body)
        message = decode(self._shapes, method.request, raw, face="connect")
        text = message.pop("updateMask", None)
        mask = connect_mask(text) if isinstance(text, str) else None
        return Request(method, "connect", message, mask, credentials)

    def answer(self, request: Request) -> Answered:
        """What goes out. RpcError for every refusal."""
        method, now = request.method, self._clock.now()
        handler = self._handlers.get(method.name)
        broken = violations(self._shapes, method.request, request.message)
        if broken:
            raise RpcError(INVALID, violations_text(broken), details=[violations_detail(broken)])
        caller = self._caller(method, request.credentials.bearer, now)
        call = Call(
            method.name,
            request.face,
            caller,
            request.message,
            request.mask,
            self._world,
            now,
            cookie=request.credentials.refresh_cookie,
        )
        if method.authorization == "IAM" and caller is not None and method.permission:
            self._check_permission(call, method, caller)
        if handler is None:
            raise RpcError(UNIMPLEMENTED, f"{method.name} is not served by this stand-in")
        return Answered(self._handled(call, method, handler), call.set_cookies)

    def _caller(self, method: Method, authorization: str | None, now: datetime) -> Caller | None:
        if not method.is_anonymous:
            return self._tokens.caller(self._world, authorization, now)
        if method.authorization != "handler":
            return None
        try:
            return self._tokens.caller(self._world, authorization, now)
        except RpcError:
            raise RpcError(UNAUTHENTICATED, "authenticated user not found") from None

    def _handled(self, call: Call, method: Method, handler: Any) -> Message:
        response: Message | None = None
        failure: RpcError | None = None
        try:
            response = encode(self._shapes, method.response, handler(call))
        except RpcError as error:
            failure = error
            raise
        except Exception as error:  # a panic of the real server is an INTERNAL with its stack (facts §2.3)
            failure = RpcError(INTERNAL, _panic(error))
            raise failure from error
        finally:
            if method.is_audited:
                audit.record(call, response, failure, seconds=0.004)
        return response

    def _check_permission(self, call: Call, method: Method, caller: Caller) -> None:
        names = _resources(call)
        _require_instances(self._world, names)
        behind = (_project_behind(self._world, name) for name in names)
        projects = list(dict.fromkeys(project for project in behind if project is not None))
        for project in projects:
            if project not in ("-", *self._world.projects):
                raise RpcError(NOT_FOUND, f'project "{project}" not found')
        refused = [
            project
            for project in (projects or (None,))
            if method.permission not in permissions_of(self._world, caller.member, project, call.now)
        ]
        if not refused:
            return
        shown = [f"projects/{project}" for project in refused if project in self._world.projects]
        detail = permission_denied_detail(method.name, [method.permission], shown)
        text = f'permission denied for method "/bytebase.v1.{method.name}"'
        text += f', user does not have permission "{method.permission}", extra [{" ".join(shown)}]'
        raise RpcError(DENIED, text, details=[detail])

    def _rest_body(
        self, message: Message, method: Method, field: str, body: bytes, *, is_patch: bool
    ) -> tuple[str, ...] | None:
        raw = _json(body)
        if field == "*":
            try:
                message.update(decode(self._shapes, method.request, raw, face="rest"))
            except UnknownFieldError as error:
                known = ", ".join(self._shapes.messages.get(method.request, ()))
                raise RpcError(INVALID, f"valid fields: {known}: {error.message}") from None
            return None
        shape = self._shapes.field(method.request, field)
        if shape is None:
            raise RpcError(INTERNAL, f"no body field {field}")
        message[shape.name] = decode(self._shapes, shape.type, raw, face="rest")
        has_mask = self._shapes.field(method.request, "updateMask") is not None
        return invented_mask(self._shapes, shape.type, raw) if is_patch and has_mask else None

    def _rest_query(self, message: Message, method: Method, query: str) -> tuple[str, ...] | None:
        mask: tuple[str, ...] | None = None
        gathered: dict[str, list[str]] = {}
        for key, text in parse_qsl(query, keep_blank_values=True):
            gathered.setdefault(key, []).append(text)
        for key, texts in gathered.items():
            shape = self._shapes.field(method.request, key.partition(".")[0])
            if shape is None:
                continue
            if shape.name == "updateMask":
                mask = rest_mask(",".join(texts))
            elif "." in key:
                _put(message, key, texts[-1])
            else:
                message[shape.name] = decode_text(self._shapes, shape, texts, face="rest")
        return mask


def _panic(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    stack = "".join(f"\n{frame.name}\n\t{PurePath(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"error: {type(error).__name__}: {error}{stack}"


def _json(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except RecursionError:
        raise RpcError(INVALID, "proto: exceeded maximum recursion depth") from None
    except (ValueError, UnicodeDecodeError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        text = body[at : at + 1].decode("ascii", "replace")
        reason = (
            f"invalid character '{text}' looking for beginning of value" if text else "unexpected end of JSON input"
        )
        raise RpcError(INVALID, reason) from None


def _put(message: Message, path: str, value: str) -> None:
    *parents, last = [part if "_" not in part else _camel(part) for part in path.split(".")]
    for part in parents:
        message = message.setdefault(part, {})
    message[last] = value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _require_instances(world: World, names: list[str]) -> None:
    """A missing instance or database is an INTERNAL error while the gate looks for its project (facts §2.3)."""
    for name in names:
        if name.startswith("instances/") and "/databases/" in name and name not in world.databases:
            raise RpcError(INTERNAL, f'failed to populate raw resources database "{name}" not found')
        if name.startswith("instances/") and name.split("/")[1] not in {"-", *world.instances}:
            raise RpcError(INTERNAL, f'failed to populate raw resources instance "{name}" not found')


def _project_behind(world: World, name: str) -> str | None:
    """The project in a name, or the one that a database belongs to."""
    database = world.databases.get(name)
    return database.project if database is not None else project_of_resource(name)


def _resources(call: Call) -> list[str]:
    """The names in a request that say where it acts; of a thing that is yet to be made, only its parent."""
    message = call.message
    names = [
        str(message[key]) for key in ("name", "parent", "resource", "project") if isinstance(message.get(key), str)
    ]
    for key in ("names", "issues"):
        value = message.get(key)
        if isinstance(value, list):
            names += [item for item in value if isinstance(item, str)]
    if not call.method.partition("/")[2].startswith("Create"):
        parts = (value for value in message.values() if isinstance(value, dict))
        names += [part["name"] for part in parts if isinstance(part.get("name"), str)]
    return names
