"""Approval definitions on the wire: the body that creates or overwrites one, and what can be read back (facts §2)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Id, Wire


class Viewer(Body):
    """Who may start the definition from Feishu's own pages."""

    viewer_type: Literal["TENANT", "DEPARTMENT", "USER", "NONE"]


class Form(Body):
    """The widgets, as a JSON array inside a text."""

    form_content: str


class Approver(Body):
    """How a node finds its approvers; `Free` = named when an instance is created."""

    type: Literal["Free"]


class ChosenRange(Body):
    """From whom a free approver may be chosen."""

    type: Literal["ALL"]


class Node(Body):
    """One node of the flow; the first is START, the last END."""

    id: str
    name: str | None = None
    node_type: Literal["AND", "OR", "SEQUENTIAL"] | None = None
    approver: list[Approver] | None = None
    approver_chosen_multi: bool | None = None
    approver_chosen_range: list[ChosenRange] | None = None
    starter_assignee: Literal["STARTER"] | None = None


class Settings(Body):
    """What may happen to a running or finished instance."""

    revert_interval: int
    revert_option: int
    reject_option: int
    quick_approval_option: int


class Config(Body):
    """What administrators may change in the console."""

    can_update_viewer: bool
    can_update_form: bool
    can_update_process: bool
    can_update_revert: bool


class I18nText(Body):
    """One text under its `@i18n@` key."""

    key: str
    value: str


class I18nResource(Body):
    """All texts of one language."""

    locale: str
    is_default: bool
    texts: list[I18nText]


class DefinitionBody(Body):
    """Creates a definition, or overwrites the one of `approval_code` whole."""

    approval_name: str
    approval_code: str | None = None
    description: str
    viewers: list[Viewer]
    form: Form
    node_list: list[Node]
    settings: Settings
    config: Config
    i18n_resources: list[I18nResource]


class PutDefinitionAnswer(Wire):
    """The definition's code; it can never be deleted."""

    approval_code: str = Field(min_length=1)
    approval_id: Id = ""


class ReadViewer(Wire):
    """A viewer as read back."""

    type: str = ""
    id: str = ""


class ReadNode(Wire):
    """A node as read back: `node_id` is the system's, `custom_node_id` ours."""

    name: str = ""
    need_approver: bool = False
    node_id: str = ""
    custom_node_id: str = ""
    node_type: str = ""
    approver_chosen_multi: bool = False
    require_signature: bool = False


class ReadDefinition(Wire):
    """A definition as read in one language; `form` is a JSON array inside a text."""

    approval_name: str = ""
    status: str
    form: str = "[]"
    node_list: list[ReadNode] = Field(default_factory=list)
    viewers: list[ReadViewer] = Field(default_factory=list)


class ReadWidget(Wire):
    """A widget inside a form that was read back: `id` is the system's, `custom_id` ours."""

    id: Id = ""
    custom_id: Id = ""
    name: str = ""
    type: str = ""
    required: bool = False
