"""The state machine of requests and the order in which its changes become events."""

from __future__ import annotations

import json

import pytest


def heard(desk, since: int = 0) -> list[str]:
    """Statuses in order, instance events in capitals as they are, task events in lower case."""
    return [status if kind == "approval_instance" else status.lower() for _, kind, status in desk.posted[since:]]


async def test_creation_says_the_instance_then_its_tasks(desk):
    bob = desk.open_id("bob@example.com")
    await desk.asked(await desk.definition(subscribe=True), desk.alice, bob)
    assert heard(desk) == ["PENDING", "pending", "pending"]


async def test_an_or_node_says_approved_then_done_then_the_end(desk):
    bob = desk.open_id("bob@example.com")
    instance = await desk.asked(await desk.definition(subscribe=True), desk.alice, bob)
    since = len(desk.posted)
    desk.actions.approve(instance, "bob@example.com")
    assert heard(desk, since) == ["approved", "done", "APPROVED"]


async def test_an_and_node_announces_who_is_still_missing(desk):
    bob = desk.open_id("bob@example.com")
    instance = await desk.asked(await desk.definition("AND", subscribe=True), desk.alice, bob)
    since = len(desk.posted)
    desk.actions.approve(instance, "bob@example.com")
    assert heard(desk, since) == ["approved", "pending"]
    desk.actions.approve(instance, "alice@example.com")
    assert heard(desk, since)[2:] == ["approved", "APPROVED"]


async def test_a_rejection_says_rejected_then_done_then_the_end(desk):
    bob = desk.open_id("bob@example.com")
    instance = await desk.asked(await desk.definition("AND", subscribe=True), desk.alice, bob)
    since = len(desk.posted)
    desk.actions.reject(instance, "alice@example.com", "no")
    assert heard(desk, since) == ["rejected", "done", "REJECTED"]


async def test_a_transfer_says_transferred_then_pending(desk):
    instance = await desk.asked(await desk.definition(subscribe=True))
    since = len(desk.posted)
    desk.actions.transfer(instance, "alice@example.com", "bob@example.com")
    assert heard(desk, since) == ["transferred", "pending"]


async def test_a_withdrawal_says_done_then_canceled(desk):
    instance = await desk.asked(await desk.definition(subscribe=True))
    since = len(desk.posted)
    desk.actions.withdraw(instance)
    assert heard(desk, since) == ["done", "CANCELED"]


async def test_a_disabled_definition_says_done_then_deleted_for_what_was_pending(desk):
    code = await desk.definition(subscribe=True)
    decided, pending = await desk.asked(code), await desk.asked(code)
    desk.actions.approve(decided, "alice@example.com")
    since = len(desk.posted)
    desk.actions.disable_definition(code)
    assert heard(desk, since) == ["done", "DELETED"]
    assert (await desk.read(pending))["status"] == "DELETED"
    assert (await desk.read(decided))["status"] == "APPROVED"
    desk.actions.enable_definition(code)
    assert (await desk.ask(code))["code"] == 0


async def test_a_revoked_approval_reads_cancelled_and_its_event_has_a_number_for_its_time(desk):
    bodies = []
    post = desk.world.delivery.post
    desk.world.delivery.post = lambda event: bodies.append(event.body["event"]) or post(event)
    instance = await desk.asked(await desk.definition(subscribe=True))
    desk.actions.approve(instance, "alice@example.com")
    desk.actions.revoke(instance)
    assert [
        (body["status"], type(body["operate_time"]).__name__) for body in bodies if body["type"] == "approval_instance"
    ] == [
        ("PENDING", "str"),
        ("APPROVED", "str"),
        ("REVERTED", "int"),
    ]
    read = await desk.read(instance)
    assert (read["status"], read["reverted"]) == ("CANCELED", True)


async def test_events_need_subscription_configuration_release_and_scope(make_desk):
    quiet = await make_desk(events=["approval_task"])
    await quiet.asked(await quiet.definition(subscribe=True))
    assert heard(quiet) == ["pending"]
    unsubscribed = await make_desk()
    await unsubscribed.asked(await unsubscribed.definition())
    assert heard(unsubscribed) == []
    desk = await make_desk(scopes=["approval:definition", "approval:instance"])
    await desk.asked(await desk.definition(subscribe=True))
    assert heard(desk) == []


async def test_each_subscribed_app_hears_of_it_under_its_own_names(desk):
    code = await desk.definition(subscribe=True)
    await desk.log_in("cli_two", "two")
    await desk.post(f"/approval/v4/approvals/{code}/subscribe")
    await desk.log_in()
    bodies = []
    post = desk.world.delivery.post
    desk.world.delivery.post = lambda event: bodies.append(event.body["event"]) or post(event)
    await desk.asked(code)
    tasks = {body["app_id"]: body["open_id"] for body in bodies if body["type"] == "approval_task"}
    assert tasks == {"cli_one": desk.alice, "cli_two": desk.open_id("alice@example.com", "cli_two")}


async def test_an_automatic_pass_names_nobody(desk):
    instance = await desk.asked(await desk.definition(subscribe=True))
    desk.actions.auto_pass(instance)
    read = await desk.read(instance)
    assert read["status"] == "APPROVED"
    assert [(task["type"], task["status"], task["open_id"]) for task in read["task_list"]] == [
        ("OR", "DONE", desk.alice),
        ("AUTO_PASS", "APPROVED", ""),
    ]


@pytest.mark.parametrize(("when", "order"), [(1, ["bob", "alice"]), (2, ["bob"]), (3, ["alice", "bob"])])
async def test_added_signers_decide_before_after_or_beside(desk, when, order):
    instance = await desk.asked(await desk.definition("AND"))
    desk.actions.add_sign(instance, "alice@example.com", ["bob@example.com"], when=when)
    for name in order:
        assert desk.actions.instance(instance).status == "PENDING"
        desk.actions.approve(instance, f"{name}@example.com")
    assert desk.actions.instance(instance).status == "APPROVED"


async def test_all_added_signers_are_needed_when_asked_so(desk):
    instance = await desk.asked(await desk.definition())
    added = ["bob@example.com", "carol@example.com"]
    desk.actions.add_sign(instance, "alice@example.com", added, when=2, need_all=True)
    desk.actions.approve(instance, "bob@example.com")
    assert desk.actions.instance(instance).status == "PENDING"
    desk.actions.approve(instance, "carol@example.com")
    assert desk.actions.instance(instance).status == "APPROVED"


async def test_a_running_request_keeps_the_version_it_was_started_with(desk, body_of):
    code = await desk.definition()
    instance = await desk.asked(code)
    changed = body_of("AND", approval_code=code)
    changed["i18n_resources"][0]["texts"][0]["value"] = "Renamed"
    assert (await desk.post("/approval/v4/approvals", changed))["code"] == 0
    assert (await desk.read(instance))["approval_name"] == "Change"
    assert (await desk.read(await desk.asked(code)))["approval_name"] == "Renamed"


async def test_someone_who_left_cannot_decide_and_keeps_the_task(desk):
    code = await desk.definition()
    instance = await desk.asked(code)
    desk.actions.resign("alice@example.com")
    task = (await desk.read(instance))["task_list"][0]
    body = {"approval_code": code, "instance_code": instance, "user_id": desk.alice, "task_id": task["id"]}
    assert (await desk.post("/approval/v4/tasks/approve", body))["code"] == 1390004
    assert task["status"] == "PENDING"
    assert (await desk.ask(code))["code"] == 1390004


async def test_a_submitter_who_left_cannot_withdraw(desk):
    code = await desk.definition()
    bob = desk.open_id("bob@example.com")
    instance = await desk.asked(code, open_id=bob)
    desk.actions.resign("bob@example.com")
    body = {"approval_code": code, "instance_code": instance, "user_id": bob}
    assert (await desk.post("/approval/v4/instances/cancel", body))["code"] == 1390004


async def test_withdrawal_ends_with_the_first_approval_where_the_definition_says_so(desk):
    bob = desk.open_id("bob@example.com")
    code = await desk.definition("AND", settings={"revert_option": 0})
    instance = await desk.asked(code, desk.alice, bob)
    desk.actions.approve(instance, "alice@example.com")
    body = {"approval_code": code, "instance_code": instance, "user_id": desk.bot()}
    assert (await desk.post("/approval/v4/instances/cancel", body))["code"] == 1390001


async def test_an_approval_can_be_revoked_only_within_its_interval(desk):
    code = await desk.definition(settings={"revert_interval": 3600})
    instance = await desk.asked(code)
    desk.actions.approve(instance, "alice@example.com")
    body = {"approval_code": code, "instance_code": instance, "user_id": desk.bot()}
    desk.clock.seconds += 3600
    assert (await desk.post("/approval/v4/instances/cancel", body))["code"] == 1390001
    desk.clock.seconds -= 1
    assert (await desk.post("/approval/v4/instances/cancel", body))["code"] == 0
    desk.actions.reject(instance, "alice@example.com")
    assert (await desk.read(instance))["status"] == "APPROVED"


async def test_a_definition_that_wants_handwriting_is_decided_by_people_only(desk):
    code = await desk.definition()
    instance = await desk.asked(code)
    desk.actions.require_signature(code)
    body = {"approval_code": code, "instance_code": instance, "user_id": desk.bot()}
    assert (await desk.post("/approval/v4/instances/cancel", body))["code"] == 1390018
    task = (await desk.read(instance))["task_list"][0]["id"]
    decision = body | {"user_id": desk.alice, "task_id": task}
    assert (await desk.post("/approval/v4/tasks/approve", decision))["code"] == 1390018
    desk.actions.approve(instance, "alice@example.com")
    assert (await desk.read(instance))["status"] == "APPROVED"


async def test_numbers_count_up_within_a_day(desk):
    code = await desk.definition()
    serials = [(await desk.read(await desk.asked(code)))["serial_number"] for _ in range(2)]
    desk.clock.seconds += 86_400
    await desk.log_in()
    serials.append((await desk.read(await desk.asked(code)))["serial_number"])
    assert serials == ["202605240001", "202605240002", "202605250001"]


async def test_a_node_with_several_approvers_must_allow_several(desk, body_of):
    nodes = body_of()["node_list"]
    nodes[1]["approver_chosen_multi"] = False
    code = await desk.definition(node_list=nodes)
    assert (await desk.ask(code, desk.alice, desk.open_id("bob@example.com")))["code"] == 1390001


async def test_fixed_approvers_need_no_choice_and_take_none(desk, body_of):
    nodes = body_of()["node_list"]
    nodes[1]["approver"] = [{"type": "Personal", "user_id": desk.alice}]
    code = await desk.definition(node_list=nodes)
    instance = await desk.asked(code, node_approver_open_id_list=[])
    assert (await desk.read(instance))["task_list"][0]["open_id"] == desk.alice
    assert (await desk.ask(code))["code"] == 1390001


async def test_chosen_approvers_stay_within_the_named_people(desk, body_of):
    nodes = body_of()["node_list"]
    nodes[1]["approver_chosen_range"] = [{"type": "PERSONAL", "id_list": [desk.alice]}]
    code = await desk.definition(node_list=nodes)
    assert (await desk.ask(code, desk.open_id("bob@example.com")))["code"] == 1390001
    assert (await desk.ask(code, desk.alice))["code"] == 0


async def test_explanations_keep_a_definition_from_being_started_by_api(desk):
    form = [{"id": "note", "type": "text", "name": "@i18n@label", "required": False, "value": "@i18n@label"}]
    code = await desk.definition(form={"form_content": json.dumps(form)})
    assert (await desk.ask(code, form="[]"))["code"] == 1390001
