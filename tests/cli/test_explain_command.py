"""`explain` says the facts, the row and why, without writing anything."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.loop import GATE
from fakes.simulated_world import BOB, DAVE, SimApprovals, SimSubjects, World, WorldClock

from reconciler.adapters.store import SqlLedger, Store, open_store
from reconciler.cli import explain as explain_module
from reconciler.cli.main import cli
from reconciler.operations.sync.explain import Explainer
from reconciler.operations.sync.reconcile import Reconciler
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.ports.sync import Ledger
from reconciler.spec.target import Target
from reconciler.subjects.change import CheckStatus

SPEC = """
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.example
    identity: acme-test
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
"""
SETTINGS = SyncSettings("acme", "acme-test", (GATE,), "spec")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    async def open_explainer(_stack: AsyncExitStack, _target: Target, _store: Store, ledger: Ledger) -> Explainer:
        return Explainer(SyncPorts(SimSubjects(made), SimApprovals(made), ledger, WorldClock(made)), SETTINGS)

    monkeypatch.setattr(explain_module, "open_explainer", open_explainer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_STORE", raising=False)
    (tmp_path / "a.yaml").write_text(SPEC)
    return made


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", "-f", "a.yaml", *arguments])


def one_pass(world: World, subject: str) -> None:
    async def run() -> None:
        store = await open_store("sqlite:///.reconciler/store.db")
        ports = SyncPorts(SimSubjects(world), SimApprovals(world), SqlLedger(store, "acme"), WorldClock(world))
        await Reconciler(ports, SETTINGS).reconcile(subject)
        await store.aclose()

    asyncio.run(run())


def test_a_waiting_stage_is_explained_before_sync_has_seen_it_and_nothing_is_written(
    world: World, tmp_path: Path
) -> None:
    subject = f"{world.new_change().name}/rollout/stages/test"
    document = json.loads(explain(subject, "--format", "json", "--form").stdout)
    assert (document["subject"], document["row"], document["decision"]) == (subject, 17, "send")
    facts = document["facts"]
    assert facts["approvers"] == facts["foundInFeishu"] == sorted([BOB, DAVE])
    assert facts["situation"]["stand"] == "waiting"
    assert [task["status"] for task in facts["stage"]["tasks"]] == ["NOT_STARTED", "NOT_STARTED"]
    request = document["request"]
    assert [person["email"] for person in request["approvers"]] == sorted([BOB, DAVE])
    assert request["form"][-1]["id"] == "digest"
    assert world.instances == {}
    assert not (tmp_path / ".reconciler").exists()


def test_a_held_stage_is_explained_with_its_reason_and_found_by_a_suffix(world: World) -> None:
    plan = world.new_change()
    plan.checks = CheckStatus.ERROR
    one_pass(world, f"{plan.name}/rollout/stages/test")
    document = json.loads(explain("stages/test", "--format", "json").stdout)
    assert (document["decision"], document["reason"]["code"]) == ("hold", "checksError")
    assert document["facts"]["blockedBy"]
    assert "request" not in document
    text = explain("stages/test").stdout
    assert "because   the plan checks report errors" in text
    assert "row 10" in text


def test_a_pending_request_is_explained_with_its_instance(world: World) -> None:
    subject = f"{world.new_change().name}/rollout/stages/test"
    one_pass(world, subject)
    document = json.loads(explain(subject, "--format", "json").stdout)
    assert (document["row"], document["decision"]) == (15, "wait")
    assert document["facts"]["instance"]["status"] == "PENDING"
    assert document["facts"]["entry"]["state"] == "asked"


def test_the_form_is_shown_to_people_too(world: World) -> None:
    subject = f"{world.new_change().name}/rollout/stages/test"
    text = explain(subject, "--form").stdout
    assert "what would be sent" in text
    assert "digest:" in text


@pytest.mark.parametrize("given", ["nothing", "projects/demo/plans/999/rollout/stages/test"])
def test_an_unknown_subject_is_1(world: World, given: str) -> None:
    result = explain(given)
    assert result.exit_code == 1
    assert "next:" in result.stderr
