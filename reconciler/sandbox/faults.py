"""Faults on purpose: what `POST /sandbox/faults` may ask for, and the board that hands them to requests."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from reconciler.sandbox.requests import Target


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RequestFault(_Fault):
    """What happens to the next `times` requests of `target` with this method and path prefix (absent = any).

    status: answered with `status` and never seen by the stand-in · loseAnswer: takes effect, then the connection is
    closed without an answer · drop: closed before it takes effect · delay: `seconds` late · malformed: takes effect,
    and a page that is not JSON comes back. `seconds` of real time pass first in any of them.
    """

    target: Target
    fault: Literal["status", "loseAnswer", "drop", "delay", "malformed"]
    method: str | None = None
    path: str = "/"
    times: int = Field(default=1, ge=1)
    status: int = Field(default=503, ge=200, le=599)
    seconds: float = Field(default=0, ge=0, allow_inf_nan=False)

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("a path begins with /")
        return path

    @model_validator(mode="after")
    def _delay_says_how_long(self) -> Self:
        if self.fault == "delay" and not self.seconds:
            raise ValueError("delay needs seconds")
        return self

    def meets(self, *, target: Target, method: str, path: str) -> bool:
        """Whether this fault is meant for such a request."""
        method_fits = self.method is None or self.method.upper() == method
        return target == self.target and method_fits and path.startswith(self.path)


class TokenFault(_Fault):
    """Every token issued so far is expired from now on."""

    target: Target
    fault: Literal["expireTokens"]


class ClockFault(_Fault):
    """The target's clock is `seconds` ahead of real time from now on; minus is behind."""

    target: Target
    fault: Literal["clock"]
    seconds: float = Field(allow_inf_nan=False, ge=-1e9, le=1e9)


class SocketFault(_Fault):
    """Every long connection is cut at once."""

    target: Literal["feishu"]
    fault: Literal["dropSocket"]


class EventFault(_Fault):
    """The next `times` events are delivered twice, in another order, or not at all."""

    target: Literal["feishu"]
    fault: Literal["duplicateEvents", "reorderEvents", "loseEvents"]
    times: int = Field(default=1, ge=1)


Fault = RequestFault | TokenFault | ClockFault | SocketFault | EventFault
"""Everything that can be asked for."""

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])


class BadFaultError(ValueError):
    """The asked fault makes no sense; the text is the reason."""


def read_fault(body: bytes) -> Fault:
    """The fault in a request's JSON body; raises `BadFaultError` with the reason."""
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        raise BadFaultError(
            "; ".join(_reason(item["loc"], item["type"], item["msg"]) for item in error.errors())
        ) from error


def _reason(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    field = ".".join(str(part) for part in loc[1:])
    if kind == "extra_forbidden":
        return f"{field}: unknown field"
    if kind == "missing":
        return f"{field}: is required"
    if kind == "union_tag_not_found":
        return "fault: is required"
    message = message.removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


class FaultBoard:
    """The request faults that are still to happen, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[tuple[RequestFault, int]] = []

    def post(self, fault: RequestFault) -> None:
        """Let `fault` happen to its next `times` requests."""
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Let nothing more happen."""
        self._waiting.clear()

    def waiting(self) -> list[tuple[RequestFault, int]]:
        """What is still to happen, each with how many times."""
        return list(self._waiting)

    def take(self, *, target: Target, method: str, path: str) -> RequestFault | None:
        """The fault that this request meets, used up once; None for most requests."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.meets(target=target, method=method, path=path):
                if left > 1:
                    self._waiting[place] = (fault, left - 1)
                else:
                    del self._waiting[place]
                return fault
        return None
