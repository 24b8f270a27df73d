"""`sync` as a process hears of clicks: by events when they come, and by the net or the next connection when they do not."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from processes.sync_lab import Lab, SyncProcess, eventually, lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUIET = 2.0
"""Seconds of silence that are many times what an event or a pass needs."""
NONE = "{transport: none}"
CALLBACK = (
    "{transport: callback, encryptKey: {env: DEMO_ENCRYPT_KEY}, verificationToken: {env: DEMO_VERIFICATION_TOKEN}}"
)


def reads(here: Lab, since: int) -> list[dict[str, Any]]:
    """What sync read of requests; people leave the kind of their ids to the default."""
    return [
        each
        for each in here.requests(since)
        if each["method"] == "GET" and "/v4/instances/" in each["path"] and "user_id_type" in each["query"]
    ]


def asked_and_quiet(here: Lab, number: int = 1) -> tuple[str, dict[str, Any]]:
    """A change whose first stage is asked about, with its request, once sync does nothing about it any more."""
    plan = here.people.change(number)
    instance = here.asked(f"{plan}/rollout/stages/test")
    while True:
        seen = here.last_request()
        time.sleep(QUIET)
        if not reads(here, seen):
            return plan, instance


def ran_once(here: Lab, plan: str) -> None:
    """The first stage has run, all its tasks in one call, for one request."""
    here.done(plan, "test")
    assert len([run for run in here.runs() if f"/{plan}/" in run["path"] and "/stages/test/" in run["path"]]) == 1
    assert set(Counter(here.people.runs(plan)).values()) == {1}


def test_a_click_leads_to_the_run_by_its_event_and_not_by_polling(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.sync().ready()
        plan, instance = asked_and_quiet(here)
        # The net re-reads every fifteen minutes, so whatever is read from here on follows from an event.
        clicked = here.last_request()
        here.approve(instance)
        ran_once(here, plan)
        (run,) = here.runs(clicked)
        click = next(each for each in here.requests(clicked) if each["path"].endswith("/tasks/approve"))
        before = [each for each in reads(here, clicked) if each["n"] < click["n"]]
        assert before == []
        assert any(click["n"] < each["n"] < run["n"] for each in reads(here, clicked))


def test_a_lost_event_is_made_up_for_when_the_connection_is_made_again(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.sync().ready()
        plan, instance = asked_and_quiet(here)
        here.fault(target="feishu", fault="loseEvents", times=1000)
        here.approve(instance)
        time.sleep(QUIET)
        assert here.runs() == []
        here.fault(target="feishu", fault="dropSocket")
        ran_once(here, plan)


def test_a_lost_event_is_made_up_for_by_the_net(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.spec(("poll: {every: 200ms}\n", "poll: {every: 200ms, net: 3s}\n"))
        here.fault(target="feishu", fault="loseEvents", times=1000)
        here.sync().ready()
        plan = here.people.change(1)
        here.approve(here.asked(f"{plan}/rollout/stages/test"))
        ran_once(here, plan)


@pytest.mark.parametrize("disturbance", ["duplicateEvents", "reorderEvents"])
def test_events_that_come_twice_or_in_another_order_change_nothing(tmp_path: Path, disturbance: str) -> None:
    with lab(tmp_path) as here:
        here.fault(target="feishu", fault=disturbance, times=1000)
        here.sync().ready()
        plans = [here.people.change(number) for number in range(3)]
        for plan in plans:
            here.approve(here.asked(f"{plan}/rollout/stages/test"))
        for plan in plans:
            ran_once(here, plan)
        requests = here.people.instances(here.definition)
        assert len(requests) == len({instance["form"] for instance in requests})


def test_without_events_requests_are_polled(tmp_path: Path) -> None:
    with lab(tmp_path, events=NONE) as here:
        here.sync().ready()
        plan = here.people.change(1)
        here.approve(here.asked(f"{plan}/rollout/stages/test"))
        ran_once(here, plan)
        assert not [each for each in here.requests() if each["path"] == "/callback/ws/endpoint"]


def test_a_callback_leads_to_the_run_and_a_forged_one_to_nothing(tmp_path: Path) -> None:
    with lab(tmp_path, events=CALLBACK) as here:
        here.place.environment |= {"DEMO_ENCRYPT_KEY": "key-of-the-lab", "DEMO_VERIFICATION_TOKEN": "token-of-the-lab"}
        sync = here.sync().ready()
        receive_at(here, sync)
        plan, instance = asked_and_quiet(here)
        event = {"approval_code": here.definition, "instance_code": instance["instance_code"], "type": "approval_task"}
        forged = {"uuid": "1", "token": "guessed", "type": "event_callback", "event": event}
        seen = here.last_request()
        assert here.people.http.post(f"{sync.http}/events/feishu", json=forged).status_code in {400, 401, 403}
        time.sleep(QUIET)
        assert reads(here, seen) == []
        here.approve(instance)
        ran_once(here, plan)


def receive_at(here: Lab, sync: SyncProcess) -> None:
    """Have the app's events pushed to this process, as somebody does in the console: the platform sends a challenge first."""
    config = {
        "event": {"subscription_type": "webhook", "request_url": f"{sync.http}/events/feishu"},
        "event_and_callback_encrypt_strategy": {
            "encryption_key": "key-of-the-lab",
            "verification_token": "token-of-the-lab",
        },
    }
    here.people.feishu("PATCH", "application/v7/applications/cli_sandbox/config", config)
    release = {"remark": "r", "changelog": "c", "mobile_default_ability": "bot", "pc_default_ability": "bot"}
    here.people.feishu("POST", "application/v7/applications/cli_sandbox/publish", release)


def test_a_definition_is_subscribed_at_the_start_whoever_made_it(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        path = f"approval/v4/approvals/{here.definition}/unsubscribe"
        here.people.feishu("POST", path)
        here.sync().ready()
        plan, instance = asked_and_quiet(here)
        here.approve(instance)
        ran_once(here, plan)


def test_tokens_that_expire_are_noticed_by_nobody(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        sync = here.sync().ready()
        plan, instance = asked_and_quiet(here)
        here.fault(target="bytebase", fault="expireTokens")
        here.fault(target="feishu", fault="expireTokens")
        here.people.__post_init__()
        here.approve(instance)
        ran_once(here, plan)
        second = here.people.change(2)
        here.approve(here.asked(f"{second}/rollout/stages/test"))
        ran_once(here, second)
        eventually(lambda: here.people.http.get(f"{sync.http}/readyz").status_code == 200)
        assert "broken" not in sync.said()
