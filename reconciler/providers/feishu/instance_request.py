"""A request as the body that creates its instance: texts in both languages under our own keys. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.providers.feishu.definitions import DEFAULT_LOCALE, LOCALES
from reconciler.providers.feishu.wire.definitions import I18nResource, I18nText
from reconciler.providers.feishu.wire.instances import CreateInstanceBody, NodeApprovers
from reconciler.subjects.instance import TEXT_KEY_PREFIX, FieldText, InstanceRequest

_TITLE_KEY = f"{TEXT_KEY_PREFIX}request_title"


def create_body(request: InstanceRequest, *, widget_types: Mapping[str, str]) -> CreateInstanceBody:
    """The body for a request. A text that is the same in every language is sent as it is, others under their key.

    `widget_types` gives the type of each widget id; a single line is assumed where it is silent.
    """
    texts: dict[str, FieldText] = {_TITLE_KEY: request.title}
    widgets = []
    for field in request.form:
        value = field.text(DEFAULT_LOCALE)
        if field.goes_under_its_key:
            texts[field.text_key] = field
            value = field.text_key
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
