"""Every upstream call of plan and apply, failing in every way: the right code, one message, and a rerun that heals."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fakes.command_runs import run
from fakes.declarative_sandbox import Served, served

from reconciler.cli import connections

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("folder", "quick_retries", "little_patience")]

FAULTS = {
    "server error": {"fault": "status", "status": 500},
    "forbidden": {"fault": "status", "status": 403},
    "throttled": {"fault": "status", "status": 429},
    "malformed": {"fault": "malformed"},
    "dropped": {"fault": "drop"},
    "lost answer": {"fault": "loseAnswer"},
    "time-out": {"fault": "delay", "seconds": 2.5},
}
PATIENCE = 1.0
"""Seconds that the commands wait for an answer here: far more than the stand-ins take, less than a time-out lasts."""
LOSING = frozenset({"server error", "malformed", "dropped", "lost answer", "time-out"})
"""Faults after which nobody can tell whether a definition was created."""

Call = tuple[str, str, str]

PLAN_CALLS = (
    ("bytebase", "GET", "/v1/actuator/info"),
    ("bytebase", "POST", "/v1/auth/login"),
    ("bytebase", "GET", "/v1/subscription"),
    ("bytebase", "GET", "/v1/settings/APP_IM"),
    ("bytebase", "GET", "/v1/settings/ENVIRONMENT"),
    ("bytebase", "GET", "/v1/settings/WORKSPACE_APPROVAL"),
    ("bytebase", "GET", "/v1/environments/prod"),
    ("bytebase", "GET", "/v1/projects/demo"),
    ("bytebase", "GET", "/v1/roles"),
    ("bytebase", "GET", "/v1/groups"),
    ("bytebase", "GET", "/v1/workspaces"),
    ("feishu", "POST", "/open-apis/auth/v3/tenant_access_token/internal"),
    ("feishu", "GET", "/open-apis/bot/v3/info"),
    ("feishu", "GET", "/open-apis/application/v6/scopes"),
    ("feishu", "POST", "/open-apis/contact/v3/users/batch_get_id"),
)
WRITE_CALLS = (
    ("bytebase", "PATCH", "/v1/settings/APP_IM"),
    ("bytebase", "PATCH", "/v1/settings/WORKSPACE_APPROVAL"),
    ("bytebase", "PATCH", "/v1/environments/prod"),
    ("bytebase", "PATCH", "/v1/projects/demo"),
    ("bytebase", "POST", "/v1/projects/demo:addWebhook"),
    ("bytebase", "POST", "/v1/projects/demo:setIamPolicy"),
    ("bytebase", "POST", "/v1/roles"),
    ("feishu", "POST", "/open-apis/approval/v4/approvals"),
)


def cells(calls: tuple[Call, ...], *, one_in: int) -> list[Any]:
    """Every call with every fault. The whole table takes minutes: its diagonals run always, the rest at night."""
    table = []
    for row, call in enumerate(calls):
        for column, fault in enumerate(sorted(FAULTS)):
            marks = [] if (row + column) % one_in == 0 else [pytest.mark.nightly, pytest.mark.slow]
            table.append(pytest.param(call, fault, marks=marks, id=f"{' '.join(call)} {fault}"))
    return table


@pytest.fixture
def little_patience(quick_retries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HttpSettings", functools.partial(connections.HttpSettings, read=PATIENCE))


def check_message(result: Result, call: Call, sandbox: Served) -> None:
    """One sentence that says who, what was being done, and what to do next."""
    assert result.stderr.count("error:") == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert "next:" in result.stderr
    kind = json.loads(result.stdout)["error"]["kind"]
    assert kind in {"badCredentials", "forbidden", "throttled", "unavailable"}
    check_words(result.stderr, call, sandbox, names_host=kind in {"throttled", "unavailable"})


def check_words(text: str, call: Call, sandbox: Served, *, names_host: bool) -> None:
    """A broken upstream is named by host and call, a refusal by who was refused."""
    target, method, path = call
    if names_host:
        address = sandbox.bytebase if target == "bytebase" else sandbox.feishu
        assert address.removeprefix("http://") in text
        assert f"{method} {path}" in text
    else:
        assert {"bytebase": "account", "feishu": "app"}[target] in text


@pytest.mark.parametrize(("call", "fault"), cells(PLAN_CALLS, one_in=3))
def test_a_plan_that_cannot_read_is_one_error_and_heals(
    shared_sandbox: Served, folder: Path, call: Call, fault: str
) -> None:
    shared_sandbox.write_spec(folder / "specs")
    target, method, path = call
    shared_sandbox.fault(target=target, method=method, path=path, times=1000, **FAULTS[fault])
    try:
        result = run("plan", "--format", "json")
    finally:
        shared_sandbox.heal()
    if path.startswith("/open-apis/bot") and fault == "forbidden":
        assert result.exit_code == 2  # an app without a bot is a finding
        return
    assert result.exit_code == 1, result.stdout
    check_message(result, call, shared_sandbox)
    assert run("plan").exit_code == 2


@pytest.mark.parametrize(("call", "fault"), cells(WRITE_CALLS, one_in=4))
def test_a_write_that_fails_is_told_and_the_next_run_finishes(folder: Path, call: Call, fault: str) -> None:
    target, method, path = call
    is_lost = target == "feishu" and fault in LOSING
    with served() as sandbox:
        sandbox.write_spec(folder / "specs")
        sandbox.fault(target=target, method=method, path=path, times=1000, **FAULTS[fault])
        result = run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json")
        sandbox.heal()
        outcomes = json.loads(result.stdout)["outcomes"]
        assert result.exit_code in {0, 1, 4}
        if result.exit_code:
            (failed,) = [each for each in outcomes if each["outcome"] == "failed"]
            check_words(failed["reason"], call, sandbox, names_host=fault != "forbidden")
        result = run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json")
        if is_lost:
            assert result.exit_code == 3
            assert "may exist already" in result.stderr
            assert "--forget-creation stage-gate" in result.stderr
            result = run("apply", "--yes", "--forget-creation", "stage-gate", "--create-definition", "stage-gate")
        assert result.exit_code == 0, result.stderr
        assert run("plan").exit_code == 0
        hooks = [each for each in _webhooks(sandbox) if each["title"] == "changes"]
        assert len(hooks) == 1


def _webhooks(sandbox: Served) -> list[dict[str, str]]:
    with sandbox.admin() as admin:
        project = admin.get("/v1/projects/demo").raise_for_status().json()
    webhooks: list[dict[str, str]] = project.get("webhooks", [])
    return webhooks
