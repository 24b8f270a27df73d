"""What a node's status means where it is no success: an error of ours. Its body is never shown, nobody knows what is in it."""

from __future__ import annotations

from enum import Enum

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.http import HttpResponse

_SLOW_DOWN, _TOO_SLOW, _NOT_NOW = 429, frozenset({408, 425}), 503
_GONE = frozenset({404, 410})
_AGAIN = "it is asked again by itself; if it stays, look at the node's own log"


class Purpose(Enum):
    """What a call to a node is for. ASK_KEYED is a question that the node knows by its key if it arrives twice (v1)."""

    ASK = "ask it"
    ASK_KEYED = "ask it, by a key"
    READ = "read an approval"
    WITHDRAW = "withdraw an approval"

    @property
    def asks(self) -> bool:
        """Whether something is made at the node."""
        return self in (Purpose.ASK, Purpose.ASK_KEYED)


def is_passing(response: HttpResponse) -> bool:
    """Whether the answer says 'later': worth another attempt where the call may be repeated."""
    return response.status in _TOO_SLOW or response.status == _SLOW_DOWN or response.status >= 500


def failure(response: HttpResponse, purpose: Purpose, *, node: str, doing: str) -> ReconcilerError:
    """The error behind an answer that is no success; `doing` is the call's method and path."""
    status = response.status
    where, why = f"external node {node}", f"{doing} is answered with status {status}"
    if status == _SLOW_DOWN:
        return ThrottledError(
            "the external node asks to slow down",
            where=where,
            why=why,
            next_step="it is asked again by itself",
            retry_after=response.retry_after,
        )
    if is_passing(response):
        # 503 says that the call was not handled; after any other failure a question may have arrived.
        ambiguous = purpose is not Purpose.READ and status != _NOT_NOW
        return UnavailableError("the external node fails", where=where, why=why, next_step=_AGAIN, ambiguous=ambiguous)
    if status == 401:
        return CredentialsError(
            "the external node does not know us",
            where=where,
            why=why,
            next_step="check spec.externalNodes[].auth and the value it refers to",
        )
    if status == 403:
        return ForbiddenError(
            "the external node does not permit this",
            where=where,
            why=why,
            next_step="let the node permit it to the holder of the header in spec.externalNodes[].auth",
        )
    if purpose.asks:
        return _refused_question(status, purpose, where=where, why=why)
    if status in _GONE:
        return NotFoundError(
            "the external node knows no such approval", where=where, why=why, next_step="ask again with /feishu"
        )
    if purpose is Purpose.WITHDRAW and status == 409:
        return ConflictError(
            "the external node's approval is decided already", where=where, why=why, next_step="it is read by itself"
        )
    if purpose is Purpose.WITHDRAW:
        return RefusedError(
            "the external node does not withdraw an approval",
            where=where,
            why=why,
            next_step="let the node serve withdrawals, or close the approval there by hand",
        )
    return UnavailableError(
        "the external node does not say how an approval stands",
        where=where,
        why=why,
        next_step="check the endpoint and dialect in spec.externalNodes, and the node's own log",
    )


def _refused_question(status: int, purpose: Purpose, *, where: str, why: str) -> ReconcilerError:
    if status == 409 and purpose is Purpose.ASK_KEYED:
        return UnavailableError(
            "the external node is still busy with the same question",
            where=where,
            why=why,
            next_step=_AGAIN,
            ambiguous=True,
        )
    if status in _GONE or status == 405:
        return RefusedError(
            "the external node serves no approvals at this address",
            where=where,
            why=why,
            next_step="check the endpoint in spec.externalNodes: /approval is added to it",
        )
    return RefusedError(
        "the external node refuses the question",
        where=where,
        why=why,
        next_step="look at the node's own log for the reason, and check its dialect in spec.externalNodes",
    )
