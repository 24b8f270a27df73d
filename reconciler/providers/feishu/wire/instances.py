"""Approval instances, their tasks and comments on the wire (facts §3)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Id, Moment, Wire
from reconciler.providers.feishu.wire.definitions import I18nResource


class NodeApprovers(Body):
    """The people asked on one node; `key` is the node's custom id."""

    key: str
    value: list[str]


class CreateInstanceBody(Body):
    """Creates an instance; `uuid` makes it findable after a lost answer. Numbers and flags are fixed by safety (facts §3.1)."""

    approval_code: str
    open_id: str
    form: str
    node_approver_open_id_list: list[NodeApprovers]
    uuid: str
    title: str | None = None
    title_display_method: Literal[0, 1] | None = None
    i18n_resources: list[I18nResource] | None = None
    allow_resubmit: bool = False
    allow_submit_again: bool = False
    forbid_revoke: bool = False


class CreateInstanceAnswer(Wire):
    """The new instance's code."""

    instance_code: str = Field(min_length=1)


class CancelBody(Body):
    """Withdraws an instance as its submitter."""

    approval_code: str
    instance_code: str
    user_id: str


class TaskBody(Body):
    """Decides a task as its own approver; used only by the probe, for the bot's own task."""

    approval_code: str
    instance_code: str
    user_id: str
    task_id: str
    comment: str | None = None


class ReadTask(Wire):
    """One task of an instance; automatic ones have no person."""

    id: Id = ""
    open_id: str = ""
    status: str = ""
    type: str = ""
    node_id: str = ""
    custom_node_id: str = ""
    start_time: Moment = None
    end_time: Moment = None


class ReadTimelineEntry(Wire):
    """One step of an instance's story; `ext` is JSON in a text and names the people a step is about."""

    type: str = ""
    create_time: Moment = None
    open_id: str = ""
    task_id: Id = ""
    comment: str = ""
    ext: str = ""
    open_id_list: list[str] = Field(default_factory=list)


class ReadInstance(Wire):
    """An instance as read; `form` is a JSON array inside a text, in the language asked."""

    instance_code: str = Field(min_length=1)
    approval_code: str = Field(min_length=1)
    uuid: str = ""
    status: str
    reverted: bool = False
    start_time: Moment
    end_time: Moment = None
    open_id: str = ""
    form: str = "[]"
    task_list: list[ReadTask] = Field(default_factory=list)
    timeline: list[ReadTimelineEntry] = Field(default_factory=list)
    serial_number: Id = ""


class ReadFormWidget(Wire):
    """A filled widget of a read instance; `value` is whatever its type holds."""

    id: Id = ""
    custom_id: Id = ""
    type: str = ""
    value: object = ""


class InstanceCodes(Wire):
    """One page of instance codes."""

    instance_code_list: list[str] = Field(default_factory=list)
    page_token: str = ""
    has_more: bool = False


class Mention(Body):
    """Names a person in a comment, over the text at `offset`."""

    user_id: str
    name: str
    offset: str


class CommentBody(Body):
    """Writes a comment; `content` and `extra` are JSON in texts."""

    content: str
    extra: str | None = None
    at_info_list: list[Mention] | None = None


class CreateCommentAnswer(Wire):
    """The new comment's id."""

    comment_id: Id = Field(min_length=1)


class ReadComment(Wire):
    """A comment as read; `extra` is what its author's program stored beside it."""

    id: Id = ""
    content: str = ""
    is_delete: int = 0
    commentator: str = ""
    extra: str = ""


class Comments(Wire):
    """One page of comments."""

    comments: list[ReadComment] = Field(default_factory=list)
    page_token: str = ""
    has_more: bool = False
