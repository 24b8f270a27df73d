"""What a failing upstream answers: error bodies as each real one, or the proxy before it, would send them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from reconciler.sandbox.requests import Target

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """A whole answer that no stand-in made."""

    status: int
    headers: Headers
    body: bytes


_RPC_CODES: dict[int, tuple[int, str]] = {
    400: (3, "invalid_argument"),
    401: (16, "unauthenticated"),
    403: (7, "permission_denied"),
    404: (5, "not_found"),
    409: (10, "aborted"),
    429: (8, "resource_exhausted"),
    500: (13, "internal"),
    501: (12, "unimplemented"),
    503: (14, "unavailable"),
}
_FEISHU_CODES: dict[int, tuple[int, str]] = {
    400: (99992402, "field validation failed"),
    401: (99991663, "Invalid access token for authorization. Please make a test with another access token."),
    403: (99991672, "Access denied."),
    404: (99991201, "method not found"),
    429: (99991400, "request trigger frequency limit"),
    500: (1500, "Internal Error"),
    503: (1503, "Service Unavailable"),
}


def status_answer(target: Target, path: str, status: int) -> FaultAnswer:
    """An answer with `status`: JSON where the upstream itself would say so, else a proxy's page (502, 504)."""
    if target == "bytebase" and status in _RPC_CODES:
        number, word = _RPC_CODES[status]
        code: int | str = number if path.startswith("/v1/") else word
        return _json(status, {"code": code, "message": f"{word}: injected by the sandbox"}, [])
    if target == "feishu" and status in _FEISHU_CODES:
        number, message = _FEISHU_CODES[status]
        limited: Headers = [(b"x-ogw-ratelimit-limit", b"100"), (b"x-ogw-ratelimit-reset", b"1")]
        return _json(status, {"code": number, "msg": message}, limited if status == 429 else [])
    return _page(status)


def malformed_answer() -> FaultAnswer:
    """A success that is not JSON, as a captive proxy answers."""
    return _page(200)


def _json(status: int, body: dict[str, object], headers: Headers) -> FaultAnswer:
    content = json.dumps(body).encode()
    return FaultAnswer(status, [(b"content-type", b"application/json"), *_length(content), *headers], content)


def _page(status: int) -> FaultAnswer:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    content = f"<html><head><title>{status} {phrase}</title></head><body><h1>{phrase}</h1></body></html>\n".encode()
    return FaultAnswer(status, [(b"content-type", b"text/html"), *_length(content)], content)


def _length(content: bytes) -> Headers:
    return [(b"content-length", str(len(content)).encode())]
