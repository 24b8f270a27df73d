"""Turns the body of a definition call into a version: checks it and gives every widget and node its system id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.feishu import idents, json_text
from reconciler.sandbox.feishu.answers import CallError, JsonObject
from reconciler.sandbox.feishu.definitions import END, SEQUENTIAL, START, ChosenRange, Node, Settings, Version, Viewer
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.texts import Texts, is_key, read_texts
from reconciler.sandbox.feishu.widgets import CREATABLE, Option, Widget

PARAM_INVALID = 1390001
MOST_VIEWERS = 200
MOST_ICONS = 24

_HIERARCHY = frozenset({"Supervisor", "SupervisorTopDown", "DepartmentManager", "DepartmentManagerTopDown"})
_NO_NESTING = frozenset({"fieldList", "account", "serialNumber"})
_RANGES = {"ALL": 0, "ROLE": 1, "PERSONAL": 2}


def refuse(reason: str) -> CallError:
    """The platform's refusal of a parameter."""
    return CallError(PARAM_INVALID, f"param is invalid, {reason}")


@dataclass(frozen=True, slots=True)
class DefinitionBuilder:
    """Builds a version from a body; `find` resolves an id in the caller's id type and raises when there is nobody."""

    body: JsonObject
    before: Version | None
    find: Callable[[str], Person]

    def build(self) -> Version:
        """The version, with ids kept from the version before where custom ids are the same; raises `CallError`."""
        texts = self._texts()
        for name in ("approval_name", "description"):
            if name == "approval_name" or self.body.get(name):
                self._key(texts, self.body.get(name), name)
        if not 0 <= self.body.get("icon", 0) <= MOST_ICONS:
            raise refuse("icon is out of range")
        managers = tuple(self.find(identifier) for identifier in self.body.get("process_manager_ids", ()))
        widgets = self._widgets(texts)
        return Version(
            version_id=idents.decimal(),
            name=self.body["approval_name"],
            widgets=widgets,
            nodes=self._nodes(texts, widgets),
            viewers=self._viewers(),
            settings=Settings(
                **{key: value for key, value in self.body.get("settings", {}).items() if key in _SETTINGS}
            ),
            texts=texts,
            managers=managers,
        )

    def _texts(self) -> Texts:
        texts = read_texts(self.body["i18n_resources"])
        if texts is None:
            raise refuse(
                "i18n_resources need one default locale with every key; keys begin with @i18n@, 9 characters or more"
            )
        return texts

    def _key(self, texts: Texts, value: object, where: str) -> str:
        if not is_key(value) or not isinstance(value, str):
            raise refuse(f"{where} must be a key that begins with @i18n@ and has at least 9 characters")
        if not texts.has(value):
            raise refuse(f"{where}: the default locale has no text for {value}")
        return value

    def _viewers(self) -> tuple[Viewer, ...]:
        rows = self.body["viewers"]
        if not 0 < len(rows) <= MOST_VIEWERS:
            raise refuse("viewers must be 1 to 200")
        return tuple(self._viewer(row) for row in rows)

    def _viewer(self, row: Mapping[str, Any]) -> Viewer:
        kind = row.get("viewer_type", "")
        if kind == "USER":
            return Viewer(kind, person=self.find(row.get("viewer_user_id", "")))
        if kind == "DEPARTMENT":
            if not row.get("viewer_department_id"):
                raise refuse("viewer_department_id is required")
            return Viewer(kind, department=row["viewer_department_id"])
        if kind not in ("TENANT", "NONE"):
            raise refuse("viewer_type is required")
        return Viewer(kind)

    def _widgets(self, texts: Texts) -> tuple[Widget, ...]:
        try:
            items = json_text.parse(self.body["form"]["form_content"])
        except ValueError as error:
            raise refuse("form_content is not valid JSON") from error
        known = {widget.custom_id: widget for widget in self.before.widgets} if self.before else {}
        return self._widget_list(items, texts, known)

    def _widget_list(self, items: Any, texts: Texts, known: Mapping[str, Widget]) -> tuple[Widget, ...]:
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            raise refuse("form_content must be a JSON array of widgets")
        seen: set[str] = set()
        widgets = []
        for item in items:
            name = item.get("id")
            if not isinstance(name, str) or not name:
                raise refuse("a widget has no id")
            if name in seen:
                raise refuse(f"widget id {name} occurs twice")
            seen.add(name)
            widgets.append(self._widget(item, texts, known.get(name)))
        return tuple(widgets)

    def _widget(self, item: Mapping[str, Any], texts: Texts, before: Widget | None) -> Widget:
        name, kind = item["id"], item.get("type")
        if not isinstance(kind, str) or kind not in CREATABLE:
            raise refuse(f"widget {name}: type {kind} is not supported")
        if not isinstance(item.get("required"), bool):
            raise refuse(f"widget {name}: required must be given")
        label = self._key(texts, item.get("name"), f"widget {name}: name")
        value = item.get("value")
        if kind == "text":
            self._key(texts, value, f"widget {name}: value")
        children: tuple[Widget, ...] = ()
        if kind == "fieldList":
            if isinstance(value, list) and any(str(_member(child, "type")) in _NO_NESTING for child in value):
                raise refuse(f"widget {name}: a child has a type that cannot be nested")
            inside = {child.custom_id: child for child in before.children} if before else {}
            children = self._widget_list(value, texts, inside)
        return Widget(
            widget_id=before.widget_id if before else idents.widget_id(),
            custom_id=name,
            name=label,
            kind=kind,
            required=item["required"],
            printable=bool(item.get("printable", False)),
            options=self._options(item, texts, before) if kind in ("radioV2", "checkboxV2") else (),
            children=children,
            value=value,
            extra={"option": item["option"]} if isinstance(item.get("option"), dict) else None,
        )

    def _options(self, item: Mapping[str, Any], texts: Texts, before: Widget | None) -> tuple[Option, ...]:
        rows = item.get("value")
        if item.get("externalData"):
            return ()
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise refuse(f"widget {item['id']}: options are required")
        known = {option.key: option.value for option in before.options} if before else {}
        return tuple(
            Option(
                known.get(str(row.get("key"))) or idents.option_value(),
                str(row.get("key")),
                self._key(texts, row.get("text"), f"widget {item['id']}: option text"),
            )
            for row in rows
        )

    def _nodes(self, texts: Texts, widgets: Sequence[Widget]) -> tuple[Node, ...]:
        rows = self.body["node_list"]
        names = [row["id"] for row in rows]
        if len(rows) < 2 or names[0] != START or names[-1] != END:
            raise refuse("node_list must begin with START and end with END")
        if len(set(names)) != len(names) or START in names[1:-1] or END in names[1:-1]:
            raise refuse("node ids must be unique")
        known = {node.custom_id: node for node in self.before.nodes} if self.before else {}
        fields = {widget.custom_id for widget in widgets}
        return tuple(self._node(row, texts, fields, known.get(row["id"])) for row in rows)

    def _node(self, row: Mapping[str, Any], texts: Texts, fields: set[str], before: Node | None) -> Node:
        name = row["id"]
        approvers = row.get("approver", [])
        ends = name in (START, END)
        mode = "" if ends else row.get("node_type", "AND")
        self._privileges(row, fields)
        if ends and approvers:
            raise refuse(f"node {name} cannot have approvers")
        if not ends and not approvers:
            raise refuse(f"node {name} has no approver")
        if mode == SEQUENTIAL and any(approver["type"] != "Free" for approver in approvers):
            raise refuse(f"node {name}: SEQUENTIAL needs approvers of type Free")
        if row.get("name"):
            self._key(texts, row["name"], f"node {name}: name")
        return Node(
            node_id=before.node_id if before else idents.hexadecimal(),
            custom_id=name,
            key=before.key if before else f"APPROVAL_{idents.decimal(6)}_{idents.decimal(7)}",
            name=row.get("name", ""),
            mode=mode,
            free=any(approver["type"] == "Free" for approver in approvers),
            people=tuple(person for approver in approvers for person in self._fixed(approver, name)),
            several=row.get("approver_chosen_multi", False),
            ranges=tuple(self._range(item) for item in row.get("approver_chosen_range", ())),
            starter_assignee=row.get("starter_assignee", "STARTER"),
            free_copies=any(copy["type"] == "Free" for copy in row.get("ccer", ())),
        )

    def _privileges(self, row: Mapping[str, Any], fields: set[str]) -> None:
        granted = row.get("privilege_field") or {}
        for widget in (*granted.get("writable", ()), *granted.get("readable", ())):
            if widget not in fields:
                raise refuse(f"node {row['id']}: privilege_field names an unknown widget {widget}")

    def _fixed(self, approver: Mapping[str, Any], node: str) -> list[Person]:
        if approver["type"] == "Personal":
            return [self.find(approver.get("user_id", ""))]
        if approver["type"] in _HIERARCHY and not str(approver.get("level", "")).isdecimal():
            raise refuse(f"node {node}: level is required for {approver['type']}")
        return []

    def _range(self, item: Mapping[str, Any]) -> ChosenRange:
        kind, ids = item.get("type", "ALL"), item.get("id_list", ())
        if kind == "PERSONAL":
            return ChosenRange(_RANGES[kind], people=tuple(self.find(identifier) for identifier in ids))
        return ChosenRange(_RANGES[kind], roles=tuple(ids))


def _member(child: Any, name: str) -> Any:
    return child.get(name) if isinstance(child, dict) else None


_SETTINGS = frozenset({"revert_interval", "revert_option", "reject_option", "quick_approval_option"})
