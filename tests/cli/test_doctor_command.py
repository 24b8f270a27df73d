"""`reconciler doctor` as it is typed, against both stand-ins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes.declarative_sandbox import SEED, SPEC, Served, served
from jsonschema import Draft202012Validator

from reconciler.cli.main import cli

pytestmark = pytest.mark.slow

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "doctor.schema.json").read_text(encoding="utf-8"))
SELF_MANAGE = "application:application:self_manage"
NO_BOT = SEED.replace("bot: true", "bot: false")


@pytest.fixture
def sandbox() -> Iterator[Served]:
    with served(SEED) as running:
        yield running


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BYTEBASE_KEY", "bbs_sandbox")
    monkeypatch.setenv("FEISHU_APP_SECRET", "sandbox")
    monkeypatch.setenv("HOOK", "https://open.feishu.cn/open-apis/bot/v2/hook/x")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def documents(result: Result) -> list[dict[str, Any]]:
    document = json.loads(result.stdout)
    Draft202012Validator(SCHEMA).validate(document)
    return document.get("documents", [document])


def write(file: Path, sandbox: Served, *, name: str = "acme", feishu: str | None = None) -> Path:
    text = SPEC.format(name=name, bytebase=sandbox.bytebase, feishu=feishu or sandbox.feishu)
    file.write_text(text.replace("from: feishu}]", "from: feishu}]\n      verify: false"), encoding="utf-8")
    return file


def test_before_and_after_apply(sandbox: Served, tmp_path: Path) -> None:
    spec = write(tmp_path / "acme.yaml", sandbox)
    before = run("doctor", "-f", str(spec), "--format", "json")
    assert before.exit_code == 1
    failed = [check["id"] for check in documents(before)[0]["checks"] if check["status"] == "failed"]
    assert failed == ["bytebase", "definition/stage-gate"]

    applied = run("apply", "-f", str(spec), "--yes", "--create-definition", "stage-gate")
    assert applied.exit_code == 0, applied.output
    after = run("doctor", "-f", str(spec), "--format", "json", "--out", str(tmp_path / "out.json"))
    assert after.exit_code == 0, after.output
    (document,) = documents(after)
    assert document["target"]["name"] == "acme"
    assert [check["step"] for check in document["checks"]][:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [check["id"] for check in written["checks"]] == [check["id"] for check in document["checks"]]

    text = run("doctor", "-f", str(spec))
    assert text.exit_code == 0
    assert "cannot be verified  2  Icon" in text.stdout
    assert text.stdout.splitlines()[-1].startswith("Doctor: ")
    assert "sandbox" not in text.stdout.replace("cli_sandbox", "")


def test_a_missing_bot_is_named_with_its_page(tmp_path: Path) -> None:
    with served(NO_BOT) as sandbox:
        spec = write(tmp_path / "acme.yaml", sandbox)
        result = run("doctor", "-f", str(spec))
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        at = next(index for index, line in enumerate(lines) if line.startswith("  failed") and " Bot " in line)
        assert lines[at + 1].strip().startswith("fix:  enable the bot under Features > Bot")
        assert lines[at + 2].strip() == f"link: {sandbox.feishu}/app/cli_sandbox/bot"


def test_nothing_is_written_whatever_the_format(sandbox: Served, tmp_path: Path) -> None:
    spec = write(tmp_path / "acme.yaml", sandbox)
    before = sandbox.seen()
    for format_ in ("text", "markdown", "json"):
        run("doctor", "-f", str(spec), "--format", format_)
    harmless = ("/auth/login", "tenant_access_token", "batch_get_id", "check_white_black_list", "/callback/ws/endpoint")
    wrote = [
        request["path"]
        for request in sandbox.requests(before)
        if request["method"] != "GET" and not request["path"].endswith(harmless) and harmless[1] not in request["path"]
    ]
    assert wrote == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.yaml"]


def test_of_two_targets_a_sick_one_takes_nothing_from_the_other(sandbox: Served, tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    write(folder / "a.yaml", sandbox)
    other = write(folder / "b.yaml", sandbox, name="globex", feishu="http://127.0.0.1:1")
    other.write_text(
        other.read_text("utf-8").replace("environments: [prod]}", "environments: [test]}"), encoding="utf-8"
    )
    result = run("doctor", "-f", str(folder), "--format", "json")
    assert result.exit_code == 1
    good, bad = documents(result)
    assert {check["id"]: check["status"] for check in good["checks"]}["credentials"] == "ok"
    bad_checks = {check["id"]: check for check in bad["checks"]}
    assert bad_checks["credentials"]["status"] == "failed"
    assert bad_checks["credentials"]["cause"].startswith("127.0.0.1:1: Feishu cannot be reached")
    assert bad_checks["externalUrl"]["status"] == "ok"
    only = run("doctor", "-f", str(folder), "--target", "acme", "--format", "markdown")
    assert "`acme`" in only.stdout
    assert "globex" not in only.stdout


def test_the_probe_says_what_it_leaves_behind_and_needs_a_declared_definition(sandbox: Served, tmp_path: Path) -> None:
    spec = write(tmp_path / "acme.yaml", sandbox)
    unknown = run("doctor", "-f", str(spec), "--probe", "nope")
    assert unknown.exit_code == 64
    assert "no chosen target declares a definition nope" in unknown.stderr
    run("apply", "-f", str(spec), "--yes", "--create-definition", "stage-gate")
    result = run("doctor", "-f", str(spec), "--probe", "stage-gate", "--format", "json")
    assert result.exit_code == 0, result.output
    assert "Both stay on record: nobody can delete them." in result.stderr
    probed = [check for check in documents(result)[0]["checks"] if check["id"].startswith("probe/")]
    assert [check["status"] for check in probed] == ["ok"] * 6
    assert probed[-1]["id"] == "probe/event"
    assert not {"withdrawal", "events/arriving"} & {check["id"] for check in documents(result)[0]["checks"]}
    open_lines = [check["id"] for check in documents(result)[0]["checks"] if check["status"] != "ok"]
    assert set(open_lines) <= {
        "icon",
        "version",
        "enabled",
        "availability",
        "events/configured",
        f"scope/{SELF_MANAGE}",
    }


def test_a_probe_whose_event_does_not_arrive_says_so(tmp_path: Path) -> None:
    with served(SEED.replace("events: [approval_instance, approval_task]", "events: []")) as sandbox:
        spec = write(tmp_path / "acme.yaml", sandbox)
        run("apply", "-f", str(spec), "--yes", "--create-definition", "stage-gate")
        result = run("doctor", "-f", str(spec), "--probe", "stage-gate", "--format", "json")
        assert result.exit_code == 1
        (event,) = [check for check in documents(result)[0]["checks"] if check["id"] == "probe/event"]
        assert event["status"] == "failed"
        assert event["cause"] == "no event of the request arrived within 10 s: every decision waits for the next poll"
