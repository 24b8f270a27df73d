"""Instances as facts, and requests as bodies: pure translation, strict where trust hangs on it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.instance_facts import instance_facts
from reconciler.providers.feishu.instance_request import create_body
from reconciler.providers.feishu.wire.instances import ReadInstance
from reconciler.subjects.instance import (
    AskedPerson,
    FieldText,
    Instance,
    InstanceRequest,
    InstanceStatus,
    NodeTaskStatus,
)

RECORDED: dict[str, object] = {
    "instance_code": "AEE54764",
    "approval_code": "6CDB63F9",
    "uuid": "1c2d",
    "status": "PENDING",
    "reverted": False,
    "start_time": "1779595200149",
    "end_time": "0",
    "open_id": "ou_bot",
    "form": json.dumps([{"id": "widget1", "custom_id": "change", "type": "input", "ext": None, "value": "#42"}]),
    "task_list": [
        {
            "id": "7164675144512831489",
            "open_id": "ou_dba",
            "status": "PENDING",
            "type": "OR",
            "node_id": "774909",
            "custom_node_id": "gate-1",
            "start_time": "1779595200310",
            "end_time": "0",
        }
    ],
    "timeline": [{"type": "START", "create_time": "1779595200149", "open_id": "ou_bot", "ext": "{}", "node_key": ""}],
}


def facts(**changes: object) -> Instance:
    return instance_facts(ReadInstance.model_validate({**RECORDED, **changes}))


def widget(
    value: object, *, custom_id: str | None = "change", type_: str = "input", id_: str = "w1"
) -> dict[str, object]:
    return {"id": id_, "custom_id": custom_id, "type": type_, "value": value}


def form_of(*widgets: dict[str, object]) -> Instance:
    return facts(form=json.dumps(widgets))


def test_the_recorded_shape_is_understood() -> None:
    instance = facts()
    assert instance.started == datetime(2026, 5, 24, 4, 0, 0, 149000, tzinfo=UTC)
    assert instance.ended is None
    assert instance.form == (("change", "#42"),)
    assert instance.tasks[0].status is NodeTaskStatus.PENDING
    assert (instance.tasks[0].id, instance.tasks[0].ended) == ("7164675144512831489", None)


def test_a_word_not_heard_of_is_unknown_and_no_guess() -> None:
    assert facts(status="PAUSED").status is InstanceStatus.UNKNOWN
    assert facts(status="REVERTED").status is InstanceStatus.UNKNOWN
    tasks = [{"id": "1", "open_id": "ou_a", "status": "ROLLBACK"}]
    assert facts(task_list=tasks).tasks[0].status is NodeTaskStatus.UNKNOWN


def test_a_revoked_approval_is_cancelled_and_reverted() -> None:
    instance = facts(status="CANCELED", reverted=True)
    assert (instance.status, instance.is_reverted) == (InstanceStatus.CANCELED, True)


@pytest.mark.parametrize(
    "task", [{"type": "AUTO_PASS", "open_id": "ou_a"}, {"type": "OR", "open_id": ""}, {"type": "OR", "open_id": None}]
)
def test_a_task_of_nobody_is_automatic(task: dict[str, object]) -> None:
    assert facts(task_list=[{"id": "1", "status": "APPROVED", **task}]).tasks[0].is_automatic


@pytest.mark.parametrize("kind", ["AUTO_PASS", "AUTO_REJECT", "REMOVE_REPEAT"])
def test_a_pass_that_the_timeline_calls_automatic_is_nobodys(kind: str) -> None:
    tasks = [{"id": "1", "open_id": "ou_a", "type": "OR", "status": "APPROVED"}]
    instance = facts(task_list=tasks, timeline=[{"type": kind, "task_id": "1", "create_time": "1779595200149"}])
    assert instance.tasks[0].is_automatic
    by_hand = facts(task_list=tasks, timeline=[{"type": "PASS", "task_id": "1", "create_time": "1779595200149"}])
    assert not by_hand.tasks[0].is_automatic


def test_ids_and_times_may_be_numbers() -> None:
    instance = facts(start_time=1779595200149, task_list=[{"id": 71, "status": "DONE", "end_time": 1779595201000}])
    assert instance.tasks[0].id == "71"
    assert instance.tasks[0].ended == datetime(2026, 5, 24, 4, 0, 1, tzinfo=UTC)


def test_null_lists_are_empty() -> None:
    instance = facts(task_list=None, timeline=None, form=None)
    assert (instance.tasks, instance.timeline, instance.form) == ((), (), ())


@pytest.mark.parametrize("start", ["0", ""])
def test_an_instance_without_a_start_is_nonsense(start: object) -> None:
    with pytest.raises(UnavailableError):
        facts(start_time=start)


def test_our_ids_are_found_and_the_systems_serve_without_them() -> None:
    assert form_of(widget("a"), widget("b", custom_id="", id_="w2")).form == (("change", "a"), ("w2", "b"))


def test_unfilled_widgets_of_any_type_are_left_out() -> None:
    instance = form_of(
        widget("a"), widget(None, custom_id="n", type_="number"), widget([], custom_id="r", type_="image")
    )
    assert (instance.form, instance.foreign_form) == ((("change", "a"),), False)


@pytest.mark.parametrize(
    "form",
    [
        json.dumps([widget("a"), widget("b")]),  # the same id twice
        json.dumps([widget(5)]),
        json.dumps([widget({"x": 1})]),
        json.dumps([widget("a", type_="radioV2")]),
        json.dumps([widget("a", custom_id="", id_="")]),
        json.dumps({"a": 1}),
        json.dumps(["a"]),
        "no json",
        "[" * 100_000,
    ],
)
def test_a_form_that_ours_cannot_be_is_foreign(form: str) -> None:
    instance = facts(form=form)
    assert (instance.foreign_form, instance.form) == (True, ())


REQUEST = InstanceRequest(
    uuid="u-1",
    definition_code="6CDB",
    node_key="gate-1",
    submitter="ou_bot",
    approvers=(AskedPerson("a@x.example", "ou_a"), AskedPerson("b@x.example", "ou_b")),
    title=FieldText("title", (("en-US", "Prod"), ("zh-CN", "生产"))),
    form=(
        FieldText("change", (("en-US", "Add"), ("zh-CN", "新增"))),
        FieldText("sql", (("en-US", "SELECT 1"), ("zh-CN", "SELECT 1"))),
        FieldText("digest", (("en-US", "d"),)),
    ),
)


def test_a_request_becomes_a_body_in_both_languages() -> None:
    body = create_body(REQUEST, widget_types={"sql": "textarea"})
    assert json.loads(body.form) == [
        {"id": "change", "type": "input", "value": "@i18n@field_change"},
        {"id": "sql", "type": "textarea", "value": "SELECT 1"},
        {"id": "digest", "type": "input", "value": "d"},
    ]
    assert [(each.key, each.value) for each in body.node_approver_open_id_list] == [("gate-1", ["ou_a", "ou_b"])]
    assert body.i18n_resources is not None
    texts = {resource.locale: {text.key: text.value for text in resource.texts} for resource in body.i18n_resources}
    assert texts == {
        "en-US": {body.title: "Prod", "@i18n@field_change": "Add"},
        "zh-CN": {body.title: "生产", "@i18n@field_change": "新增"},
    }
    assert [resource.is_default for resource in body.i18n_resources] == [True, False]


def test_nothing_can_be_submitted_again_or_made_unwithdrawable() -> None:
    body = create_body(REQUEST, widget_types={})
    assert (body.allow_resubmit, body.allow_submit_again, body.forbid_revoke) == (False, False, False)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_text_arrives_as_it_is(text: str) -> None:
    field = FieldText("change", (("en-US", text), ("zh-CN", text)))
    body = create_body(replace(REQUEST, form=(field,)), widget_types={})
    value = json.loads(body.form)[0]["value"]
    assert body.i18n_resources is not None
    texts = {each.key: each.value for each in body.i18n_resources[0].texts}
    assert texts.get(value, value) == text
    assert json.loads(body.encoded())["form"] == body.form


def test_an_empty_field_is_not_sent() -> None:
    empty = FieldText("sql", (("en-US", ""), ("zh-CN", "")))
    body = create_body(replace(REQUEST, form=(empty,)), widget_types={})
    assert json.loads(body.form) == []
