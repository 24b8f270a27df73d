"""A request as the body that creates its instance: texts in both languages under our own keys. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.providers.feishu.definitions import DEFAULT_LOCALE, LOCALES
from reconciler.providers.feishu.wire.definitions import I18nResource, I18nText
from reconciler.providers.feishu.wire.instances import CreateInstanceBody, NodeApprovers
from reconciler.subjects.instance import FieldText, InstanceRequest

_KEY_PREFIX = "@i18n@"
_TITLE_KEY = f"{_KEY_PREFIX}request_title"


def field_key(field_id: str) -> str:
    """The key a field's texts are sent under where they differ by language; Feishu should never show it."""
    return f"{_KEY_PREFIX}field_{field_id}"


def create_body(request: InstanceRequest, *, widget_types: Mapping[str, str]) -> CreateInstanceBody:
    """The body for a request. A text that is the same in every language is sent as it is, others under `field_key`.

    `widget_types` gives the type of each widget id; a single line is assumed where it is silent.
    """
    texts: dict[str, FieldText] = {_TITLE_KEY: request.title}
    widgets = []
    for field in request.form:
        value = field.text(DEFAULT_LOCALE)
        # What looks like a key is put under one of ours, or Feishu would look it up.
        if len({field.text(locale) for locale in LOCALES}) > 1 or value.startswith(_KEY_PREFIX):
            texts[field_key(field.id)] = field
            value = field_key(field.id)
        if value:
            widgets.append({"id": field.id, "type": widget_types.get(field.id, "input"), "value": value})
    return CreateInstanceBody(
        approval_code=request.definition_code,
        open_id=request.submitter,
        form=json.dumps(widgets, ensure_ascii=False, separators=(",", ":")),
        node_approver_open_id_list=[
            NodeApprovers(key=request.node_key, value=[person.open_id for person in request.approvers])
        ],
        uuid=request.uuid,
        title=_TITLE_KEY,
        title_display_method=0,
        i18n_resources=[
            I18nResource(
                locale=locale,
                is_default=locale == DEFAULT_LOCALE,
                texts=[I18nText(key=key, value=field.text(locale)) for key, field in texts.items()],
            )
            for locale in LOCALES
        ],
    )
