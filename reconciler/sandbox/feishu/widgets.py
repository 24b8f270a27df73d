"""Form widgets: what a definition may hold, and which values a request may put in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.sandbox.feishu import json_text

CREATABLE = frozenset(
    {
        "input",
        "textarea",
        "number",
        "amount",
        "radioV2",
        "checkboxV2",
        "date",
        "dateInterval",
        "contact",
        "connect",
        "attachmentV2",
        "image",
        "address",
        "telephone",
        "fieldList",
        "text",
    }
)
"""Widget types the definition call accepts."""

NOT_IN_REQUESTS = frozenset({"text"})
"""Of those, types that keep a definition from being started by API."""


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a radio or checkbox: `value` is the platform's, `key` the author's."""

    value: str
    key: str
    text_key: str


@dataclass(frozen=True, slots=True)
class Widget:
    """One widget of a definition; `name` is a text key, `extra` the keys that are only read back."""

    widget_id: str
    custom_id: str
    name: str
    kind: str
    required: bool
    printable: bool
    options: tuple[Option, ...] = ()
    children: tuple[Widget, ...] = ()
    value: Any = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FormValue:
    """One widget's value in a request; `beside` holds its siblings such as `currency` and `open_ids`."""

    widget: Widget
    value: Any
    beside: Mapping[str, Any]


class BadFormError(ValueError):
    """A form that the platform refuses; the message is the platform's reason."""


def read_form(text: str, widgets: Sequence[Widget]) -> list[FormValue]:
    """The values of a request's `form`, in the definition's order; ids may be system or custom ones."""
    try:
        items = json_text.parse(text)
    except ValueError as error:
        raise BadFormError("form is not valid JSON") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadFormError("form must be a JSON array of widgets")
    known = {name: widget for widget in widgets for name in (widget.custom_id, widget.widget_id) if name}
    values: dict[str, FormValue] = {}
    for item in items:
        widget = known.get(str(item.get("id", "")))
        if widget is None:
            raise BadFormError(f"widget not found. widget={item.get('id', '')}")
        if widget.widget_id in values:
            raise BadFormError(f"widget occurs twice. widget={item['id']}")
        values[widget.widget_id] = _form_value(widget, item)
    return [values[widget.widget_id] for widget in widgets if widget.widget_id in values]


def unsupported(widgets: Sequence[Widget]) -> Widget | None:
    """The first widget that keeps requests of this definition from being made by API."""
    return next((widget for widget in widgets if widget.kind in NOT_IN_REQUESTS), None)


def _form_value(widget: Widget, item: Mapping[str, Any]) -> FormValue:
    given = item.get("type")
    if given is not None and given != widget.kind:
        raise BadFormError(f"widget type does not match the definition. widget={item['id']}")
    value = item.get("value")
    if value is None or value in ("", []) or not _CHECKS[widget.kind](widget, value):
        raise BadFormError(f"widget value illegal or empty. widget={item['id']}")
    beside = {key: item[key] for key in ("currency", "open_ids") if key in item}
    return FormValue(widget, value, beside)


def _text(_: Widget, value: Any) -> bool:
    return isinstance(value, str)


def _number(_: Widget, value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _choice(widget: Widget, value: Any) -> bool:
    return isinstance(value, str) and (not widget.options or value in {option.value for option in widget.options})


def _choices(widget: Widget, value: Any) -> bool:
    return isinstance(value, list) and all(_choice(widget, item) for item in value)


def _moment(_: Widget, value: Any) -> bool:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\dT", value):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _interval(widget: Widget, value: Any) -> bool:
    return isinstance(value, dict) and all(_moment(widget, value.get(end)) for end in ("start", "end"))


def _strings(_: Widget, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _objects(_: Widget, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _phone(_: Widget, value: Any) -> bool:
    return isinstance(value, dict) and {"countryCode", "nationalNumber"} <= value.keys()


def _rows(widget: Widget, value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return False
    for row in value:
        read_form(json.dumps(row), widget.children)
    return True


_CHECKS: dict[str, Callable[[Widget, Any], bool]] = {
    "input": _text,
    "textarea": _text,
    "number": _number,
    "amount": _number,
    "radioV2": _choice,
    "checkboxV2": _choices,
    "date": _moment,
    "dateInterval": _interval,
    "contact": _strings,
    "connect": _strings,
    "attachmentV2": _strings,
    "image": _strings,
    "address": _objects,
    "telephone": _phone,
    "fieldList": _rows,
}
