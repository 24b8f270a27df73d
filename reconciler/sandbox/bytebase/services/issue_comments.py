"""Comments: ascending, by anyone with the permission, editable by anyone with the other (facts §8.6)."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.changes import add_comment
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.services.issues import issue_named
from reconciler.sandbox.bytebase.services.paging import page
from reconciler.sandbox.bytebase.times import stamp


def handlers(_: Deps) -> Handlers:
    """List, create, edit."""
    return {
        "IssueService/ListIssueComments": list_comments,
        "IssueService/CreateIssueComment": create,
        "IssueService/UpdateIssueComment": update,
    }


def list_comments(call: Call) -> Message:
    """Oldest first."""
    issue = issue_named(call, call.text("parent"))
    shown, token = page(call, issue.comments)
    return {"issueComments": shown, "nextPageToken": token}


def create(call: Call) -> Message:
    """A plain comment in the caller's name."""
    issue = issue_named(call, call.text("parent"))
    text = call.part("issueComment").get("comment", "")
    if not text:
        raise RpcError(INVALID, "issue comment is empty")
    return add_comment(issue, call.who.email, call.now, text=text)


def update(call: Call) -> Message:
    """Edit a comment's text; its author is not asked."""
    issue = issue_named(call, call.text("parent"))
    given = call.part("issueComment")
    comment = next((each for each in issue.comments if each["name"] == given.get("name")), None)
    if not call.mask:
        raise RpcError(INVALID, "update_mask is required")
    if comment is None:
        raise RpcError(NOT_FOUND, f"issue comment {given.get('name')!r} not found")
    for path in call.mask:
        if path != "comment":
            raise RpcError(INVALID, f'unsupported update_mask "{path}"')
    comment["comment"] = given.get("comment", "")
    comment["updateTime"] = stamp(call.now)
    return comment
