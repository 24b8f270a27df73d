"""Requests for approval ("instances") with their tasks, timeline and comments; data only, the flow changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.sandbox.feishu.definitions import Definition, Node, Version
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.texts import NO_TEXTS, Texts
from reconciler.sandbox.feishu.widgets import FormValue

PENDING, APPROVED, REJECTED, CANCELED, DELETED = "PENDING", "APPROVED", "REJECTED", "CANCELED", "DELETED"
TRANSFERRED, DONE, AUTO_PASS = "TRANSFERRED", "DONE", "AUTO_PASS"


@dataclass(slots=True, eq=False)
class Task:
    """One person's turn to decide at a node; `person` is None for an automatic pass; times in ms, 0 = not ended."""

    task_id: str
    person: Person | None
    kind: str
    node: Node
    start: int
    status: str = PENDING
    end: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline; `targets` are those a transfer or an added signature names."""

    kind: str
    time: int
    person: Person | None = None
    task: Task | None = None
    comment: str = ""
    targets: Sequence[Person] = ()
    copies: Sequence[tuple[Person, str]] = ()
    node: Node | None = None


@dataclass(slots=True, eq=False)
class Comment:
    """A comment or (with `parent`) a reply; `text` is the JSON string it was written as."""

    comment_id: str
    author: Person
    text: str
    created: int
    updated: int
    extra: str = ""
    mentions: list[tuple[Person, str, str]] = field(default_factory=list)
    parent: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """People whose turn comes after the present ones of a slot."""

    people: Sequence[Person]
    need_all: bool


@dataclass(slots=True, eq=False)
class Slot:
    """One strand of a node: its open tasks, whether all of them must pass, and who follows."""

    tasks: list[Task]
    need_all: bool = False
    later: list[Later] = field(default_factory=list)
    done: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a submitter asked for: fixed for the life of the request, but for the form."""

    submitter: Person
    app_id: str
    chosen: dict[str, list[Person]]
    automatic: frozenset[str] = frozenset()
    uuid: str = ""
    department_id: str = ""
    title: str = ""
    title_only: bool = False
    texts: Texts = NO_TEXTS
    forbid_revoke: bool = False


@dataclass(slots=True, eq=False)
class Instance:
    """One request; `chosen` and `automatic` of its wish are keyed by system node id."""

    code: str
    serial: str
    definition: Definition
    version: Version
    wish: Wish
    form: list[FormValue]
    start: int
    end: int = 0
    status: str = PENDING
    reverted: bool = False
    tasks: list[Task] = field(default_factory=list)
    timeline: list[Moment] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    at: int = 0
    slots: list[Slot] = field(default_factory=list)
    sent_back: bool = False
    revoking: bool = False

    @property
    def node(self) -> Node:
        """The node the request is at."""
        return self.version.nodes[self.at]

    def open_tasks(self) -> list[Task]:
        """Tasks somebody may decide now."""
        return [task for task in self.tasks if task.status == PENDING]

    def title(self, locale: str | None) -> str:
        """What lists call the request."""
        name = self.version.texts.read(self.version.name, locale)
        if not self.wish.title:
            return name
        own = self.wish.texts.read(self.wish.title, locale)
        return own if self.wish.title_only else f"{name} | {own}"
