"""Every upstream call of plan and apply, failing in every way: the right code, one message, and a rerun that heals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fakes.command_runs import run
from fakes.declarative_sandbox import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("folder", "quick_retries")]

FAULTS = {
    "server error": {"fault": "status", "status": 500},
    "forbidden": {"fault": "status", "status": 403},
    "throttled": {"fault": "status", "status": 429},
    "malformed": {"fault": "malformed"},
    "dropped": {"fault": "drop"},
}

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


def _marked(*faults: str, nightly: set[str]) -> list[Any]:
    """The whole table takes minutes: the rarer half of it runs at night."""
    return [
        pytest.param(each, marks=[pytest.mark.nightly, pytest.mark.slow] if each in nightly else []) for each in faults
    ]


def check_message(result: Result) -> None:
    assert result.stderr.count("error:") == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert "next:" in result.stderr
    assert json.loads(result.stdout)["error"]["kind"] in {
        "badCredentials",
        "forbidden",
        "throttled",
        "unavailable",
        "notFound",
        "conflict",
        "refused",
    }


@pytest.mark.parametrize("fault", _marked(*sorted(FAULTS), nightly={"throttled", "dropped"}))
@pytest.mark.parametrize("call", PLAN_CALLS, ids=lambda call: f"{call[0]} {call[1]} {call[2]}")
def test_a_plan_that_cannot_read_is_one_error_and_heals(
    shared_sandbox: Served, folder: Path, call: tuple[str, str, str], fault: str
) -> None:
    shared_sandbox.write_spec(folder / "specs")
    target, method, path = call
    shared_sandbox.fault(target=target, method=method, path=path, times=1000, **FAULTS[fault])
    try:
        result = run("plan", "--format", "json")
    finally:
        shared_sandbox.heal()
    if call[2].startswith("/open-apis/bot") and fault == "forbidden":
        assert result.exit_code == 2  # an app without a bot is a finding
        return
    assert result.exit_code == 1, result.stdout
    check_message(result)
    assert run("plan").exit_code == 2


@pytest.mark.parametrize("fault", _marked(*sorted(FAULTS), "lost answer", nightly={"throttled", "malformed"}))
@pytest.mark.parametrize("call", WRITE_CALLS, ids=lambda call: f"{call[0]} {call[1]} {call[2]}")
def test_a_write_that_fails_is_told_and_the_next_run_finishes(
    folder: Path, call: tuple[str, str, str], fault: str
) -> None:
    target, method, path = call
    with served() as sandbox:
        sandbox.write_spec(folder / "specs")
        damage = {**FAULTS, "lost answer": {"fault": "loseAnswer"}}[fault]
        sandbox.fault(target=target, method=method, path=path, times=1000, **damage)
        result = run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json")
        sandbox.heal()
        outcomes = json.loads(result.stdout)["outcomes"]
        assert result.exit_code in {0, 1, 4}
        if result.exit_code:
            (failed,) = [each for each in outcomes if each["outcome"] == "failed"]
            assert failed["reason"]
        result = run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json")
        if target == "feishu" and fault in {"server error", "malformed", "dropped", "lost answer"}:
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
