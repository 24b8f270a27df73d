"""What of a definition can be read back, in one language: about half of what was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from reconciler.sandbox.feishu.answers import JsonObject
from reconciler.sandbox.feishu.definitions import Definition, Node, Version, Viewer
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.widgets import Widget

_ENDS = {"START": {"zh": "提交", "": "Submit"}, "END": {"zh": "结束", "": "End"}}


def node_name(node: Node, version: Version, locale: str | None) -> str:
    """The node's name as a reader of `locale` sees it; unnamed ends have the platform's names."""
    if node.name:
        return version.texts.read(node.name, locale)
    names = _ENDS.get(node.custom_id, {"": ""})
    return names["zh" if (locale or version.texts.default).startswith("zh") and "zh" in names else ""]


def read_definition(
    definition: Definition, *, locale: str | None, name_of: Callable[[Person], str], with_admins: bool
) -> JsonObject:
    """The answer's `data`; `name_of` gives ids in the caller's id type."""
    version = definition.version
    data: JsonObject = {
        "approval_name": version.texts.read(version.name, locale),
        "status": definition.status,
        "form": json.dumps(
            [_widget(widget, version, locale) for widget in version.widgets], ensure_ascii=False, separators=(",", ":")
        ),
        "node_list": [_node(node, definition, locale, name_of) for node in version.nodes],
        "viewers": [_viewer(viewer, name_of) for viewer in version.viewers],
        "form_widget_relation": "{}",
    }
    if with_admins:
        data["approval_admin_ids"] = [name_of(person) for person in version.managers]
    return data


def _widget(widget: Widget, version: Version, locale: str | None) -> JsonObject:
    read: JsonObject = {
        "id": widget.widget_id,
        "custom_id": widget.custom_id,
        "name": version.texts.read(widget.name, locale),
        "type": widget.kind,
        "required": widget.required,
        "printable": widget.printable,
        "visible": True,
        "enable_default_value": False,
        "widget_default_value": "",
        "default_value_type": "",
        "display_condition": None,
    }
    if widget.options:
        read["option"] = [
            {"value": option.value, "text": version.texts.read(option.text_key, locale)} for option in widget.options
        ]
    elif widget.children:
        read["children"] = [_widget(child, version, locale) for child in widget.children]
    elif widget.kind == "text":
        read["value"] = version.texts.read(widget.value, locale)
    elif widget.value is not None and widget.kind not in ("input", "textarea"):
        read["value"] = widget.value
    elif widget.value is not None:
        read["enable_default_value"] = True
        read["widget_default_value"] = version.texts.read(str(widget.value), locale)
    if widget.extra:
        read["option"] = {_snake(key): value for key, value in widget.extra["option"].items()}
    return read


def _node(node: Node, definition: Definition, locale: str | None, name_of: Callable[[Person], str]) -> JsonObject:
    read: JsonObject = {
        "name": node_name(node, definition.version, locale),
        "need_approver": node.free,
        "node_id": node.node_id,
        "node_type": node.mode,
        "approver_chosen_multi": node.several,
        "require_signature": definition.signature and node.decides,
    }
    if node.decides:
        read["custom_node_id"] = node.custom_id
    if node.ranges:
        read["approver_chosen_range"] = [
            {
                "approver_range_type": chosen.kind,
                "approver_range_ids": [name_of(person) for person in chosen.people] or list(chosen.roles),
            }
            for chosen in node.ranges
        ]
    elif node.free:
        read["approver_chosen_range"] = [{"approver_range_type": 0, "approver_range_ids": []}]
    return read


def _viewer(viewer: Viewer, name_of: Callable[[Person], str]) -> dict[str, Any]:
    person = name_of(viewer.person) if viewer.person else ""
    return {"type": viewer.kind, "id": viewer.department or person, "user_id": person}


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
