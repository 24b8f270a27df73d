"""Feishu's answer envelope `{code, msg, data, error}`: unpacked into a typed payload, or raised as one of our errors."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from reconciler.errors import ReconcilerError, UnavailableError
from reconciler.providers.feishu.endpoints import Endpoint
from reconciler.providers.feishu.errors import (
    Caller,
    FeishuAnswerError,
    auth_link_in,
    error_of,
    is_scope_name,
    one_line,
    scopes_in,
)
from reconciler.providers.feishu.wire.base import Wire
from reconciler.providers.http import HttpResponse

Payload = TypeVar("Payload", bound=BaseModel)


class _Violation(Wire):
    """One missing permission; documented as `scope`, seen as `subject`."""

    subject: str = ""
    scope: str = ""


class _ErrorDetail(Wire):
    log_id: str = ""
    logid: str = ""
    permission_violations: list[_Violation] = Field(default_factory=list)


class _Envelope(Wire):
    code: int
    msg: str = ""
    data: dict[str, object] = Field(default_factory=dict)
    error: _ErrorDetail = Field(default_factory=_ErrorDetail)


def open_envelope(
    response: HttpResponse, payload: type[Payload], *, endpoint: Endpoint, caller: Caller, where: str | None
) -> Payload:
    """Return the payload of a success; raise what any other answer means. Only `code` decides, whatever the status."""
    envelope = _read(response)
    if envelope is None or envelope.code != 0 or not 200 <= response.status < 300:
        raise _error(response, envelope, endpoint=endpoint, caller=caller, where=where)
    try:
        if endpoint.at_top:
            return payload.model_validate_json(response.content)
        return payload.model_validate(envelope.data)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors()}))
        raise UnavailableError(
            "Feishu's answer is not what it documents",
            where=where or caller.app_id,
            why=f"{endpoint.title}: {fields[:200]}{_log_id_note(response)}",
            next_step="check the openApi host; report this with the log id",
            ambiguous=not endpoint.repeatable,
        ) from None


def _read(response: HttpResponse) -> _Envelope | None:
    try:
        return _Envelope.model_validate_json(response.content)
    except ValidationError:  # not raised on: it would quote the body
        return None


def _error(
    response: HttpResponse, envelope: _Envelope | None, *, endpoint: Endpoint, caller: Caller, where: str | None
) -> ReconcilerError:
    detail = envelope.error if envelope else _ErrorDetail()
    message = envelope.msg if envelope else ""
    answer = FeishuAnswerError(
        # A failed status with code 0 says nothing usable: it is judged by its status.
        code=envelope.code if envelope and envelope.code else None,
        message=one_line(message),
        log_id=_log_id(response) or one_line(detail.log_id or detail.logid),
        status=response.status,
    )
    named = tuple(v.subject or v.scope for v in detail.permission_violations)
    return error_of(
        answer,
        endpoint=endpoint,
        caller=caller,
        where=where,
        scopes=tuple(filter(is_scope_name, named)) or (scopes_in(message) if _speaks_of_scopes(answer) else ()),
        link=auth_link_in(message),
        retry_after=_reset(response),
    )


def _speaks_of_scopes(answer: FeishuAnswerError) -> bool:
    return answer.code in (99991672, 99991679)


def _log_id(response: HttpResponse) -> str:
    return one_line(str(response.headers.get("x-tt-logid", "")))[:64]


def _log_id_note(response: HttpResponse) -> str:
    log_id = _log_id(response)
    return f", log id {log_id}" if log_id else ""


def _reset(response: HttpResponse) -> float | None:
    """Seconds until the limit is lifted, from Feishu's header or the general one."""
    text = str(response.headers.get("x-ogw-ratelimit-reset", "")).strip()
    try:
        seconds = float(text)
    except ValueError:
        return response.retry_after
    return seconds if 0 <= seconds <= 86_400 else response.retry_after
