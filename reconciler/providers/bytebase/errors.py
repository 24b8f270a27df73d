"""What a Bytebase answer means: an error of ours, decided by the code in its body (facts §2), never by the status alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from reconciler.errors import (
    BugError,
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.bytebase.wire import Wire, Word
from reconciler.providers.http import HttpResponse

_CODES = {
    "canceled": 1,
    "unknown": 2,
    "invalid_argument": 3,
    "deadline_exceeded": 4,
    "not_found": 5,
    "already_exists": 6,
    "permission_denied": 7,
    "resource_exhausted": 8,
    "failed_precondition": 9,
    "aborted": 10,
    "out_of_range": 11,
    "unimplemented": 12,
    "internal": 13,
    "unavailable": 14,
    "data_loss": 15,
    "unauthenticated": 16,
}
_PASSING_STATUSES = frozenset({429, 502, 503, 504})
_LONGEST_MESSAGE = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_PANIC = re.compile(r"goroutine |\.go:\d+|runtime error|interface conversion")
_FEATURE = re.compile(r"feature FEATURE_(\w+) is an? (\w+) feature")
_LIMIT = re.compile(r"reached the (limit|maximum)|exceed", re.IGNORECASE)


class _Detail(Wire):
    required_permissions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    debug: _Detail | None = None


class _Body(Wire):
    code: Word = ""
    message: str = ""
    details: tuple[_Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class CallMeaning:
    """What a call was for, as far as the meaning of its failure depends on it.

    `what` completes "Bytebase refuses to …"; `resource` is the name the message shows. `acts` is false for reads.
    `invalid` is the error for a refused argument: SpecError where declared values are written, ConflictError where a
    state decides, BugError where we alone made the argument.
    """

    what: str
    resource: str
    acts: bool
    invalid: type[SpecError | ConflictError | BugError] = BugError


def is_passing(response: HttpResponse) -> bool:
    """Whether the answer says 'later': worth another attempt. A 500 is not: it stands for 'not found' and panics too."""
    if response.status == 429:
        return not _LIMIT.search(_parse(response).message)
    return response.status in _PASSING_STATUSES


def error_of(response: HttpResponse, call: CallMeaning) -> ReconcilerError:
    """The error that an answer with a failure status stands for."""
    body = _parse(response)
    code = _CODES.get(body.code) or (int(body.code) if body.code.isdigit() else 0)
    if code == 0:
        return _not_bytebase(response, call)
    message = plain_message(body.message)
    match code:
        case 16:
            return CredentialsError(
                "Bytebase does not accept the credentials",
                where=call.resource,
                why=message,
                next_step="check the account, its key, and that it was not deleted",
            )
        case 7:
            return _forbidden(message, body.details, call)
        case 5:
            return NotFoundError(
                "not found in Bytebase", where=call.resource, why=message, next_step="check the name, or create it"
            )
        case 6 | 9 | 10:
            return _conflict(message, call)
        case 3 | 11:
            return _invalid(message, call)
        case 8:
            return _exhausted(message, response, call)
        case _:
            return _failed(message, code, response, call)


def malformed(response: HttpResponse, call: CallMeaning, problem: ValidationError) -> UnavailableError:
    """The error for an answer with status 200 that is not what the call returns. Names the field, never its content."""
    if not response.media_type.endswith("json"):
        return _not_bytebase(response, call)
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    why = "it is not JSON" if first["type"] == "json_invalid" else f"at {place or 'the top'}: {first['type']}"
    return UnavailableError(
        "Bytebase answered in a shape this version does not know",
        where=call.resource,
        why=why,
        next_step="check that the address is Bytebase's own and that its version is supported",
        ambiguous=call.acts,
    )


def plain_message(message: str) -> str:
    """An upstream message fit for one line of ours: cut, without control characters; nothing at all of a panic's stack."""
    if _PANIC.search(message):
        return "an internal failure of the server"
    text = " ".join(_CONTROL.sub(" ", message).split())
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def _parse(response: HttpResponse) -> _Body:
    try:
        return _Body.model_validate_json(response.content)
    except ValidationError:
        return _Body()


def _not_bytebase(response: HttpResponse, call: CallMeaning) -> UnavailableError:
    kind = response.media_type or "no content type"
    return UnavailableError(
        "the answer does not come from Bytebase's API",
        where=call.resource,
        why=f"status {response.status}, {kind}",
        next_step="check bytebase.url and what stands in front of it (proxy, single sign-on)",
        ambiguous=call.acts and response.status not in (404, 405, 415),
    )


def _forbidden(message: str, details: Sequence[_Detail], call: CallMeaning) -> ForbiddenError:
    if feature := _FEATURE.search(message):
        return ForbiddenError(
            f"the licence does not allow to {call.what}",
            where=call.resource,
            why=message,
            next_step=f"{feature[1]} needs the {feature[2]} plan",
        )
    found = [detail.debug or detail for detail in details]
    permissions = sorted({permission for detail in found for permission in detail.required_permissions})
    resources = sorted({resource for detail in found for resource in detail.resources})
    if permissions:
        place = f" on {', '.join(resources)}" if resources else ""
        return ForbiddenError(
            f"our account may not {call.what}",
            where=call.resource,
            why=f"it needs {', '.join(permissions)}{place}",
            next_step=f"bind the account to a role with {', '.join(permissions)}",
        )
    return ForbiddenError(
        f"our account may not {call.what}",
        where=call.resource,
        why=message,
        next_step="bind the account to the role that may",
    )


def _conflict(message: str, call: CallMeaning) -> ConflictError:
    return ConflictError(
        f"Bytebase cannot {call.what} now", where=call.resource, why=message, next_step="read it again and decide anew"
    )


def _invalid(message: str, call: CallMeaning) -> ReconcilerError:
    next_step = {
        SpecError: "change the declared value",
        ConflictError: "read it again and decide anew",
        BugError: "please report this, with the versions of both programs",
    }[call.invalid]
    return call.invalid(f"Bytebase refuses to {call.what}", where=call.resource, why=message, next_step=next_step)


def _exhausted(message: str, response: HttpResponse, call: CallMeaning) -> ReconcilerError:
    if _LIMIT.search(message):
        return ForbiddenError(
            f"the licence does not allow to {call.what}",
            where=call.resource,
            why=message,
            next_step="free a seat or instance, or upload a larger licence",
        )
    return ThrottledError(
        "Bytebase asks to slow down",
        where=call.resource,
        why=message,
        next_step="wait, or lower bytebase.poll.callsPerMinute",
        retry_after=response.retry_after,
    )


def _failed(message: str, code: int, response: HttpResponse, call: CallMeaning) -> UnavailableError:
    if code == 12 or response.status in (404, 405):
        return UnavailableError(
            f"this Bytebase does not know how to {call.what}",
            where=call.resource,
            why=message,
            next_step="use a supported version of Bytebase (3.17 or newer)",
        )
    return UnavailableError(
        f"Bytebase failed to {call.what}",
        where=call.resource,
        why=message,
        next_step="try again later; if it stays, look into Bytebase's own log",
        ambiguous=call.acts,
    )


def throttled_or_down(response: HttpResponse, call: CallMeaning) -> ReconcilerError:
    """The error for a passing answer, also when a proxy wrote it."""
    if response.status == 429:
        return ThrottledError(
            "Bytebase asks to slow down",
            where=call.resource,
            why=plain_message(_parse(response).message),
            next_step="wait, or lower bytebase.poll.callsPerMinute",
            retry_after=response.retry_after,
        )
    return UnavailableError(
        "Bytebase is not available",
        where=call.resource,
        why=f"status {response.status}",
        next_step="try again later",
        ambiguous=call.acts,
    )
