"""The one error tree of the project, split by what the reader can do about it.

::

    ReconcilerError            exit  kind
    ├── SpecError                 1  badSpec         fix the file at the named place
    ├── CredentialsError          1  badCredentials  fix the secret or its reference
    ├── ForbiddenError            1  forbidden       grant the named permission or scope
    ├── NotFoundError             1  notFound        the named thing does not exist upstream
    ├── ConflictError             1  conflict        somebody else changed it; read again and retry
    ├── RefusedError              3  refused         we will not: unsafe, stale, locked; the message names what permits it
    ├── ThrottledError            1  throttled       the upstream asks us to slow down
    ├── UnavailableError          1  unavailable     the upstream cannot be reached or answers nonsense
    └── BugError                  1  bug             ours: please report it

Every error says what, where, why and the next step. A message never holds a secret or a raw response body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place in a spec file; line and column count from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Where = FilePosition | str | None
"""Where an error lies: a place in a file, an upstream resource's name, or nowhere in particular."""


class ReconcilerError(Exception):
    """What went wrong, where, why, and what the reader does next."""

    kind: ClassVar[str] = "bug"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: Where = None, why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.why:
            text += f": {self.why}"
        return text


class SpecError(ReconcilerError):
    """A spec file says something that cannot be meant."""

    kind = "badSpec"


class CredentialsError(ReconcilerError):
    """A secret is missing, wrong, or belongs to a disabled account or app."""

    kind = "badCredentials"


class ForbiddenError(ReconcilerError):
    """The account or app lacks a permission or scope, which the message names."""

    kind = "forbidden"


class NotFoundError(ReconcilerError):
    """The named thing does not exist upstream: known from a 404 on the thing itself, never from a list."""

    kind = "notFound"


class ConflictError(ReconcilerError):
    """The upstream's state does not allow this now; reading it again may."""

    kind = "conflict"


class RefusedError(ReconcilerError):
    """We decline to do something unsafe, stale or locked; `next_step` names the field or flag that permits it."""

    kind = "refused"
    exit_code = 3


class ThrottledError(ReconcilerError):
    """The upstream asks us to slow down; `retry_after` is in seconds where it said how long."""

    kind = "throttled"

    def __init__(
        self, what: str, *, where: Where = None, why: str = "", next_step: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)
        self.retry_after = retry_after


class UnavailableError(ReconcilerError):
    """The upstream cannot be reached, fails, or answers something that is not its protocol.

    `ambiguous` is true when the request may have taken effect (it was sent and the answer was lost).
    """

    kind = "unavailable"

    def __init__(
        self, what: str, *, where: Where = None, why: str = "", next_step: str = "", ambiguous: bool = False
    ) -> None:
        super().__init__(what, where=where, why=why, next_step=next_step)
        self.ambiguous = ambiguous


class BugError(ReconcilerError):
    """Our own mistake: an impossible state was reached."""

    kind = "bug"
