"""Decisions by the official SDK: any, all, in order, transfer, added signers, send-backs."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


@pytest.fixture
def define(tenant, definition_body):
    def make(mode: str = "OR", *, settings=None, nodes: int = 1, **node):
        gate = definition_body["node_list"][1] | {"node_type": mode} | node
        gates = [gate | {"id": "stage_gate" if number == 0 else f"gate_{number}"} for number in range(nodes)]
        return tenant.definition(
            node_list=[{"id": "START"}, *gates, {"id": "END"}],
            settings=definition_body["settings"] | (settings or {}),
        )

    return make


def states(tenant, instance):
    return [(task.open_id, task.status) for task in tenant.get(instance).data.task_list]


def kinds(tenant, instance):
    return [moment.type for moment in tenant.get(instance).data.timeline]


def test_any_one_approval_ends_an_or_node(tenant, define):
    code, bob = define("OR"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code, approvers=(tenant.alice, bob))
    assert tenant.decide("approve", code, instance, bob, comment="fine").success()
    data = tenant.get(instance).data
    assert data.status == "APPROVED"
    assert states(tenant, instance) == [(tenant.alice, "DONE"), (bob, "APPROVED")]
    passed = data.timeline[-1]
    assert (passed.type, passed.comment, passed.open_id, passed.task_id) == ("PASS", "fine", bob, data.task_list[1].id)


def test_an_and_node_waits_for_everybody(tenant, define):
    code, bob = define("AND"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code, approvers=(tenant.alice, bob))
    tenant.decide("approve", code, instance, tenant.alice)
    assert (tenant.get(instance).data.status, states(tenant, instance)[1]) == ("PENDING", (bob, "PENDING"))
    tenant.decide("approve", code, instance, bob)
    assert tenant.get(instance).data.status == "APPROVED"


def test_a_sequential_node_asks_one_after_the_other_in_the_given_order(tenant, define):
    code, bob = define("SEQUENTIAL"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code, approvers=(bob, tenant.alice))
    assert states(tenant, instance) == [(bob, "PENDING")]
    tenant.decide("approve", code, instance, bob)
    assert states(tenant, instance) == [(bob, "APPROVED"), (tenant.alice, "PENDING")]
    tenant.decide("approve", code, instance, tenant.alice)
    assert tenant.get(instance).data.status == "APPROVED"


def test_a_rejection_ends_the_request_with_its_reason(tenant, define):
    code, bob = define("AND"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code, approvers=(tenant.alice, bob))
    assert tenant.decide("reject", code, instance, tenant.alice, comment="too risky").success()
    data = tenant.get(instance).data
    assert (data.status, data.timeline[-1].type, data.timeline[-1].comment) == ("REJECTED", "REJECT", "too risky")
    assert states(tenant, instance) == [(tenant.alice, "REJECTED"), (bob, "DONE")]


def test_a_transfer_hands_the_task_over(tenant, define):
    code, bob = define("OR"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code)
    assert tenant.decide("transfer", code, instance, tenant.alice, transfer_user_id=bob, comment="yours").success()
    assert states(tenant, instance) == [(tenant.alice, "TRANSFERRED"), (bob, "PENDING")]
    moment = tenant.get(instance).data.timeline[-1]
    assert (moment.type, json.loads(moment.ext)["open_id_list"]) == ("TRANSFER", [bob])
    assert tenant.decide("approve", code, instance, bob).success()
    assert tenant.get(instance).data.status == "APPROVED"


def test_only_the_tasks_own_approver_decides_and_only_once(tenant, define):
    code, bob = define("OR"), tenant.open_id("bob@example.com")
    instance = tenant.asked(code)
    task = tenant.get(instance).data.task_list[0].id

    def approve(person: str):
        body = {"approval_code": code, "instance_code": instance, "user_id": person, "task_id": task}
        return tenant.approval.task.approve(
            tenant.sdk.request("approval", "ApproveTaskRequest", body, "TaskApprove", user_id_type="open_id")
        )

    wrong = approve(bob)
    assert (wrong.code, wrong.raw.status_code) == (1390009, 403)
    assert approve(tenant.alice).code == 0
    assert approve(tenant.alice).code == 1390010


def test_two_nodes_follow_each_other(tenant, define):
    code, bob = define("OR", nodes=2), tenant.open_id("bob@example.com")
    people = [{"key": "stage_gate", "value": [tenant.alice]}, {"key": "gate_1", "value": [bob]}]
    instance = tenant.asked(code, node_approver_open_id_list=people)
    tenant.decide("approve", code, instance, tenant.alice)
    assert [task.custom_node_id for task in tenant.get(instance).data.task_list] == ["stage_gate", "gate_1"]
    tenant.decide("approve", code, instance, bob)
    assert tenant.get(instance).data.status == "APPROVED"


def test_a_rollback_asks_the_passed_node_again(tenant, define):
    code, bob = define("OR", nodes=2), tenant.open_id("bob@example.com")
    people = [{"key": "stage_gate", "value": [tenant.alice]}, {"key": "gate_1", "value": [bob]}]
    instance = tenant.asked(code, node_approver_open_id_list=people)
    tenant.decide("approve", code, instance, tenant.alice)
    data = tenant.get(instance).data
    body = {
        "user_id": bob,
        "task_id": data.task_list[1].id,
        "reason": "again",
        "task_def_key_list": [data.timeline[1].node_key],
    }
    request = tenant.sdk.request(
        "approval", "SpecifiedRollbackInstanceRequest", body, "SpecifiedRollback", user_id_type="open_id"
    )
    assert tenant.approval.instance.specified_rollback(request).success()
    assert states(tenant, instance) == [(tenant.alice, "APPROVED"), (bob, "DONE"), (tenant.alice, "PENDING")]
    assert kinds(tenant, instance)[-1] == "ROLLBACK_SELECTED"


def test_a_rejection_may_send_the_request_back_to_its_submitter(tenant, define):
    code = define("OR", settings={"reject_option": 1})
    instance = tenant.asked(code)
    tenant.decide("reject", code, instance, tenant.alice, comment="unclear")
    assert tenant.get(instance).data.status == "PENDING"
    assert states(tenant, instance)[-1] == (tenant.bot(), "PENDING")
    form = json.dumps([{"id": "change", "type": "input", "value": "#43"}])
    assert tenant.decide("resubmit", code, instance, tenant.bot(), form=form).success()
    assert states(tenant, instance)[-1] == (tenant.alice, "PENDING")
    assert json.loads(tenant.get(instance).data.form)[0]["value"] == "#43"


@pytest.mark.parametrize(("when", "kind"), [(1, "ADD_APPROVER_BEFORE"), (2, "ADD_APPROVER_AFTER"), (3, "ADD_APPROVER")])
def test_signers_are_added_before_after_and_beside(tenant, define, when, kind):
    code = define("AND")
    instance = tenant.asked(code)
    alice, bob = (
        tenant.call(lambda s, email=email: s.world.directory.by_email(email).user_id)
        for email in ("alice@example.com", "bob@example.com")
    )
    body = {
        "approval_code": code,
        "instance_code": instance,
        "user_id": alice,
        "task_id": tenant.get(instance).data.task_list[0].id,
        "add_sign_user_ids": [bob],
        "add_sign_type": when,
        "approval_method": 1,
    }
    response = tenant.raw("POST", "/open-apis/approval/v4/instances/add_sign", body=body)
    assert response.code == 0
    assert kind in kinds(tenant, instance)
    bob_open = tenant.open_id("bob@example.com")
    assert tenant.decide("approve", code, instance, bob_open).success()
    if when != 2:
        assert tenant.get(instance).data.status == "PENDING"
        tenant.decide("approve", code, instance, tenant.alice)
    assert tenant.get(instance).data.status == "APPROVED"


def test_the_submitter_as_approver_is_asked_or_passes_by_himself_as_the_node_says(tenant, define):
    asked = tenant.asked(define("OR", starter_assignee="STARTER"), open_id=tenant.alice)
    assert states(tenant, asked) == [(tenant.alice, "PENDING")]
    passed = tenant.asked(define("OR", starter_assignee="AUTO_PASS"), open_id=tenant.alice)
    assert tenant.get(passed).data.status == "APPROVED"
    assert states(tenant, passed) == [("", "APPROVED")]


def test_one_person_named_twice_has_one_task(tenant, define):
    instance = tenant.asked(define("AND"), approvers=(tenant.alice, tenant.alice))
    assert states(tenant, instance) == [(tenant.alice, "PENDING")]
    assert "REMOVE_REPEAT" in kinds(tenant, instance)


def test_tasks_are_searched_by_person_and_status(tenant, define):
    code = define("OR")
    done, waiting = tenant.asked(code), tenant.asked(code)
    tenant.decide("approve", code, done, tenant.alice)
    body = {"user_id": tenant.alice, "approval_code": code, "task_status": "PENDING"}
    request = tenant.sdk.request(
        "approval", "SearchTaskRequest", body, "TaskSearch", user_id_type="open_id", page_size=5
    )
    found = tenant.approval.task.search(request).data.task_list
    assert [(item.instance.code, item.task.status, item.task.user_id) for item in found] == [
        (waiting, "pending", tenant.alice)
    ]


def test_a_persons_own_list_has_what_is_to_do_done_and_started(tenant, define):
    code = define("OR")
    done, waiting = tenant.asked(code), tenant.asked(code)
    tenant.decide("approve", code, done, tenant.alice)

    def own(person: str, topic: str):
        request = tenant.sdk.request(
            "approval", "QueryTaskRequest", user_id=person, topic=topic, user_id_type="open_id"
        )
        return sorted(item.process_code for item in tenant.approval.task.query(request).data.tasks)

    assert own(tenant.alice, "1") == [waiting]
    assert own(tenant.alice, "2") == [done]
    assert own(tenant.bot(), "3") == sorted([done, waiting])
