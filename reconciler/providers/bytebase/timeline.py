"""Comments on issues: read from where the last reading ended, and written under a mark so that none comes twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.observing import parts_of
from reconciler.providers.bytebase.translate import comment_of
from reconciler.providers.bytebase.wire_changes import WireComment
from reconciler.subjects.change import Comment

MOST_REMEMBERED = 2000
"""Issues whose earlier pages are remembered."""
LONGEST = 65_536
"""Characters a comment may hold (facts §8.6)."""


class Timelines:
    """Reads and writes the comments of issues."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client
        self._known: OrderedDict[str, tuple[dict[str, WireComment], str]] = OrderedDict()

    async def comments(self, issue: str) -> Sequence[Comment]:
        """All plain comments, oldest first."""
        return [comment_of(comment) for comment in await self._read(issue) if comment.is_plain]

    async def answers(self, issue: str) -> Sequence[Comment]:
        """The texts that the review's answers came with, oldest first; also of answers that were reset since."""
        return [comment_of(comment) for comment in await self._read(issue) if comment.approval is not None]

    async def _read(self, issue: str) -> Sequence[WireComment]:
        """The whole timeline. Full pages read before are not read again: new comments come at the end."""
        known, token = self._known.get(issue, ({}, ""))
        async with parts_of(issue):
            fresh, last = await self._client.issues.comments_from(issue, token)
        whole = {**known, **{comment.name: comment for comment in fresh}}
        if last:
            self._known[issue] = (whole, last)
            self._known.move_to_end(issue)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return list(whole.values())

    async def put(self, issue: str, *, mark: str, text: str, edit: bool) -> None:
        """Have exactly one comment of ours with this mark. Others' comments with it do not count: anybody may copy a mark."""
        first_line = f"<!-- reconciler:{mark} -->"
        wanted = f"{first_line}\n{text}"[:LONGEST]
        for comment in await self.comments(issue):
            if comment.creator == self._client.email and comment.text.partition("\n")[0].strip() == first_line:
                if edit and comment.text != wanted:
                    async with parts_of(issue):
                        await self._client.issues.edit_comment(issue, comment.name, wanted)
                return
        async with parts_of(issue):
            await self._client.issues.comment(issue, wanted)
