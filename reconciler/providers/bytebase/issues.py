"""Issues: reading, commenting, and the acts of a review, none of which is ever repeated by itself."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import ConflictError
from reconciler.ids import project_of
from reconciler.providers.bytebase.channel import Call, Channel, Json, asking, reading
from reconciler.providers.bytebase.errors import CallMeaning
from reconciler.providers.bytebase.wire import Empty
from reconciler.providers.bytebase.wire_changes import WireComment, WireComments, WireIssue, WireIssues
from reconciler.providers.http_retry import Repeat

ALL_PROJECTS = "projects/-"
"""The parent that stands for every project; only a search understands it (facts §8.2)."""


class Issues:
    """The issues of all visible projects."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def get(self, name: str) -> WireIssue:
        """One issue, also a draft."""
        return await self._channel.send(WireIssue, reading(name, what="read the issue"))

    async def search(self, condition: str, *, parent: str = ALL_PROJECTS) -> tuple[WireIssue, ...]:
        """All issues that fit the filter, oldest first."""
        body = {"filter": condition, "orderBy": "create_time asc"}
        call = asking(f"{parent}/issues:search", body, what="search the issues", resource=parent)
        return await self._channel.read_all(WireIssues, call)

    async def list_of(self, project: str, condition: str = "") -> tuple[WireIssue, ...]:
        """All issues of one project that fit the filter, oldest first."""
        query = [("order_by", "create_time asc"), *([("filter", condition)] if condition else [])]
        call = reading(f"{project}/issues", query=query, what="list the issues")
        return await self._channel.read_all(WireIssues, call)

    async def comments(self, issue: str) -> tuple[WireComment, ...]:
        """The whole timeline of an issue, oldest first."""
        call = reading(f"{issue}/issueComments", what="read the comments")
        return await self._channel.read_all(WireComments, call)

    async def comments_from(self, issue: str, token: str) -> tuple[tuple[WireComment, ...], str]:
        """The timeline from a page on ('' = the first) and the token of the last page, from which to read next time.

        Comments are only ever added at the end, so pages before that token need not be read again.
        """
        found: dict[str, WireComment] = {}
        last = token
        while True:
            query = [("page_token", last)] if last else []
            page = await self._channel.read_page(
                WireComments, reading(f"{issue}/issueComments", query=query, what="read the comments")
            )
            found.update((comment.name, comment) for comment in page.items)
            if not page.next_page_token or page.next_page_token == last:
                return tuple(found.values()), last
            last = page.next_page_token

    async def comment(self, issue: str, text: str) -> WireComment:
        """Write a comment. After a lost answer look for it before writing again: there is no key against doubles."""
        call = _acting(f"{issue}:comment", {"comment": text}, "comment on the issue", issue, Repeat.UNSENT)
        return await self._channel.send(WireComment, call)

    async def edit_comment(self, issue: str, comment: str, text: str) -> WireComment:
        """Replace the text of a comment."""
        call = Call(
            "PATCH",
            f"/v1/{issue}:comment",
            CallMeaning("edit the comment", comment, acts=True),
            Repeat.SAFE,
            (("update_mask", "comment"),),
            {"name": comment, "comment": text},
        )
        return await self._channel.send(WireComment, call)

    async def approve(self, issue: str, comment: str) -> WireIssue:
        """Answer the step that is pending at that moment. Read the issue before every attempt: it names no step (facts §8.4)."""
        return await self._channel.send(
            WireIssue, _acting(f"{issue}:approve", {"comment": comment}, "approve the issue", issue)
        )

    async def reject(self, issue: str, comment: str) -> WireIssue:
        """Reject the step that is pending at that moment."""
        return await self._channel.send(
            WireIssue, _acting(f"{issue}:reject", {"comment": comment}, "reject the issue", issue)
        )

    async def request(self, issue: str, comment: str) -> WireIssue:
        """Ask again after a rejection; only the issue's creator may."""
        return await self._channel.send(
            WireIssue, _acting(f"{issue}:request", {"comment": comment}, "request the review again", issue)
        )

    async def retry_approval(self, issue: str) -> None:
        """Find the approval flow again where the issue is stuck in CHECKING; only its creator may."""
        await self._channel.send(Empty, _acting(f"{issue}:retryApproval", {}, "find the approval flow again", issue))

    async def set_status(self, issues: Sequence[str], status: str, reason: str) -> None:
        """Cancel, reopen or finish issues of one project; repeating it writes another comment, so read first."""
        project = project_of(issues[0])
        body = {"issues": list(issues), "status": status, "reason": reason}
        call = _acting(f"{project}/issues:batchUpdateStatus", body, f"set issues {status}", issues[0])
        await self._channel.send(Empty, call)


def _acting(path: str, body: Json, what: str, resource: str, repeat: Repeat = Repeat.NEVER) -> Call:
    return Call("POST", f"/v1/{path}", CallMeaning(what, resource, acts=True, invalid=ConflictError), repeat, (), body)
