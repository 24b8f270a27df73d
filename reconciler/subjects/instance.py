"""Facts about one approval instance in Feishu, and what a request to create one holds. Data only. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InstanceStatus(StrEnum):
    """Where an instance stands. UNKNOWN stands for any word not heard of, and leads to waiting."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    CANCELED = "CANCELED"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"


class NodeTaskStatus(StrEnum):
    """Where one person's task on an approval node stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    TRANSFERRED = "TRANSFERRED"
    DONE = "DONE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class NodeTask:
    """One task of an instance: whose it is (open id, '' for an automatic pass), on which node, and how it ended."""

    id: str
    open_id: str
    status: NodeTaskStatus
    node_id: str
    custom_node_id: str
    is_automatic: bool = False
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One entry of an instance's timeline, with the reason a person typed, if any."""

    type: str
    at: datetime
    open_id: str = ""
    task_id: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as read. `form` maps our widget ids (custom ids) to the text read back in the locale that was asked."""

    code: str
    uuid: str
    definition_code: str
    status: InstanceStatus
    submitter: str
    started: datetime
    form: tuple[tuple[str, str], ...]
    tasks: tuple[NodeTask, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()
    ended: datetime | None = None
    is_reverted: bool = False
    foreign_form: bool = False


DIGEST_WIDGET = "digest"
"""The widget that names content, subject and generation; the last of a form."""


TEXT_KEY_PREFIX = "@i18n@"
"""What a text begins with that Feishu looks up as a key (facts: instance i18n)."""


@dataclass(frozen=True, slots=True)
class FieldText:
    """One form field in every language: `texts` maps locale to text; equal texts are sent as they are."""

    id: str
    texts: tuple[tuple[str, str], ...]

    def text(self, locale: str) -> str:
        """The text in `locale`, or in the first language."""
        return dict(self.texts).get(locale, self.texts[0][1])

    @property
    def text_key(self) -> str:
        """The key that the texts are sent under where they differ by language; Feishu should never show it."""
        return f"{TEXT_KEY_PREFIX}field_{self.id}"

    @property
    def goes_under_its_key(self) -> bool:
        """Whether the key is sent: texts differ by language, or one of them looks like a key itself."""
        texts = {text for _, text in self.texts}
        return len(texts) > 1 or any(text.startswith(TEXT_KEY_PREFIX) for text in texts)


@dataclass(frozen=True, slots=True)
class AskedPerson:
    """Someone a request is addressed to: Bytebase e-mail and Feishu open id."""

    email: str
    open_id: str


@dataclass(frozen=True, slots=True)
class NodeBrief:
    """What an external node is told. `issue` is the issue's number as text ('' without one), `statement` the bounded SQL."""

    subject: str
    issue: str
    project: str
    creator: str
    title: str
    description: str
    stage: str
    statement: str
    link: str
    digest: str
    created: datetime


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """What is sent to create an instance; kept word for word, because an approval counts only for exactly this.

    `brief` is set where an external node decides; its people are then known by their e-mails, also as `open_id`.
    """

    uuid: str
    definition_code: str
    node_key: str
    submitter: str
    approvers: tuple[AskedPerson, ...]
    title: FieldText
    form: tuple[FieldText, ...]
    brief: NodeBrief | None = None


class Decision(StrEnum):
    """How several approvers of one node combine; fixed per definition."""

    ANY = "any"
    ALL = "all"
    SEQUENTIAL = "sequential"


class Dialect(StrEnum):
    """Who decides: Feishu, or an external node by one of its protocols. RELAY names nobody who decided and no content."""

    FEISHU = "feishu"
    RELAY = "relay"
    V1 = "v1"


@dataclass(frozen=True, slots=True)
class LiveDefinition:
    """Where a question is decided: an approval definition as it is live, or an external node.

    `code` is Feishu's id of it, or `node:<name>`. `node_key` addresses the definition's approval node. `problem` says why
    it cannot be used. `resends` is false for a node that may not be asked again when the answer to asking was lost.
    """

    name: str
    code: str
    node_key: str
    decision: Decision
    problem: str = ""
    widgets: tuple[tuple[str, str], ...] = ()
    dialect: Dialect = Dialect.FEISHU
    resends: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which Bytebase e-mails were found in Feishu, and why the others were not. A failed look-up raises instead."""

    found: Mapping[str, str]
    missing: Mapping[str, str]


class CancelResult(StrEnum):
    """What came of withdrawing an instance. REFUSED is permanent: it can never be withdrawn by us."""

    CANCELED = "canceled"
    NOT_PENDING = "notPending"
    REFUSED = "refused"
