"""A gate as the loop uses it: which subjects it holds, who decides them, and its policies. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

NODE_PREFIX = "node:"
"""What names and codes of external nodes begin with; no definition's does."""


def node_code(node: str) -> str:
    """The code by which requests to an external node are known."""
    return f"{NODE_PREFIX}{node}"


def node_of(code: str) -> str | None:
    """The external node's name in its code or in the code of one of its instances; None for Feishu's."""
    return code.split(":")[1] if code.startswith(NODE_PREFIX) else None


@dataclass(frozen=True, slots=True)
class ApproverSource:
    """Whom a gate asks: `kind` is rolloutPolicy, flow, roles, users or groups; `values` are names for the last three."""

    kind: Literal["rolloutPolicy", "flow", "roles", "users", "groups"]
    values: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class GateMatch:
    """Which subjects a gate holds; an empty part matches anything, `*` any project."""

    projects: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    issue_labels: tuple[str, ...] = ()
    project_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate of a spec. `definition` or `external_node` says where it is decided; durations are as written."""

    name: str
    at: Literal["stage", "review"]
    match: GateMatch
    definition: str | None
    external_node: str | None
    approvers: ApproverSource
    fallback: tuple[str, ...] = ()
    since: datetime | None = None
    send: Literal["automatically", "onRequest", "byOrigin"] = "automatically"
    self_approval: bool = False
    hold_on_checks: Literal["error", "warning", "off"] = "error"
    on_reject: Literal["hold", "skip"] = "hold"
    on_failure: Literal["hold", "askAgain"] = "hold"
    transferred: Literal["recheck", "refuse"] = "recheck"
    on_approvers_added: Literal["keep", "replace"] = "keep"
    settle: timedelta = timedelta(seconds=60)
    approval_valid_for: timedelta = timedelta(hours=24)
    remind_after: timedelta = timedelta(hours=4)
    expire_after: timedelta = timedelta(days=3)
    paused: bool = False
    unknown_requester: Literal["bot", "hold"] = "bot"

    @property
    def place(self) -> str:
        """Where it is decided: a definition's spec name, or `node:<name>` of an external node."""
        return self.definition if self.definition is not None else node_code(self.external_node or "")
