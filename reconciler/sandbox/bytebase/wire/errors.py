"""Errors in the words of both faces (facts §2)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import Message, RpcError
from reconciler.sandbox.bytebase.wire.details import connect_detail

# code: (REST status, Connect code, Connect status)
CODES: dict[int, tuple[int, str, int]] = {
    1: (499, "canceled", 499),
    2: (500, "unknown", 500),
    3: (400, "invalid_argument", 400),
    4: (504, "deadline_exceeded", 504),
    5: (404, "not_found", 404),
    6: (409, "already_exists", 409),
    7: (403, "permission_denied", 403),
    8: (429, "resource_exhausted", 429),
    9: (400, "failed_precondition", 400),
    10: (409, "aborted", 409),
    11: (400, "out_of_range", 400),
    12: (501, "unimplemented", 501),
    13: (500, "internal", 500),
    14: (503, "unavailable", 503),
    16: (401, "unauthenticated", 401),
}


def rest_error(error: RpcError) -> tuple[int, Message]:
    """Status and body on the REST face."""
    body: Message = {"code": error.code, "message": error.message}
    body["details"] = list(error.details)
    if not body["details"]:
        del body["details"]
    return CODES[error.code][0], body


def connect_error(error: RpcError) -> tuple[int, Message]:
    """Status and body on the Connect face."""
    _, code, status = CODES[error.code]
    body: Message = {"code": code, "message": error.message}
    if error.details:
        body["details"] = [connect_detail(detail) for detail in error.details]
    return status, body
