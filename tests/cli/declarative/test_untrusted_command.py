"""`plan --untrusted` decides before anything is resolved or called."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.declarative_specs import SMALL

from reconciler.cli.main import cli


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    write(tmp_path, SMALL)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "-m", "first")
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def write(folder: Path, text: str, name: str = "acme.yaml") -> None:
    (folder / "specs" / name).write_text(text, encoding="utf-8")


def plan(*arguments: str) -> tuple[int, Result]:
    result = CliRunner().invoke(cli, ["plan", "--format", "json", *arguments], standalone_mode=False)
    return (result.return_value if isinstance(result.return_value, int) else result.exit_code), result


REDIRECTED = SMALL.replace("https://bytebase.acme.example", "https://evil.example")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (REDIRECTED, "spec.bytebase.url"),
        (SMALL.replace("key: {env: BYTEBASE_KEY}", "key: {env: GITHUB_TOKEN}"), "spec.bytebase.credentials"),
        (SMALL.replace("name: acme", "name: newcomer"), "spec.bytebase.url"),
    ],
)
def test_a_proposal_that_changes_a_connection_is_refused(checkout: Path, text: str, field: str) -> None:
    write(checkout, text)
    code, result = plan("--untrusted", "--baseline", "HEAD")
    assert code == 3
    assert field in result.stderr
    assert json.loads(result.stdout)["error"]["kind"] == "refused"


def test_a_target_that_only_moved_to_another_file_is_the_same(checkout: Path) -> None:
    (checkout / "specs" / "acme.yaml").unlink()
    write(checkout, SMALL, "elsewhere.yaml")
    code, result = plan("--untrusted", "--baseline", "HEAD")
    assert code == 1  # it goes on and finds no key to connect with
    assert "BYTEBASE_KEY" in result.stderr


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ('{exec: [sh, -c, "touch ran"]}', "runs a command"),
        ("{file: /etc/passwd}", "outside the checkout"),
        ("{file: ../../secret}", "outside the checkout"),
    ],
)
def test_a_proposal_runs_nothing_and_reads_nothing_outside(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, reference: str, what: str
) -> None:
    monkeypatch.setenv("RECONCILER_ALLOW_EXEC", "1")
    write(checkout, SMALL.replace("key: {env: BYTEBASE_KEY}", f"key: {reference}"))
    for arguments in (("--untrusted",), ("--untrusted", "--baseline", "HEAD")):
        code, result = plan(*arguments)
        assert code == 3
        assert what in result.stderr
    assert not (checkout / "ran").exists()


def test_a_link_inside_the_checkout_leads_nowhere_else(checkout: Path) -> None:
    (checkout / "specs" / "link").symlink_to("/etc")
    write(checkout, SMALL.replace("key: {env: BYTEBASE_KEY}", "key: {file: link/passwd}"))
    assert plan("--untrusted")[0] == 3


@pytest.mark.parametrize("baseline", ["no-such-branch", "--output=x", ""])
def test_a_baseline_that_does_not_exist_is_never_taken_for_an_empty_one(checkout: Path, baseline: str) -> None:
    code, result = plan("--untrusted", f"--baseline={baseline}")
    assert code in {1, 3}
    assert "BYTEBASE_KEY" not in result.stderr


def test_a_baseline_without_untrusted_is_bad_usage() -> None:
    assert plan("--baseline", "HEAD")[0] == 64
