"""`feishu/definition`, managed: an approval definition that we create and overwrite whole.

Feishu keeps the id we give the approval node, and returns it. It carries our stamp, `gate-<integration>-<content>`: a plan
sees an unapplied change of the spec, or of the safety settings below, without any state of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from reconciler.ids import canonical_json, sha256
from reconciler.resources.base import Json, Mark, Resource, declared, normalise

Decision = Literal["any", "all", "sequential"]

NODE_TYPES: Mapping[Decision, str] = {"any": "OR", "all": "AND", "sequential": "SEQUENTIAL"}

SAFE_NODE: Mapping[str, Json] = {
    "starter_assignee": "STARTER",  # AUTO_PASS would approve silently where requester and approver are one person
    "approver_chosen_multi": True,
    "approver_chosen_range": [{"type": "ALL"}],
}
SAFE_SETTINGS: Mapping[str, Json] = {
    "revert_interval": 0,
    "revert_option": 1,
    "reject_option": 0,
    "quick_approval_option": 1,
}
SAFE_CONFIG: Mapping[str, Json] = {
    "can_update_viewer": False,
    "can_update_form": False,
    "can_update_process": False,
    "can_update_revert": False,
}
VIEWERS = "NONE"
SAFETY_TOKEN = "enforced"  # noqa: S105 - what stands for the safety settings in a plan

NODE_NAMES: tuple[tuple[str, str], ...] = (("en-US", "Decision"), ("zh-CN", "审批"))
ABOUT: tuple[tuple[str, str], ...] = (
    ("en-US", "Database changes in Bytebase that wait for a decision. Managed by reconciler."),
    ("zh-CN", "等待审批的 Bytebase 数据库变更,由 reconciler 管理。"),
)


@dataclass(frozen=True, slots=True)
class Widget:
    """A field of the form: our id, its type, whether it must be filled, and its label by locale."""

    id: str
    type: str
    required: bool
    labels: tuple[tuple[str, str], ...]

    def plain(self) -> Mapping[str, Json]:
        """The widget as plain data."""
        return {"id": self.id, "type": self.type, "required": self.required, "labels": dict(self.labels)}


def _widget(id_: str, type_: str, english: str, chinese: str, *, required: bool = False) -> Widget:
    return Widget(id_, type_, required, (("en-US", english), ("zh-CN", chinese)))


FORM: tuple[Widget, ...] = (
    _widget("change", "input", "Change", "变更", required=True),
    _widget("link", "input", "Link", "链接", required=True),
    _widget("stage", "input", "Stage", "阶段", required=True),
    _widget("requester", "input", "Requested by", "发起人"),
    _widget("tasks", "textarea", "Tasks", "任务"),
    _widget("checks", "textarea", "Checks and risk", "检查与风险"),
    _widget("sql", "textarea", "SQL", "SQL"),
    _widget("digest", "input", "Digest (do not edit)", "摘要(请勿修改)", required=True),
)
"""The form of every managed definition, in order; its ids are those that a request's fields are filled by."""

DEFAULT_TITLE: tuple[tuple[str, str], ...] = (("en-US", "Database change"), ("zh-CN", "数据库变更"))


@dataclass(frozen=True, slots=True)
class Definition(Resource):
    """A managed definition by its spec name.

    `code` is Feishu's id of it, None until it was created. `stamp` None on the desired side is computed; on the observed
    side it is the approval node's id as read. `safety_settings`
    is the token of what is always sent for safety and cannot be read: who decides, what a rejection does, what the console may edit.
    """

    kind: ClassVar[str] = "feishu/definition"
    marks: ClassVar[Mapping[str, Mark]] = {
        "title": Mark.PLAIN,
        "decision": Mark.PLAIN,
        "form": Mark.PLAIN,
        "viewers": Mark.PLAIN,
        "stamp": Mark.PLAIN,
        "safetySettings": Mark.WRITE_ONLY,
    }
    creation_is_irreversible: ClassVar[bool] = True

    spec_name: str
    integration: str
    title: tuple[tuple[str, str], ...]
    decision: Decision | str
    code: str | None = None
    form: tuple[Widget, ...] = FORM
    viewers: str = VIEWERS
    stamp: str = ""
    safety_settings: str | None = SAFETY_TOKEN

    def __post_init__(self) -> None:
        normalise(self, title=tuple(sorted(dict(self.title).items())))
        if not self.stamp:
            normalise(self, stamp=stamp_of(self))

    @property
    def name(self) -> str:
        """The spec name."""
        return self.spec_name

    def fields(self) -> Mapping[str, Json]:
        """What can be read back, the stamp, and the token of what cannot."""
        return declared(
            title=dict(self.title),
            decision=self.decision,
            form=[widget.plain() for widget in self.form],
            viewers=self.viewers,
            stamp=self.stamp,
            safetySettings=self.safety_settings,
        )


def stamp_prefix(integration: str) -> str:
    """What every stamp of an integration begins with."""
    return f"gate-{sha256(integration)[:4]}-"


def is_stamp(node_id: str) -> bool:
    """Whether the id of an approval node is a stamp, of whichever integration."""
    return re.fullmatch(r"gate-[0-9a-f]{4}-[0-9a-f]{12}", node_id) is not None


def stamp_of(definition: Definition) -> str:
    """The stamp of a desired definition: 12 hex digits over everything that is sent, the safety settings included."""
    content: Mapping[str, Json] = {
        "title": dict(definition.title),
        "decision": definition.decision,
        "form": [widget.plain() for widget in definition.form],
        "viewers": definition.viewers,
        "node": {"names": dict(NODE_NAMES), **SAFE_NODE},
        "about": dict(ABOUT),
        "settings": SAFE_SETTINGS,
        "config": SAFE_CONFIG,
    }
    return stamp_prefix(definition.integration) + sha256(canonical_json(content))[:12]
