"""Approval definitions: what is sent for a managed one, and what any looks like when read back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.wire.definitions import (
    Config,
    DefinitionBody,
    Form,
    I18nResource,
    I18nText,
    Node,
    ReadDefinition,
    ReadNode,
    ReadWidget,
    Settings,
    Viewer,
)
from reconciler.resources.adopted_definition import TEXT, AdoptedDefinition
from reconciler.resources.definition import (
    ABOUT,
    NODE_NAMES,
    NODE_TYPES,
    SAFE_CONFIG,
    SAFE_NODE,
    SAFE_SETTINGS,
    Decision,
    Definition,
    Widget,
)

EN, ZH = "en-US", "zh-CN"
LOCALES = (EN, ZH)
DEFAULT_LOCALE = EN
"""The language Feishu falls back to for people who use neither."""

TEXT_WIDGETS = frozenset({"input", "textarea"})
"""Widget types a field of ours can be written into."""

_NAME, _ABOUT, _NODE = "@i18n@definition_name", "@i18n@definition_about", "@i18n@node_approval"


def definition_body(definition: Definition) -> DefinitionBody:
    """The whole definition as it is sent: with a code it overwrites that one, without it creates one for ever.

    Everything that decides safety comes from the resource's safety settings (facts §2.2): nobody starts it by hand, a
    submitter who is asked decides himself, a rejection ends it, and an approval cannot be revoked afterwards.
    """
    return DefinitionBody(
        approval_name=_NAME,
        approval_code=definition.code or None,
        description=_ABOUT,
        viewers=[Viewer.model_validate({"viewer_type": definition.viewers})],
        form=Form(form_content=_form_content(definition.form)),
        node_list=[Node(id="START"), _approval_node(definition), Node(id="END")],
        settings=Settings.model_validate(SAFE_SETTINGS),
        config=Config.model_validate(SAFE_CONFIG),
        i18n_resources=[_texts(locale, definition) for locale in LOCALES],
    )


def _approval_node(definition: Definition) -> Node:
    node_types = {str(decision): node_type for decision, node_type in NODE_TYPES.items()}
    return Node.model_validate(
        {
            "id": definition.stamp,
            "name": _NODE,
            "node_type": node_types[definition.decision],
            "approver": [{"type": "Free"}],
            **SAFE_NODE,
        }
    )


def _form_content(form: Sequence[Widget]) -> str:
    widgets = [
        {"id": widget.id, "type": widget.type, "name": _label_key(widget.id), "required": widget.required}
        for widget in form
    ]
    return json.dumps(widgets, separators=(",", ":"))


def _label_key(widget_id: str) -> str:
    return f"@i18n@label_{widget_id}"


def _texts(locale: str, definition: Definition) -> I18nResource:
    texts = {_NAME: definition.title, _ABOUT: ABOUT, _NODE: NODE_NAMES}
    texts |= {_label_key(widget.id): widget.labels for widget in definition.form}
    return I18nResource(
        locale=locale,
        is_default=locale == DEFAULT_LOCALE,
        texts=[I18nText(key=key, value=_in(locale, languages)) for key, languages in texts.items()],
    )


def _in(locale: str, languages: Sequence[tuple[str, str]]) -> str:
    """The text in that language, or in the first that has one."""
    texts = dict(languages)
    return texts.get(locale) or next((text for text in texts.values() if text), "")


@dataclass(frozen=True, slots=True)
class ObservedWidget:
    """A widget as read back: our id (the system's where there is none of ours), type, and its name by language."""

    custom_id: str
    type: str
    required: bool
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ObservedNode:
    """A node that asks somebody: both its ids, its type, whether approvers are named per instance and may be several."""

    custom_id: str
    id: str
    type: str
    is_free: bool
    takes_several: bool
    needs_signature: bool

    @property
    def key(self) -> str:
        """What a request addresses the node by."""
        return self.custom_id or self.id

    @property
    def decision(self) -> Decision | None:
        """How its approvers combine; None for a type this project cannot use."""
        return next((decision for decision in get_args(Decision) if NODE_TYPES[decision] == self.type), None)


@dataclass(frozen=True, slots=True)
class ObservedDefinition:
    """The readable half of a definition, its texts by language. Viewers are their types, sorted."""

    code: str
    status: str
    title: tuple[tuple[str, str], ...]
    nodes: tuple[ObservedNode, ...]
    widgets: tuple[ObservedWidget, ...]
    viewers: tuple[str, ...]

    @property
    def is_active(self) -> bool:
        """Whether instances can be created from it."""
        return self.status == "ACTIVE"

    @property
    def free_node(self) -> ObservedNode | None:
        """The node whose approvers a request names, where there is exactly one."""
        free = [node for node in self.nodes if node.is_free]
        return free[0] if len(free) == 1 else None

    def node(self, key: str) -> ObservedNode | None:
        """The node with that custom or system id."""
        return next((node for node in self.nodes if key in (node.custom_id, node.id)), None)

    def widget(self, key: str) -> ObservedWidget | None:
        """The widget with that id."""
        return next((widget for widget in self.widgets if widget.custom_id == key), None)


def read_definition(code: str, *, en: ReadDefinition, zh: ReadDefinition) -> ObservedDefinition:
    """Project what was read in both languages. UnavailableError when the form cannot be understood."""
    chinese = {_key(widget): widget.name for widget in _widgets(code, zh)}
    return ObservedDefinition(
        code=code,
        status=en.status,
        title=((EN, en.approval_name), (ZH, zh.approval_name)),
        nodes=tuple(_node(node) for node in en.node_list if _asks(node)),
        widgets=tuple(
            ObservedWidget(
                custom_id=_key(widget),
                type=widget.type,
                required=widget.required,
                names=((EN, widget.name), (ZH, chinese.get(_key(widget), ""))),
            )
            for widget in _widgets(code, en)
        ),
        viewers=tuple(sorted(viewer.type for viewer in en.viewers)),
    )


def managed_resource(observed: ObservedDefinition, *, spec_name: str, integration: str) -> Definition:
    """The definition as the observed side of a managed one; what differs from a managed shape shows as a difference."""
    node = observed.free_node or ObservedNode("", "", "", is_free=False, takes_several=False, needs_signature=False)
    return Definition(
        spec_name=spec_name,
        integration=integration,
        title=observed.title,
        decision=node.decision or node.type,
        code=observed.code,
        form=tuple(Widget(widget.custom_id, widget.type, widget.required, widget.names) for widget in observed.widgets),
        viewers=",".join(observed.viewers),
        stamp=node.custom_id or "none",
        safety_settings=None,
    )


def adopted_resource(
    observed: ObservedDefinition, *, spec_name: str, node: str, widgets: Mapping[str, str]
) -> AdoptedDefinition:
    """The definition as the observed side of an adopted one: what each mapped widget is (`text`, its type, or nothing)."""
    found = observed.node(node)
    form = []
    for ours, theirs in sorted(widgets.items()):
        widget = observed.widget(theirs)
        form.append((ours, "" if widget is None else TEXT if widget.type in TEXT_WIDGETS else widget.type))
    return AdoptedDefinition(
        spec_name=spec_name,
        code=observed.code,
        node=found.key if found is not None and found.is_free else "",
        widgets=tuple(sorted(widgets.items())),
        decision=(found.decision or found.type) if found is not None else "",
        form=tuple(form),
    )


def _asks(node: ReadNode) -> bool:
    return node.need_approver or node.node_type in NODE_TYPES.values()


def _node(node: ReadNode) -> ObservedNode:
    return ObservedNode(
        custom_id=node.custom_node_id,
        id=node.node_id,
        type=node.node_type or "AND",  # omitted means all
        is_free=node.need_approver,
        takes_several=node.approver_chosen_multi,
        needs_signature=node.require_signature,
    )


def _widgets(code: str, definition: ReadDefinition) -> Sequence[ReadWidget]:
    try:
        return [ReadWidget.model_validate(widget) for widget in json.loads(definition.form or "[]")]
    except (ValueError, TypeError, RecursionError):
        raise UnavailableError(
            "the form of an approval definition cannot be read", where=code, next_step="open it in Feishu's console"
        ) from None


def _key(widget: ReadWidget) -> str:
    return widget.custom_id or widget.id
