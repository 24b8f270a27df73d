"""Calls for comments on instances; ours carry a mark in `extra`, so a lost answer can be looked up (facts §3.8)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.endpoints import CREATE_COMMENT, LIST_COMMENTS
from reconciler.providers.feishu.wire.instances import (
    CommentBody,
    Comments,
    CreateCommentAnswer,
    Mention,
    ReadComment,
)

_MARK_KEY = "reconciler"
_PAGE = "1000"


class CommentCalls:
    """Write and list comments as the bot."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api

    async def create(
        self, instance: str, *, author: str, text: str, mark: str, mentions: Sequence[Mention] = ()
    ) -> str:
        """Write a comment that carries `mark`; returns its id. Sent once: a lost answer raises an ambiguous error."""
        body = CommentBody(
            content=json.dumps({"text": text, "files": []}, ensure_ascii=False),
            extra=json.dumps({_MARK_KEY: mark}),
            at_info_list=list(mentions) or None,
        )
        answer = await self._api.call(
            CREATE_COMMENT,
            CreateCommentAnswer,
            path={"instance_id": instance},
            query=[OPEN_IDS, ("user_id", author)],
            body=body,
            where=instance,
        )
        return answer.comment_id

    async def list(self, instance: str, *, reader: str) -> tuple[ReadComment, ...]:
        """All comments that are not deleted."""
        found: list[ReadComment] = []
        token = ""
        while True:
            page = await self._api.call(
                LIST_COMMENTS,
                Comments,
                path={"instance_id": instance},
                query=[
                    OPEN_IDS,
                    ("user_id", reader),
                    ("page_size", _PAGE),
                    *([("page_token", token)] if token else []),
                ],
                where=instance,
            )
            found += [comment for comment in page.comments if not comment.is_delete]
            if page.page_token in ("", token) or not page.comments:
                return tuple(found)
            token = page.page_token

    async def has_mark(self, instance: str, *, reader: str, mark: str) -> bool:
        """Whether a comment of ours with this mark exists."""
        return any(mark_of(comment) == mark for comment in await self.list(instance, reader=reader))


def mark_of(comment: ReadComment) -> str:
    """The mark a comment carries, '' for other people's."""
    try:
        extra = json.loads(comment.extra)
    except ValueError:
        return ""
    mark = extra.get(_MARK_KEY) if isinstance(extra, dict) else None
    return mark if isinstance(mark, str) else ""
