"""The open API's front door: path, method, token, scope, rate and validation are checked in this order, then the business."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.feishu import json_text
from reconciler.sandbox.feishu.answers import CONSOLE, Answer, CallError, JsonObject, failed, success
from reconciler.sandbox.feishu.apps import App
from reconciler.sandbox.feishu.callbacks import RequestUrls
from reconciler.sandbox.feishu.catalogue import Call, documented_calls
from reconciler.sandbox.feishu.connections import LongConnections
from reconciler.sandbox.feishu.validation import BAD_REQUEST, checked_body, checked_query
from reconciler.sandbox.feishu.visit import Handlers, Upload, Visit
from reconciler.sandbox.feishu.world import World

ISSUING_CALL = "POST /open-apis/auth/v3/tenant_access_token/internal"

LARGEST_PART = 4 * 1024 * 1024

_STATUSES = {1390009: 403}
"""Statuses of codes that a call's own documentation does not list."""


class Gateway:
    """Serves every documented call of the open API."""

    def __init__(
        self, world: World, *, connections: LongConnections, request_urls: RequestUrls, handlers: Handlers
    ) -> None:
        self._world = world
        self._connections = connections
        self._request_urls = request_urls
        self._handlers = handlers

    async def serve(self, request: Request) -> Response:
        """Answer one request; every refusal is an envelope."""
        call: Call | None = None
        try:
            call, path = _route(request)
            answer = await (self._token(request) if call.name == ISSUING_CALL else self._visit(request, call, path))
        except CallError as failure:
            statuses = {**_STATUSES, **(call.statuses if call else {})}
            status = failure.status or statuses.get(failure.code, 400)
            return failed(failure, now=self._world.clock.now(), status=status, call=call.name if call else "")
        return success(answer, now=self._world.clock.now())

    def app_of(self, authorization: str | None) -> App | None:
        """The app an Authorization header speaks for, None when it speaks for none."""
        token = (authorization or "").removeprefix("Bearer ").strip()
        return self._world.apps.get(self._world.tokens.app_of(token) or "")

    async def _token(self, request: Request) -> Answer:
        try:
            body = await _json_body(request)
        except CallError as failure:
            raise CallError(10003, "invalid param", status=200) from failure
        app_id, secret = body.get("app_id"), body.get("app_secret")
        if not isinstance(app_id, str) or not isinstance(secret, str) or not app_id or not secret:
            raise CallError(10003, "invalid param", status=200)
        app = self._world.apps.get(app_id)
        if app is None:
            raise CallError(10003, "invalid param", status=200)
        if app.secret != secret:
            raise CallError(10014, "app secret invalid", status=200)
        if not app.enabled:
            raise CallError(10014, "app unauthorized, check whether it is disabled", status=200)
        token, left = self._world.tokens.issue(app_id)
        return Answer(msg="ok", top={"tenant_access_token": token, "expire": left})

    async def _visit(self, request: Request, call: Call, path: Mapping[str, str]) -> Answer:
        app = self._authorised(request)
        _check_scope(app, call)
        self._world.rates.count(app.app_id, call)
        query = checked_query(call, request.query_params)
        body, files = await _body(request, call)
        visit = Visit(
            world=self._world,
            app=app,
            connections=self._connections,
            request_urls=self._request_urls,
            path=path,
            query=query,
            body=checked_body(call, body) if not files else body,
            files=files,
        )
        answer = self._handlers[call.name](visit)
        return await answer if inspect.isawaitable(answer) else answer

    def _authorised(self, request: Request) -> App:
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if not header or not token:
            raise CallError(
                99991661, "Missing access token for authorization. Please make a request with token attached."
            )
        if scheme.lower() != "bearer" or not token.startswith(("t-", "u-")):
            raise CallError(99991671, "Invalid access token for authorization. Please make a request with valid token.")
        if token.startswith("u-"):
            raise CallError(
                99991668, "Invalid access token for authorization. Please make a request with token attached."
            )
        app = self.app_of(header)
        if app is None:
            raise CallError(
                99991663, "Invalid access token for authorization. Please make a request with token attached."
            )
        if not app.enabled:
            raise CallError(99991662, "app is not in use")
        if app.allowed_ips and (request.client is None or request.client.host not in app.allowed_ips):
            raise CallError(99991401, "ip is denied by app setting")
        return app


def _route(request: Request) -> tuple[Call, Mapping[str, str]]:
    matches = [
        (call, match.groupdict()) for call in documented_calls() if (match := call.pattern.match(request.url.path))
    ]
    if not matches:
        raise CallError(99991201, "request path is not found")
    for call, path in matches:
        if call.method == request.method:
            return call, path
    raise CallError(99991301, "request method is not supported")


def _check_scope(app: App, call: Call) -> None:
    if not call.scopes or app.granted & set(call.scopes):
        return
    listed, joined = ", ".join(call.scopes), ",".join(call.scopes)
    link = f"{CONSOLE}/app/{app.app_id}/auth?q={joined}&op_from=openapi&token_type=tenant"
    raise CallError(
        99991672,
        f"Access denied. One of the following scopes is required: [{listed}]."
        f"应用尚未开通所需的应用身份权限：[{listed}]，点击链接申请并开通任一权限即可：{link}",
        details={
            "message": f"Refer to the documentation to fix the error: {CONSOLE}/document/how-to-fix-the-99991672-error",
            "permission_violations": [{"type": "action_scope_required", "subject": scope} for scope in call.scopes],
            "helps": [{"url": link, "description": "apply for the scope in the developer console"}],
        },
    )


async def _body(request: Request, call: Call) -> tuple[JsonObject, Mapping[str, Upload]]:
    if any(field.kind == "file" for field in call.body):
        return await _form_body(request)
    return await _json_body(request), {}


async def _form_body(request: Request) -> tuple[JsonObject, Mapping[str, Upload]]:
    """Every part as a file: some clients send files without a file name, which the parser takes for text."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return {}, {}
    files: dict[str, Upload] = {}
    try:
        async with request.form(max_part_size=LARGEST_PART) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = Upload(value.filename or "", await value.read())
                else:
                    files[name] = Upload("", _bytes(value))
    except (HTTPException, MultiPartException) as error:
        raise CallError(BAD_REQUEST, "Bad Request: the body is not a valid form") from error
    return {}, files


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


async def _json_body(request: Request) -> JsonObject:
    content = await request.body()
    if not content.strip():
        return {}
    try:
        body = json_text.parse(content.decode())
    except ValueError as error:
        raise CallError(BAD_REQUEST, "Bad Request: the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise CallError(BAD_REQUEST, "Bad Request: the body must be a JSON object")
    return body
