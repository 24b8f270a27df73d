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
        (SMALL.replace("name: acme", "name: newcomer"), "may not add the target newcomer"),
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


def error_of(*arguments: str, expect: int) -> dict[str, str]:
    code, result = plan(*arguments)
    assert code == expect, result.stderr
    assert result.stderr.count("error:") == 1
    error: dict[str, str] = json.loads(result.stdout)["error"]
    assert "ls-tree" not in result.stderr + result.stdout
    return error


@pytest.mark.parametrize("baseline", ["--output=x", ""])
def test_what_is_no_revision_is_never_handed_to_git(baseline: str) -> None:
    error = error_of("--untrusted", f"--baseline={baseline}", expect=3)
    assert error["message"] == f"`{baseline}` is no Git revision"


def test_an_unknown_revision_is_named_with_the_way_to_get_it() -> None:
    error = error_of("--untrusted", "--baseline", "origin/main", expect=1)
    assert (error["kind"], error["message"]) == (
        "notFound",
        "the Git revision `origin/main` is not known in this checkout",
    )
    assert "git fetch origin main" in error["next"]
    assert "git fetch --all" in error_of("--untrusted", "--baseline", "nope", expect=1)["next"]


def test_a_shallow_clone_is_recognised(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "--allow-empty", "-m", "second")
    git("clone", "-q", "--depth", "1", f"file://{checkout}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    error = error_of("--untrusted", "--baseline", "HEAD~1", expect=1)
    assert "shallow clone" in error["message"]
    assert "fetch-depth: 0" in error["next"]


def test_a_spec_outside_of_a_checkout_has_no_baseline(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.chdir(outside)
    (outside / "specs").mkdir()
    write(outside, SMALL)
    error = error_of("--untrusted", "--baseline", "HEAD", expect=1)
    assert "the spec lies in no Git checkout" in error["message"]
    assert "leave --baseline out" in error["next"]


@pytest.mark.parametrize("present", ["nothing", "broken"])
def test_a_baseline_without_the_spec_trusts_no_target(checkout: Path, present: str) -> None:
    text = (checkout / "specs" / "acme.yaml").read_text("utf-8")
    if present == "nothing":
        git("rm", "-q", "--cached", "specs/acme.yaml")
    else:
        write(checkout, text.replace("kind: Integration", "kind: Nothing"))
        git("add", "-A")
    git("-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "--allow-empty", "-m", "without")
    write(checkout, text)
    error = error_of("--untrusted", "--baseline", "HEAD", expect=3)
    assert "may not add the target acme" in error["message"]
    assert {"nothing": "HEAD holds no spec at all", "broken": "a file with errors"}[present] in error["message"]


def test_a_target_of_the_same_name_elsewhere_is_not_taken_for_this_one(checkout: Path) -> None:
    (checkout / "examples").mkdir()
    (checkout / "examples" / "acme.yaml").write_text(REDIRECTED, encoding="utf-8")
    git("add", "-A")
    git("-c", "user.name=t", "-c", "user.email=t@x", "commit", "-q", "-m", "an example")
    assert "BYTEBASE_KEY" in plan("--untrusted", "--baseline", "HEAD")[1].stderr
    write(checkout, REDIRECTED)
    assert "spec.bytebase.url" in plan("--untrusted", "--baseline", "HEAD")[1].stderr
    (checkout / "specs" / "acme.yaml").unlink()
    write(checkout, REDIRECTED, "moved.yaml")
    error = error_of("--untrusted", "--baseline", "HEAD", expect=3)
    assert "declares it in several other files" in error["message"]


def test_a_baseline_without_untrusted_is_bad_usage() -> None:
    assert plan("--baseline", "HEAD")[0] == 64
