"""The API's shape as the server describes itself: methods with their bindings, messages, enumerations. Loaded once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from reconciler.sandbox.bytebase.call import Message

_CAMEL_BORDER = re.compile(r"(?<!^)(?=[A-Z])")


def snake(name: str) -> str:
    """`updateMask` → `update_mask`."""
    return _CAMEL_BORDER.sub("_", name).lower()


def camel(name: str) -> str:
    """`update_mask` → `updateMask`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field of a message. `type` without list or map marks; `presence`: set and unset can be told apart."""

    name: str
    type: str
    is_list: bool
    is_map: bool
    presence: bool
    behaviour: str
    oneof: str
    rules: Message


@dataclass(frozen=True, slots=True)
class Binding:
    """One HTTP rule: verb, path template, and which field the body is ('*' the whole request, '' none)."""

    verb: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Method:
    """One method, named `Service/Method`."""

    name: str
    request: str
    response: str
    permission: str
    authorization: str
    is_anonymous: bool
    is_audited: bool
    bindings: tuple[Binding, ...]


class Shapes:
    """All of it, by name."""

    def __init__(self, described: Message) -> None:
        self.enums: dict[str, list[str]] = described["enums"]
        self.messages: dict[str, dict[str, FieldShape]] = {
            name: {field: _field(field, about) for field, about in fields.items()}
            for name, fields in described["messages"].items()
        }
        self.methods: dict[str, Method] = {}
        for service, methods in described["services"].items():
            for name, about in methods.items():
                full = f"{service}/{name}"
                self.methods[full] = _method(full, about)

    def field(self, message: str, name: str) -> FieldShape | None:
        """A field by its lowerCamelCase or snake_case name."""
        fields = self.messages.get(message, {})
        return fields.get(name) or fields.get(camel(name))


def _field(name: str, about: Message) -> FieldShape:
    kind: str = about["type"]
    is_list = kind.endswith("[]")
    is_map = kind.startswith("map<")
    if is_list:
        kind = kind[:-2]
    if is_map:
        kind = kind[4:-1].split(",", 1)[1].strip()
    return FieldShape(
        name=name,
        type=kind,
        is_list=is_list,
        is_map=is_map,
        presence=bool(about.get("presence")),
        behaviour=about.get("behaviour", ""),
        oneof=about.get("oneof", ""),
        rules=about.get("validate", {}),
    )


def _method(full: str, about: Message) -> Method:
    bindings = tuple(Binding(rule["verb"], rule["path"], rule.get("body", "")) for rule in about.get("http", ()))
    return Method(
        name=full,
        request=about["request"],
        response=about["response"],
        permission=about.get("permission", ""),
        authorization=about.get("authorization", ""),
        is_anonymous=bool(about.get("anonymous")),
        is_audited=bool(about.get("audited")),
        bindings=bindings,
    )


@lru_cache(maxsize=1)
def shapes() -> Shapes:
    """The shapes of 3.21.1."""
    text = resources.files("reconciler.sandbox.bytebase.wire").joinpath("shapes.json").read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text)
    return Shapes(described)
