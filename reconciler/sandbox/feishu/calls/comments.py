"""Calls on comments: create, edit, reply, list, delete one, remove all."""

from __future__ import annotations

from reconciler.sandbox.feishu import idents, json_text
from reconciler.sandbox.feishu.answers import Answer, JsonObject
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.instances import Comment, Instance
from reconciler.sandbox.feishu.visit import Handlers, Visit


def write(visit: Visit) -> Answer:
    """A new comment, a reply (`parent_comment_id`) or another text for a comment of one's own (`comment_id`)."""
    instance, author = _instance(visit), visit.find(visit.query["user_id"])
    content = _content(visit)
    now = visit.world.clock.millis()
    mentions = [(visit.find(row["user_id"]), row["name"], row["offset"]) for row in visit.body.get("at_info_list", ())]
    extra = visit.body.get("extra", "")
    if visit.body.get("comment_id"):
        comment = _comment(instance, visit.body["comment_id"])
        if comment.author is not author:
            raise refuse("only the author can edit a comment")
        comment.text, comment.extra, comment.updated, comment.mentions = content, extra, now, mentions
        return Answer({"comment_id": comment.comment_id})
    parent = visit.body.get("parent_comment_id", "")
    if parent:
        _comment(instance, parent)
    comment = Comment(idents.decimal(), author, content, now, now, extra, mentions, parent)
    instance.comments.append(comment)
    return Answer({"comment_id": comment.comment_id})


def listed(visit: Visit) -> Answer:
    """Comments with their replies, oldest first; deleted ones stay as empty shells."""
    instance = _instance(visit)
    visit.find(visit.query["user_id"])
    page = visit.page([comment for comment in instance.comments if not comment.parent], default=100, most=1000)
    comments = []
    for comment in page.items:
        replies = [_read(visit, reply) for reply in instance.comments if reply.parent == comment.comment_id]
        comments.append({**_read(visit, comment), "replies": replies})
    return Answer({"comments": comments, **({"page_token": page.token} if page.has_more else {})})


def delete(visit: Visit) -> Answer:
    """Delete one comment of one's own."""
    instance, author = _instance(visit), visit.find(visit.query["user_id"])
    comment = _comment(instance, visit.path["comment_id"])
    if comment.author is not author:
        raise refuse("only the author can delete a comment")
    comment.deleted, comment.updated = True, visit.world.clock.millis()
    return Answer({"comment_id": comment.comment_id})


def remove(visit: Visit) -> Answer:
    """Clear every comment of the request."""
    instance = _instance(visit)
    if visit.query.get("user_id"):
        visit.find(visit.query["user_id"])
    instance.comments.clear()
    return Answer({"instance_id": instance.code, "external_id": ""})


def _instance(visit: Visit) -> Instance:
    instance = visit.world.instances.get(visit.path["instance_id"].upper())
    if instance is None:
        raise refuse("instance not found")
    return instance


def _comment(instance: Instance, comment_id: str) -> Comment:
    for comment in instance.comments:
        if comment.comment_id == comment_id and not comment.deleted:
            return comment
    raise refuse("comment not found")


def _content(visit: Visit) -> str:
    content: str = visit.body.get("content", "")
    try:
        parsed = json_text.parse(content)
    except ValueError as error:
        raise refuse("content is not valid JSON") from error
    if not isinstance(parsed, dict) or not (parsed.get("text") or parsed.get("files")):
        raise refuse("content has neither text nor files")
    return content


def _read(visit: Visit, comment: Comment) -> JsonObject:
    return {
        "id": comment.comment_id,
        "content": "" if comment.deleted else comment.text,
        "create_time": str(comment.created),
        "update_time": str(comment.updated),
        "is_delete": int(comment.deleted),
        "at_info_list": [
            {"user_id": visit.name_of(person), "name": name, "offset": offset}
            for person, name, offset in comment.mentions
        ],
        "commentator": visit.name_of(comment.author),
        "extra": comment.extra,
    }


HANDLERS: Handlers = {
    "POST /open-apis/approval/v4/instances/:instance_id/comments": write,
    "GET /open-apis/approval/v4/instances/:instance_id/comments": listed,
    "DELETE /open-apis/approval/v4/instances/:instance_id/comments/:comment_id": delete,
    "POST /open-apis/approval/v4/instances/:instance_id/comments/remove": remove,
}
