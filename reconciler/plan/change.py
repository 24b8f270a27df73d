"""A plan as data: what would be done to each declared resource, and everything worth knowing before it is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from reconciler.diff import FieldChange
from reconciler.resources.base import Key, Origin
from reconciler.resources.finding import Finding


class Action(StrEnum):
    """What is done to one resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class BytebaseTarget:
    """One Bytebase: where it is, the label that keys are made of, and the workspace found there ("" before 3.18)."""

    url: str
    identity: str
    workspace: str


@dataclass(frozen=True, slots=True)
class FeishuTarget:
    """One Feishu app: the platform (`feishu`, `lark` or the address of a private host) and the app id."""

    platform: str
    app_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a plan is for. `feishu` is None where the spec declares no app."""

    name: str
    bytebase: BytebaseTarget
    feishu: FeishuTarget | None = None


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A spec file that was read, and the SHA-256 of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one declared resource, or why it is left as it is.

    `observed` is the fingerprint of the live resource the plan was made against (None: there is none). `erases` names
    live things that the write removes; `unverifiable` the paths that cannot be read back.
    """

    kind: str
    name: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    origin: Origin | None = None
    irreversible: bool = False
    erases: tuple[str, ...] = ()
    observed: str | None = None
    unverifiable: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Kind and name."""
        return Key(self.kind, self.name)

    @property
    def id(self) -> str:
        """`<kind>/<name>`."""
        return str(self.key)

    @property
    def is_pending(self) -> bool:
        """Whether applying it would write."""
        return self.action is not Action.KEEP


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan of one target, in order of application. It holds no time and no secret: equal input, equal plan."""

    target: Target
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    refusals: tuple[Finding, ...] = ()
    specs: tuple[SpecFile, ...] = ()
    tool_version: str = ""
    commit: str | None = None
    partial: bool = False

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that write."""
        return tuple(change for change in self.changes if change.is_pending)

    @property
    def exit_code(self) -> int:
        """0 nothing to do, 2 changes, 3 refused."""
        if self.refusals:
            return 3
        return 2 if self.pending else 0

    def summary(self) -> dict[str, int]:
        """How many changes of each action, and how many resources hold something that cannot be verified."""
        counts = Counter(change.action for change in self.changes)
        numbers = {action.value: counts[action] for action in Action}
        return {**numbers, "unverifiable": sum(1 for change in self.changes if change.unverifiable)}
