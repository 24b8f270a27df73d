"""Wrong keys, missing scopes, absent hosts: one message with the next step, and nothing half done."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.declarative_sandbox import SECRETS, SEED, Served, served

from reconciler.cli import connections
from reconciler.cli.main import cli
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy

pytestmark = pytest.mark.slow

FREE = SEED.replace("licence: ENTERPRISE", "licence: FREE").replace(
    "    - {role: roles/workspaceDBA", "    - {role: roles/workspaceMember"
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    quick = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=0.02, total=1.0)
    monkeypatch.setattr(connections, "HttpSettings", functools.partial(HttpSettings, retry=quick))
    return tmp_path


def run(*arguments: str) -> tuple[int, Result]:
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False, standalone_mode=False)
    return (result.return_value if isinstance(result.return_value, int) else result.exit_code), result


def refused_with(code: int, kind: str, *words: str) -> None:
    for command in (("plan",), ("apply", "--yes", "--create-definition", "stage-gate"), ("drift",)):
        got, result = run(*command, "--format", "json")
        assert got == code, result.stderr
        error = json.loads(result.stdout)["error"]
        assert error["kind"] == kind
        assert error["next"]
        assert all(word in result.stderr for word in words), result.stderr
        assert result.stderr.count("error:") == 1


def test_a_wrong_bytebase_key(sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.write_spec(folder / "specs")
    monkeypatch.setenv("BYTEBASE_KEY", "bbs_wrong")
    refused_with(1, "badCredentials", "gitops@service.bytebase.com")


def test_a_wrong_feishu_secret(sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.write_spec(folder / "specs")
    monkeypatch.setenv("FEISHU_APP_SECRET", "wrong")
    refused_with(1, "badCredentials", "cli_sandbox")


def test_an_unset_secret_names_the_variable_and_the_line(
    sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.write_spec(folder / "specs")
    monkeypatch.delenv("BYTEBASE_KEY")
    refused_with(1, "badCredentials", "BYTEBASE_KEY", "acme.yaml:8")


@pytest.mark.parametrize("which", ["bytebase", "feishu"])
def test_a_host_that_nobody_answers_at(sandbox: Served, folder: Path, which: str) -> None:
    spec = sandbox.write_spec(folder / "specs")
    dead = "http://127.0.0.1:1"
    spec.write_text(spec.read_text(encoding="utf-8").replace(getattr(sandbox, which), dead), encoding="utf-8")
    refused_with(1, "unavailable")


def test_a_definition_code_that_feishu_does_not_know(sandbox: Served, folder: Path) -> None:
    spec = sandbox.write_spec(folder / "specs")
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
    sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = SEED.replace(', "serviceAccount:gitops@service.bytebase.com"]', "]")
    with served(weak) as poor:
        poor.write_spec(folder / "specs")
        refused_with(1, "forbidden", "bb.")


def test_without_the_licence_rules_and_roles_are_refused_and_the_rest_can_go_on(folder: Path) -> None:
    with served(FREE) as sandbox:
        sandbox.write_spec(folder / "specs")
        code, result = run("plan", "--format", "json")
        assert code == 3
        refusals = {each["kind"]: each for each in json.loads(result.stdout)["refusals"]}
        assert set(refusals) == {"bytebase/approvalRules", "bytebase/role"}
        assert all("ENTERPRISE" in each["message"] and each["next"] for each in refusals.values())
        without = ("--except", "bytebase/approvalRules", "--except", "bytebase/role", "--except", "bytebase/binding")
        code, result = run("apply", "--yes", "--create-definition", "stage-gate", *without)
        assert code == 0, result.stdout + result.stderr
        assert run("plan", *without)[0] == 0
        assert run("drift", *without)[0] == 0


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
        assert run("plan")[0] == 2
        callers = {each["caller"] for each in sandbox.requests() if each["target"] == "bytebase"}
        assert "gitops@service.bytebase.com" not in callers
        assert run("apply", "--yes", "--create-definition", "stage-gate")[0] == 1
        monkeypatch.setenv("BYTEBASE_KEY", "bbs_sandbox")
        assert run("apply", "--yes", "--create-definition", "stage-gate")[0] == 0
        assert run("plan")[0] == 0
