"""Wrong keys, missing scopes, absent hosts: one message with the next step, and nothing half done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.command_runs import run
from fakes.declarative_sandbox import SEED, Served, served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("folder", "quick_retries")]

FREE = SEED.replace("licence: ENTERPRISE", "licence: FREE").replace(
    "    - {role: roles/workspaceDBA", "    - {role: roles/workspaceMember"
)


def refused_with(code: int, kind: str, *words: str) -> None:
    for command in (("plan",), ("apply", "--yes", "--create-definition", "stage-gate"), ("drift",)):
        result = run(*command, "--format", "json")
        assert result.exit_code == code, result.stderr
        error = json.loads(result.stdout)["error"]
        assert error["kind"] == kind
        assert error["next"]
        assert all(word in result.stderr for word in words), result.stderr
        assert result.stderr.count("error:") == 1


def test_a_wrong_bytebase_key(shared_sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared_sandbox.write_spec(folder / "specs")
    monkeypatch.setenv("BYTEBASE_KEY", "bbs_wrong")
    refused_with(1, "badCredentials", "gitops@service.bytebase.com")


def test_a_wrong_feishu_secret(shared_sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared_sandbox.write_spec(folder / "specs")
    monkeypatch.setenv("FEISHU_APP_SECRET", "wrong")
    refused_with(1, "badCredentials", "cli_sandbox")


def test_an_unset_secret_names_the_variable_and_the_line(
    shared_sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_sandbox.write_spec(folder / "specs")
    monkeypatch.delenv("BYTEBASE_KEY")
    refused_with(1, "badCredentials", "BYTEBASE_KEY", "acme.yaml:8")


@pytest.mark.parametrize("which", ["bytebase", "feishu"])
def test_a_host_that_nobody_answers_at(shared_sandbox: Served, folder: Path, which: str) -> None:
    spec = shared_sandbox.write_spec(folder / "specs")
    dead = "http://127.0.0.1:1"
    spec.write_text(spec.read_text(encoding="utf-8").replace(getattr(shared_sandbox, which), dead), encoding="utf-8")
    refused_with(1, "unavailable", "127.0.0.1:1:", "connection refused")


def test_a_definition_code_that_feishu_does_not_know(shared_sandbox: Served, folder: Path) -> None:
    spec = shared_sandbox.write_spec(folder / "specs")
    code = "7C468A54-8745-2245-9675-08B7C63E7A85"
    spec.write_text(spec.read_text(encoding="utf-8").replace("code: null", f"code: {code}"), encoding="utf-8")
    refused_with(1, "notFound", code)


def test_a_missing_scope_is_named(folder: Path) -> None:
    lacking = SEED.replace(
        '"approval:approval", "approval:approval:readonly", "contact:user.id:readonly"', '"approval:approval"'
    )
    with served(lacking) as sandbox:
        sandbox.write_spec(folder / "specs")
        refused_with(1, "forbidden", "contact:user.id:readonly")


def test_an_account_without_rights_is_told_the_permission(
    shared_sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = SEED.replace(', "serviceAccount:gitops@service.bytebase.com"]', "]")
    with served(weak) as poor:
        poor.write_spec(folder / "specs")
        refused_with(1, "forbidden", "bb.")


def test_without_the_licence_rules_and_roles_are_refused_and_the_rest_can_go_on(folder: Path) -> None:
    with served(FREE) as sandbox:
        sandbox.write_spec(folder / "specs")
        result = run("plan", "--format", "json")
        assert result.exit_code == 3
        refusals = {each["kind"]: each for each in json.loads(result.stdout)["refusals"]}
        assert set(refusals) == {"bytebase/approvalRules", "bytebase/role"}
        assert all("ENTERPRISE" in each["message"] and each["next"] for each in refusals.values())
        without = ("--except", "bytebase/approvalRules", "--except", "bytebase/role", "--except", "bytebase/binding")
        result = run("apply", "--yes", "--create-definition", "stage-gate", *without)
        assert result.exit_code == 0, result.stdout + result.stderr
        assert run("plan", *without).exit_code == 0
        assert run("drift", *without).exit_code == 0


def test_separate_accounts_plan_and_apply(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as sandbox:
        spec = sandbox.write_spec(folder / "specs")
        account = "{serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}"
        reader = "{serviceAccount: reader@service.bytebase.com, key: {env: READER_KEY}}"
        text = spec.read_text(encoding="utf-8").replace(
            f"credentials: {account}", f"credentials: {{plan: {reader}, apply: {account}}}"
        )
        spec.write_text(text, encoding="utf-8")
        monkeypatch.setenv("READER_KEY", "bbs_reader")
        monkeypatch.delenv("BYTEBASE_KEY")
        assert run("plan").exit_code == 2
        callers = {each["caller"] for each in sandbox.requests() if each["target"] == "bytebase"}
        assert "gitops@service.bytebase.com" not in callers
        assert run("apply", "--yes", "--create-definition", "stage-gate").exit_code == 1
        monkeypatch.setenv("BYTEBASE_KEY", "bbs_sandbox")
        assert run("apply", "--yes", "--create-definition", "stage-gate").exit_code == 0
        assert run("plan").exit_code == 0
