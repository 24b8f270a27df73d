"""Definitions as the official SDK writes and reads them."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


def read(tenant, code, **query):
    return tenant.approval.approval.get(
        tenant.sdk.request("approval", "GetApprovalRequest", approval_code=code, **query)
    )


def test_a_definition_is_created_with_a_code_and_a_decimal_id(tenant):
    response = tenant.define()
    assert response.success()
    assert response.code == 0
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", response.data.approval_code)
    assert re.fullmatch(r"\d{19}", response.data.approval_id)
    assert response.get_log_id()


def test_widget_and_node_ids_are_rewritten_and_ours_come_back_as_custom_ids(tenant):
    data = read(tenant, tenant.definition()).data
    widgets = json.loads(data.form)
    assert [widget["custom_id"] for widget in widgets] == ["change", "sql"]
    assert all(re.fullmatch(r"widget\d{17}", widget["id"]) for widget in widgets)
    gate = next(node for node in data.node_list if node.need_approver)
    assert (gate.custom_node_id, gate.node_type, gate.approver_chosen_multi) == ("stage_gate", "OR", True)
    assert re.fullmatch(r"[0-9a-f]{32}", gate.node_id)
    assert gate.approver_chosen_range[0].approver_range_type == 0


@pytest.mark.parametrize(
    ("locale", "name"),
    [(None, "Database change"), ("en-US", "Database change"), ("zh-CN", "数据库变更"), ("ja-JP", "Database change")],
)
def test_a_definition_reads_in_the_language_asked_for(tenant, locale, name):
    query = {"locale": locale} if locale else {}
    assert read(tenant, tenant.definition(), **query).data.approval_name == name


def test_texts_missing_in_a_language_fall_back_to_the_default(tenant):
    widgets = json.loads(read(tenant, tenant.definition(), locale="zh-CN").data.form)
    assert [widget["name"] for widget in widgets] == ["变更", "SQL"]


def test_writing_with_a_code_overwrites_and_keeps_ids(tenant, definition_body):
    code = tenant.definition()
    before = read(tenant, code).data
    changed = json.loads(json.dumps(definition_body))
    changed["i18n_resources"][0]["texts"][0]["value"] = "Another name"
    again = tenant.define(approval_code=code.lower(), i18n_resources=changed["i18n_resources"])
    after = read(tenant, code).data
    assert again.data.approval_code == code
    assert after.approval_name == "Another name"
    assert [node.node_id for node in after.node_list] == [node.node_id for node in before.node_list]
    assert json.loads(after.form)[0]["id"] == json.loads(before.form)[0]["id"]


def test_an_empty_code_creates(tenant):
    assert tenant.define(approval_code="").success()


def test_overwriting_an_unknown_code_is_1390002(tenant):
    assert tenant.define(approval_code="6CDB63F9-0000-4000-8000-000000000000").code == 1390002


def test_reading_an_unknown_code_is_1390002(tenant):
    assert read(tenant, "6CDB63F9-0000-4000-8000-000000000000").code == 1390002


@pytest.mark.parametrize(
    "changes",
    [
        {"approval_name": "plain text"},
        {"approval_name": "@i18n@ab"},
        {"approval_name": "@i18n@nowhere"},
        {"node_list": [{"id": "gate", "approver": [{"type": "Free"}]}, {"id": "END"}]},
        {"viewers": [{"viewer_type": "NONE"}] * 201},
        {"form": {"form_content": "[{"}},
        {
            "form": {
                "form_content": json.dumps([{"id": "a", "type": "hologram", "name": "@i18n@f_sql", "required": True}])
            }
        },
        {
            "form": {
                "form_content": json.dumps([{"id": "a", "type": "input", "name": "@i18n@f_sql", "required": True}] * 2)
            }
        },
    ],
    ids=["no key", "short key", "key without text", "no START", "viewers", "form JSON", "widget type", "widget twice"],
)
def test_a_wrong_definition_is_1390001(tenant, changes):
    assert tenant.define(**changes).code == 1390001


def test_sequential_needs_free_approvers(tenant, definition_body):
    nodes = json.loads(json.dumps(definition_body["node_list"]))
    nodes[1] |= {"node_type": "SEQUENTIAL", "approver": [{"type": "Personal", "user_id": tenant.alice}]}
    assert tenant.define(node_list=nodes).code == 1390001


def test_a_missing_member_is_a_field_violation(tenant, definition_body):
    body = {key: value for key, value in definition_body.items() if key != "node_list"}
    response = tenant.raw("POST", "/open-apis/approval/v4/approvals", body=body)
    assert response.code == 99992402
    assert tenant.content(response)["error"]["field_violations"][0]["field"] == "node_list"


def test_subscribing_twice_is_1390007_and_so_is_unsubscribing_twice(tenant):
    code = tenant.definition()
    calls = tenant.approval.approval
    subscribe = tenant.sdk.request("approval", "SubscribeApprovalRequest", approval_code=code)
    unsubscribe = tenant.sdk.request("approval", "UnsubscribeApprovalRequest", approval_code=code)
    answers = [
        call.code
        for call in (
            calls.subscribe(subscribe),
            calls.subscribe(subscribe),
            calls.unsubscribe(unsubscribe),
            calls.unsubscribe(unsubscribe),
        )
    ]
    assert answers == [0, 1390007, 0, 1390007]


def test_a_disabled_definition_reads_inactive_and_starts_nothing(tenant):
    code = tenant.definition()
    tenant.call(lambda standin: standin.actions.disable_definition(code))
    assert read(tenant, code).data.status == "INACTIVE"
    assert tenant.ask(code).code == 1390015


def test_a_deleted_definition_is_1390016(tenant):
    code = tenant.definition()
    tenant.call(lambda standin: standin.actions.delete_definition(code))
    assert read(tenant, code).code == 1390016


def test_option_values_are_the_platforms_and_requests_must_use_them(tenant, definition_body):
    options = [{"key": "low", "text": "@i18n@f_sql"}, {"key": "high", "text": "@i18n@f_change"}]
    form = [{"id": "risk", "type": "radioV2", "name": "@i18n@f_change", "required": True, "value": options}]
    code = tenant.definition(form={"form_content": json.dumps(form)})
    read_back = json.loads(read(tenant, code).data.form)[0]["option"]
    assert [option["text"] for option in read_back] == ["SQL", "Change"]
    by_key = tenant.ask(code, form=json.dumps([{"id": "risk", "type": "radioV2", "value": "low"}]))
    by_value = tenant.ask(code, form=json.dumps([{"id": "risk", "type": "radioV2", "value": read_back[0]["value"]}]))
    assert (by_key.code, by_value.code) == (1390001, 0)
