"""Turns the body of a create call into a request: submitter, form, approvers per node, texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import CallError, JsonObject
from reconciler.sandbox.feishu.apps import App
from reconciler.sandbox.feishu.definition_build import refuse
from reconciler.sandbox.feishu.definitions import ACTIVE, DELETED, Node, Version
from reconciler.sandbox.feishu.instances import Instance, Wish
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.texts import NO_TEXTS, Texts, is_key, read_texts
from reconciler.sandbox.feishu.widgets import BadFormError, FormValue, read_form, unsupported
from reconciler.sandbox.feishu.world import World

UUID_TAKEN = 60012
NOT_ACTIVE, GONE = 1390015, 1390016
MOST_COPIES, MOST_AUTOMATIC = 20, 10


def build_instance(world: World, app: App, body: JsonObject) -> Instance:
    """The request a create call asks for, not yet begun; raises `CallError`."""
    definition = world.definition(body["approval_code"])
    if definition.status != ACTIVE:
        raise CallError(
            *((GONE, "approval is deleted") if definition.status == DELETED else (NOT_ACTIVE, "approval is not active"))
        )
    version = definition.version
    if (widget := unsupported(version.widgets)) is not None:
        raise refuse(f"widget {widget.custom_id}: type {widget.kind} cannot be used by API")
    texts = _texts(body)
    wish = Wish(
        submitter=_submitter(world, app, body),
        app_id=app.app_id,
        chosen=_chosen(world, app, version, body),
        automatic=_automatic(version, body),
        uuid=_uuid(body),
        department_id=body.get("department_id", ""),
        title=_title(body, texts),
        title_only=body.get("title_display_method") == 1,
        texts=texts,
        forbid_revoke=body.get("forbid_revoke", False),
    )
    _check_copies(world, app, version, body)
    form = checked_form(body["form"], version)
    _check_free_nodes(version, wish)
    if wish.uuid and wish.uuid.lower() in world.by_uuid:
        raise CallError(UUID_TAKEN, "uuid conflict, the uuid has been used")
    return Instance(
        code=idents.upper_uuid(),
        serial=world.next_serial(),
        definition=definition,
        version=version,
        wish=wish,
        form=form,
        start=world.clock.millis(),
    )


def checked_form(text: str, version: Version) -> list[FormValue]:
    """The form's values; raises `CallError` 1390001 with the platform's reason."""
    try:
        return read_form(text, version.widgets)
    except BadFormError as error:
        raise refuse(str(error)) from error


def _uuid(body: JsonObject) -> str:
    uuid: str = body.get("uuid", "")
    if len(uuid) > 64:
        raise refuse("uuid has more than 64 characters")
    return uuid


def _submitter(world: World, app: App, body: JsonObject) -> Person:
    if body.get("user_id"):
        return world.visible_person(body["user_id"], app, "user_id")
    if body.get("open_id"):
        return world.visible_person(body["open_id"], app)
    raise refuse("user_id or open_id is required")


def _texts(body: JsonObject) -> Texts:
    resources = body.get("i18n_resources")
    if not resources:
        return NO_TEXTS
    texts = read_texts(resources)
    if texts is None:
        raise refuse(
            "i18n_resources need one default locale with every key; keys begin with @i18n@, 9 characters or more"
        )
    return texts


def _title(body: JsonObject, texts: Texts) -> str:
    title: str = body.get("title", "")
    if title and (not is_key(title) or not texts.has(title)):
        raise refuse("title must be a key of i18n_resources")
    return title


def _chosen(world: World, app: App, version: Version, body: JsonObject) -> dict[str, list[Person]]:
    chosen: dict[str, list[Person]] = {}
    for member, id_type in (("node_approver_user_id_list", "user_id"), ("node_approver_open_id_list", "open_id")):
        for row in body.get(member, ()):
            node = _node(version, row.get("key", ""))
            people = [world.visible_person(identifier, app, id_type) for identifier in row.get("value", ())]
            chosen.setdefault(node.node_id, []).extend(people)
    return chosen


def _node(version: Version, key: str) -> Node:
    node = version.node(key)
    if node is None:
        raise refuse(f"node {key} not found")
    return node


def _check_free_nodes(version: Version, wish: Wish) -> None:
    for node in version.nodes:
        people = {person.key: person for person in wish.chosen.get(node.node_id, ())}
        if not node.free:
            if people:
                raise refuse(f"node {node.custom_id}: approvers cannot be chosen")
            continue
        if not people and node.node_id not in wish.automatic:
            raise refuse(f"node {node.custom_id}: approver is required")
        if len(people) > 1 and not node.several:
            raise refuse(f"node {node.custom_id}: only one approver may be chosen")
        allowed = {person.key for chosen in node.ranges if chosen.kind == 2 for person in chosen.people}
        if node.ranges and all(chosen.kind == 2 for chosen in node.ranges) and not people.keys() <= allowed:
            raise refuse(f"node {node.custom_id}: approver is out of range")


def _automatic(version: Version, body: JsonObject) -> frozenset[str]:
    rows: Sequence[Mapping[str, Any]] = body.get("node_auto_approval_list", ())
    if len(rows) > MOST_AUTOMATIC:
        raise refuse("node_auto_approval_list has more than 10 entries")
    return frozenset(_automatic_node(version, row).node_id for row in rows)


def _automatic_node(version: Version, row: Mapping[str, Any]) -> Node:
    node = _node(version, row.get("node_id", ""))
    named = node.custom_id if row.get("node_id_type", "NON_CUSTOM") == "CUSTOM" else node.node_id
    if named != row["node_id"]:
        raise refuse(f"node {row['node_id']} not found")
    return node


def _check_copies(world: World, app: App, version: Version, body: JsonObject) -> None:
    for member, id_type in (("node_cc_user_id_list", "user_id"), ("node_cc_open_id_list", "open_id")):
        rows = body.get(member, ())
        if len(rows) > MOST_COPIES:
            raise refuse(f"{member} has more than 20 entries")
        for row in rows:
            node = next((node for node in version.nodes if row.get("key") in (node.custom_id, node.node_id)), None)
            if node is None or not node.free_copies:
                raise refuse(f"{member}: copies cannot be chosen at {row.get('key')}")
            for identifier in row.get("value", ()):
                world.visible_person(identifier, app, id_type)
