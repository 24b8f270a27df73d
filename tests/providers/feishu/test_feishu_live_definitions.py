"""Which definitions requests may be made from, and why not from others."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest
from providers.feishu.feishu_double import FeishuDouble, failed, ok

from reconciler.errors import UnavailableError
from reconciler.providers.feishu.live_definitions import DefinitionBinding, LiveDefinitions
from reconciler.resources.definition import FORM
from reconciler.subjects.instance import Decision, LiveDefinition

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NODE = {
    "name": "Gate",
    "need_approver": True,
    "node_id": "7749",
    "custom_node_id": "gate-1",
    "node_type": "OR",
    "approver_chosen_multi": True,
}
START, END = {"node_id": "b078", "node_type": ""}, {"node_id": "b1a3", "node_type": ""}
WIDGETS = [
    {"id": f"widget{n}", "custom_id": w.id, "type": w.type, "name": w.id, "required": w.required}
    for n, w in enumerate(FORM)
]
MANAGED = DefinitionBinding("gate", "6CDB", Decision.ANY)


def adopted(decision: Decision = Decision.ANY, **widgets: str) -> DefinitionBinding:
    return DefinitionBinding(
        "gate", "6CDB", decision, node="7749", widgets=tuple((widgets or {"digest": "w6"}).items())
    )


def read(**changes: object) -> httpx.Response:
    body = {
        "approval_name": "Gate",
        "status": "ACTIVE",
        "form": json.dumps(WIDGETS),
        "node_list": [START, NODE, END],
        **changes,
    }
    return ok(body)


async def live(answer: httpx.Response, binding: DefinitionBinding = MANAGED) -> LiveDefinition:
    double = FeishuDouble([answer])
    definitions = LiveDefinitions(double.client().definitions, bindings=[binding], now=lambda: NOW)
    return await definitions.live("gate")


async def test_a_managed_definition_is_addressed_by_its_live_node() -> None:
    found = await live(read())
    assert (found.node_key, found.decision, found.problem, found.widgets) == ("gate-1", Decision.ANY, "", ())


async def test_the_live_decision_counts_while_a_change_is_not_applied() -> None:
    found = await live(read(node_list=[{**NODE, "node_type": "AND"}]))
    assert (found.decision, found.problem) == (Decision.ALL, "")


async def test_an_adopted_definition_maps_fields_to_its_widgets() -> None:
    form = json.dumps([{"id": "w6", "type": "input", "name": "Digest"}, {"id": "w7", "type": "radioV2"}])
    found = await live(read(form=form, node_list=[{**NODE, "custom_node_id": None}]), adopted())
    assert (found.node_key, found.problem, found.widgets) == ("7749", "", (("digest", "w6"),))


@pytest.mark.parametrize(
    ("changes", "binding", "problem"),
    [
        ({"status": "INACTIVE"}, MANAGED, "INACTIVE"),
        ({"status": "DELETED"}, MANAGED, "DELETED"),
        ({"node_list": []}, MANAGED, "no approval node"),
        ({"node_list": [{**NODE, "need_approver": False}]}, MANAGED, "no approval node"),
        ({"node_list": [NODE, {**NODE, "node_id": "2"}]}, MANAGED, "no approval node"),
        ({"node_list": [NODE, {"node_id": "2", "node_type": "AND"}]}, MANAGED, "further approval nodes"),
        ({"node_list": [{**NODE, "approver_chosen_multi": False}]}, MANAGED, "one approver only"),
        ({"node_list": [{**NODE, "require_signature": True}]}, MANAGED, "handwritten signature"),
        ({"form": "[]"}, MANAGED, "no text field for change"),
        ({"form": json.dumps([{**w, "type": "number"} for w in WIDGETS])}, MANAGED, "no text field"),
        (
            {"form": json.dumps([*WIDGETS, {"id": "w9", "type": "input", "required": True}])},
            MANAGED,
            "does not fill (w9)",
        ),
        ({}, adopted(change="change"), "no field for the digest"),
        ({}, adopted(digest="w99"), "no text field for digest"),
        ({}, adopted(Decision.ALL, digest="digest"), "combine as any"),
        ({"node_list": [{**NODE, "node_id": "1"}]}, adopted(), "no approval node"),
    ],
)
async def test_what_cannot_be_used_says_why(
    changes: dict[str, object], binding: DefinitionBinding, problem: str
) -> None:
    assert problem in (await live(read(**changes), binding)).problem


async def test_a_failed_read_is_no_answer_and_is_not_remembered() -> None:
    double = FeishuDouble([failed(1390009), read()])
    definitions = LiveDefinitions(double.client().definitions, bindings=[MANAGED], now=lambda: NOW)
    with pytest.raises(Exception, match="refuses"):
        await definitions.live("gate")
    assert (await definitions.live("gate")).problem == ""


async def test_a_form_that_is_no_json_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="form"):
        await live(read(form="{"))


async def test_widget_types_of_an_unbound_definition_are_those_of_our_form() -> None:
    definitions = LiveDefinitions(FeishuDouble([read()]).client().definitions, bindings=[], now=lambda: NOW)
    assert (await definitions.widget_types("ELSE"))["sql"] == "textarea"
