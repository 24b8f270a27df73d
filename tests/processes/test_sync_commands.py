"""`sync` as a process: its ways to end, its store, a spec that changes underneath, and the commands that look meanwhile."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from processes.sync_lab import Lab, eventually, lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

GATE = """    - name: every-stage
      at: stage
      match: {projects: [demo]}
      decide: {definition: stage-gate}
"""
READING = ("/auth/login", "/tenant_access_token/internal", "/users/batch_get_id", "projects:search")
"""Calls that are no GET and change nothing."""


def writes(here: Lab, since: int) -> list[str]:
    """What changed anything upstream after a request."""
    return [
        f"{each['method']} {each['path']}"
        for each in here.requests(since)
        if each["method"] != "GET" and not each["path"].endswith(READING)
    ]


def asked(here: Lab, number: int = 1) -> tuple[str, dict[str, Any]]:
    plan = here.people.change(number)
    return plan, here.asked(f"{plan}/rollout/stages/test")


def status_of(here: Lab, instance: dict[str, Any]) -> str:
    return str(here.people.instance(instance["instance_code"])["status"])


def test_a_second_sync_on_one_store_is_refused_with_holder_and_age(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        first = here.sync("--no-http").ready()
        second = here.sync("--no-http", name="second")
        assert second.end() == 3
        assert f"process {first.process.pid} on " in second.said()
        assert " s" in second.said().split("for ")[-1]
        first.process.kill()
        first.process.wait()
        third = here.sync("--no-http", name="third").ready()
        assert third.stop() == 0


def test_a_full_disk_stops_it_with_its_sentence_and_nothing_is_lost(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        sync = here.sync().ready()
        plan, instance = asked(here)
        log = here.place.store.with_name("store.db-wal")
        # No file of this process may grow beyond what the store's log already takes.
        resource.prlimit(sync.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, log.stat().st_size))
        here.approve(instance)
        assert sync.end() == 1
        assert "the store cannot be used" in sync.said()
        assert "start again" in sync.said()
        assert "Traceback" not in sync.said()
        assert here.people.statuses(plan)["test"] == ["NOT_STARTED"]
        here.sync(name="again").ready()
        here.done(plan, "test")
        assert len(here.runs()) == 1


def test_a_read_only_store_stops_it_before_anything_is_sent(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        assert here.sync("--once").end() == 0
        here.people.change(1)
        seen = here.last_request()
        here.place.store.chmod(0o444)
        here.place.store.parent.chmod(0o555)
        # Root may write anywhere, unless it gives that up.
        may_all = "-dac_override,-dac_read_search"
        wrapper = ("setpriv", "--inh-caps", may_all, "--bounding-set", may_all) if os.geteuid() == 0 else ()
        try:
            sync = here.sync("--no-http", name="second", wrapper=wrapper)
            assert sync.end() == 1
        finally:
            here.place.store.parent.chmod(0o755)
        assert "writable" in sync.said()
        assert "Traceback" not in sync.said()
        assert writes(here, seen) == []


def test_observing_says_what_would_be_done_and_writes_nothing_anywhere(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        plan = here.people.change(1)
        eventually(lambda: here.people.bytebase("alice", "GET", plan).get("hasRollout"))
        seen = here.last_request()
        before = sorted((path.name, path.read_bytes()) for path in tmp_path.glob("store.db*"))
        sync = here.sync("--observe").ready()
        eventually(lambda: f"{plan}/rollout/stages/test: would send (row 17)" in sync.said())
        assert here.people.http.get(sync.http).status_code == 200
        assert sync.stop() == 0
        assert sorted((path.name, path.read_bytes()) for path in tmp_path.glob("store.db*")) == before
        assert writes(here, seen) == []


def test_an_observer_takes_no_event_from_the_sync_that_acts(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.sync().ready()
        here.sync("--observe", name="observer").ready()
        for number in range(4):
            plan, instance = asked(here, number)
            here.approve(instance)
            here.done(plan, "test")


def test_once_does_what_there_is_to_do_and_ends(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        plan = here.people.change(1)
        eventually(lambda: here.people.bytebase("alice", "GET", plan).get("hasRollout"))
        assert here.sync("--once").end() == 0
        here.approve(here.asked(f"{plan}/rollout/stages/test"))
        assert here.people.statuses(plan)["test"] == ["NOT_STARTED"]
        assert here.sync("--once").end() == 0
        here.done(plan, "test")
        assert len(here.runs()) == 1


def test_draining_withdraws_everything_and_explains_it_there(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        sync = here.sync("--no-http").ready()
        pending = [asked(here, number)[1] for number in range(3)]
        assert sync.stop() == 0
        drain = here.sync("--drain", name="drain")
        assert drain.end() == 0, drain.said()
        assert [status_of(here, instance) for instance in pending] == ["CANCELED"] * 3
        for instance in pending:
            shown = here.people.instance(instance["instance_code"])
            assert any("drained" in each["comment"] for each in shown["comment_list"])
        # Whoever starts it again asks again.
        here.sync("--no-http", name="again").ready()
        eventually(lambda: len(here.people.pending(here.definition)) == 3)


def test_a_spec_without_the_gate_withdraws_and_a_broken_one_keeps_the_one_before(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        sync = here.sync().ready()
        plan, instance = asked(here)
        here.spec((GATE, f"{GATE}    - nonsense: true\n"))
        readiness = eventually(
            lambda: (answer := here.people.http.get(f"{sync.http}/readyz")).status_code == 503 and answer
        )
        assert "the spec on disk cannot be loaded" in str(readiness.json()["reasons"])
        here.approve(instance)
        here.done(plan, "test")
        second = here.asked(f"{plan}/rollout/stages/prod")
        here.spec((f"  gates:\n{GATE}    - nonsense: true\n", "  gates: []\n"))
        eventually(lambda: status_of(here, second) == "CANCELED")
        assert here.people.http.get(f"{sync.http}/readyz").json() == {"ready": True, "reasons": []}
        assert here.people.statuses(plan)["prod"] == ["NOT_STARTED"]


def test_the_other_commands_answer_while_it_runs(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.sync().ready()
        plan, instance = asked(here)
        subject = f"{plan}/rollout/stages/test"
        shown = eventually(lambda: (found := here.subject(subject)).get("state") == "asked" and found)
        assert shown["approvers"] == ["bob@example.com", "dave@example.com"]
        assert shown["instance"]["code"] == instance["instance_code"]
        explained = here.document("explain", subject, "--form")
        assert (explained["row"], explained["decision"]) == (15, "wait")
        assert "ALTER TABLE t1" in str(explained["request"])
        asked_for = here.document("request", "stages/test", "--wait", "20")
        assert (asked_for["subject"], asked_for["wish"]) == (subject, "recorded")
        assert "reminded" in asked_for["answer"]
        here.approve(instance)
        here.done(plan, "test")
        told = here.place.run("history", subject, "--format", "json").stdout
        assert '"decision":"ran"' in told
        assert '"actor":"bob@example.com"' in told


def test_a_disabled_app_opens_one_circuit_and_is_said_once(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.spec(("poll: {every: 200ms}\n", "poll: {every: 200ms, net: 3s}\n"))
        sync = here.sync().ready()
        plans = [asked(here, number) for number in range(3)]
        here.switch("app", "cli_sandbox", on=False)
        seen = here.last_request()
        eventually(lambda: "is broken" in sync.said())
        time.sleep(10)
        calls = [each for each in here.requests(seen) if each["target"] == "feishu"]
        here.switch("app", "cli_sandbox", on=True)
        here.people.__post_init__()
        plan, instance = plans[0]
        here.approve(instance)
        here.done(plan, "test")
        assert sync.said().count("is broken") == 1, sync.said()
        assert len(calls) < 20, calls
        assert "works again" in sync.said()
        eventually(lambda: here.people.http.get(f"{sync.http}/readyz").status_code == 200)
        assert [status_of(here, each) for _, each in plans[1:]] == ["PENDING", "PENDING"]
