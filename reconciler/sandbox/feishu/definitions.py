"""Approval definitions: the versions a definition goes through, and what every version fixes."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.texts import Texts
from reconciler.sandbox.feishu.widgets import Widget

ACTIVE, INACTIVE, DELETED = "ACTIVE", "INACTIVE", "DELETED"
START, END = "START", "END"
AND, OR, SEQUENTIAL = "AND", "OR", "SEQUENTIAL"

REVERT_DEFAULT = 31 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ChosenRange:
    """From whom a submitter may choose; `kind` is 0 all, 1 role, 2 people."""

    kind: int
    people: tuple[Person, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the flow; `mode` is empty for START and END, `people` are the fixed approvers."""

    node_id: str
    custom_id: str
    key: str
    name: str
    mode: str = ""
    free: bool = False
    people: tuple[Person, ...] = ()
    several: bool = False
    ranges: tuple[ChosenRange, ...] = ()
    starter_assignee: str = "STARTER"
    free_copies: bool = False

    @property
    def decides(self) -> bool:
        """Whether somebody has to decide here; START and END only mark the ends."""
        return self.custom_id not in (START, END)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who may start the definition from the client."""

    kind: str
    person: Person | None = None
    department: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How requests may be revoked and what a rejection does; intervals in seconds."""

    revert_interval: int = REVERT_DEFAULT
    revert_option: int = 1
    reject_option: int = 0
    quick_approval_option: int = 1


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a definition; a running request keeps the one it was started with."""

    version_id: str
    name: str
    widgets: tuple[Widget, ...]
    nodes: tuple[Node, ...]
    viewers: tuple[Viewer, ...]
    settings: Settings
    texts: Texts
    managers: tuple[Person, ...] = ()

    def node(self, key: str) -> Node | None:
        """The deciding node with that system or custom id."""
        return next((node for node in self.nodes if node.decides and key in (node.node_id, node.custom_id)), None)


@dataclass(slots=True, eq=False)
class Definition:
    """A definition of the tenant; `subscribers` are the apps that asked for its events, `signature` asks for handwriting."""

    code: str
    approval_id: str
    version: Version
    status: str = ACTIVE
    signature: bool = False
    subscribers: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """What the definition is called in its default locale."""
        return self.version.texts.read(self.version.name, None)
