"""Feishu's answers that are no success, turned into our errors: with code, log id, scope names and the console link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.feishu.codes import MISSING_SCOPE, Kind, Meaning, meaning_of
from reconciler.providers.feishu.endpoints import Endpoint
from reconciler.providers.feishu.platform import Platform

_SCOPE_NAME = re.compile(r"[a-z][a-z0-9_.:]{2,80}")
_BRACKETS = re.compile(r"\[([^\]]{1,2000})\]")
_AUTH_LINK = re.compile(r"https?://\S{1,300}/auth\?q=[A-Za-z0-9_.:,%&=\-]{1,1500}")
_UNSPOKEN = re.compile(r"https?://\S+|[^\w .,:;=()\[\]<>/'\"+-]+")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks and where: what an error needs to name the fix."""

    platform: Platform
    app_id: str


class FeishuAnswerError(Exception):
    """Feishu's own words, kept as the cause of our error: `code`, `message` (cut, one line), log id and HTTP status."""

    def __init__(self, *, code: int | None, message: str, log_id: str, status: int) -> None:
        super().__init__(f"code {code}, status {status}")
        self.code = code
        self.message = message
        self.log_id = log_id
        self.status = status

    @property
    def evidence(self) -> str:
        """What Feishu's support needs, for the end of a sentence."""
        parts = [f"code {self.code}"] if self.code is not None else [f"status {self.status}"]
        parts += [f"“{self.message}”"] if self.message else []
        parts += [f"log id {self.log_id}"] if self.log_id else []
        return ", ".join(parts)


def code_of(error: BaseException) -> int | None:
    """Feishu's code behind one of our errors, None where there is none."""
    cause = error.__cause__
    return cause.code if isinstance(cause, FeishuAnswerError) else None


def log_id_of(error: BaseException) -> str:
    """Feishu's log id behind one of our errors, '' where there is none."""
    cause = error.__cause__
    return cause.log_id if isinstance(cause, FeishuAnswerError) else ""


def one_line(message: str) -> str:
    """Feishu's message fit for a sentence: links, line breaks and odd characters gone, at most 160 characters."""
    text = " ".join(_UNSPOKEN.sub(" ", message[:2000]).split())
    return text if len(text) <= 160 else text[:159] + "…"


def error_of(
    answer: FeishuAnswerError,
    *,
    endpoint: Endpoint,
    caller: Caller,
    where: str | None,
    scopes: Sequence[str] = (),
    link: str = "",
    retry_after: float | None = None,
) -> ReconcilerError:
    """The error of our tree for an answer; its cause is `answer`."""
    error = _error_of(
        answer, endpoint=endpoint, caller=caller, where=where, scopes=scopes, link=link, retry_after=retry_after
    )
    error.__cause__ = answer
    return error


def scopes_in(message: str) -> tuple[str, ...]:
    """The scopes named in the first square brackets of a message."""
    found = _BRACKETS.search(message)
    return tuple(_SCOPE_NAME.findall(found.group(1))) if found else ()


def auth_link_in(message: str) -> str:
    """The console link for granting scopes that a message holds, '' if none."""
    found = _AUTH_LINK.search(message)
    return found.group() if found else ""


def is_scope_name(text: str) -> bool:
    """Whether a text can be a scope's name."""
    return bool(_SCOPE_NAME.fullmatch(text))


def _error_of(
    answer: FeishuAnswerError,
    *,
    endpoint: Endpoint,
    caller: Caller,
    where: str | None,
    scopes: Sequence[str],
    link: str,
    retry_after: float | None,
) -> ReconcilerError:
    what = f"Feishu refuses {endpoint.title}"
    place = where or caller.app_id
    meaning = meaning_of(answer.code) if answer.code is not None else None
    if answer.code == MISSING_SCOPE or (scopes and meaning and meaning.kind is Kind.FORBIDDEN):
        return _missing_scope(
            answer, what=what, where=place, scopes=scopes or endpoint.scopes, link=link, caller=caller
        )
    if answer.status == 429 and meaning is None:
        meaning = Meaning(Kind.THROTTLED, "too many calls")
    if meaning is None or (answer.status >= 500 and meaning.kind is not Kind.THROTTLED):
        return _unknown(answer, endpoint=endpoint, where=place)
    why = f"{meaning.why} ({answer.evidence})"
    step = meaning.next_step
    match meaning.kind:
        case Kind.CREDENTIALS:
            return CredentialsError(what, where=place, why=why, next_step=step)
        case Kind.FORBIDDEN:
            link_step = caller.platform.console_link(caller.app_id)
            return ForbiddenError(what, where=place, why=why, next_step=step or f"see {link_step}")
        case Kind.NOT_FOUND:
            return NotFoundError(what, where=place, why=why, next_step=step)
        case Kind.CONFLICT:
            return ConflictError(what, where=place, why=why, next_step=step or "read it again, then decide")
        case Kind.INPUT:
            return SpecError(what, where=place, why=why, next_step=step)
        case Kind.THROTTLED:
            pause = retry_after if retry_after is not None else meaning.pause
            return ThrottledError(
                what, where=place, why=why, next_step=step or "try again in a minute", retry_after=pause
            )
        case Kind.UNAVAILABLE:
            return UnavailableError(
                "Feishu failed",
                where=place,
                why=f"{endpoint.title}: {answer.evidence}",
                next_step="try again later; give the log id to Feishu's support if it lasts",
                ambiguous=not endpoint.repeatable,
            )


def _missing_scope(
    answer: FeishuAnswerError, *, what: str, where: str, scopes: Sequence[str], link: str, caller: Caller
) -> ForbiddenError:
    names = ", ".join(scopes)
    page = link or caller.platform.scopes_link(caller.app_id, scopes)
    if not scopes:
        page = caller.platform.console_link(caller.app_id, "auth")
    lacks = {0: "the app lacks a scope", 1: f"the app lacks the scope {names}"}
    why = lacks.get(len(scopes), f"the app has none of the scopes {names}")
    log_id = f", log id {answer.log_id}" if answer.log_id else ""
    return ForbiddenError(
        what,
        where=where,
        why=f"{why} (code {answer.code}{log_id})",
        next_step=f"{'grant it' if scopes else 'see which, and grant it,'} at {page} and publish a version of the app",
    )


def _unknown(answer: FeishuAnswerError, *, endpoint: Endpoint, where: str) -> ReconcilerError:
    """5xx and answers without an envelope pass; any other code not heard of is permanent, and never "not found"."""
    if answer.status >= 500 or answer.code is None:
        return UnavailableError(
            "Feishu does not answer as its API does" if answer.code is None else "Feishu failed",
            where=where,
            why=f"{endpoint.title}: {answer.evidence}",
            next_step="try again later; if it stays, check the openApi host and any proxy",
            ambiguous=not endpoint.repeatable,
        )
    return ForbiddenError(
        f"Feishu refuses {endpoint.title}",
        where=where,
        why=f"with a code this version does not know ({answer.evidence})",
        next_step="look the code up in Feishu's documentation",
    )
