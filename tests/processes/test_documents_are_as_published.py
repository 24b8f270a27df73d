"""Every command that prints JSON prints what its published schema says, and no field that the schema does not name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fixtures.published_schemas import FOLDER, judge, printed
from jsonschema import ValidationError
from processes.sync_lab import Lab, eventually, lab

from reconciler.cli.main import cli

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Said = Callable[..., str]
PROMISED = {
    *("validate", "plan", "apply", "drift", "doctor", "status", "explain", "history", "request"),
    *("sync", "sandbox", "error", "spec"),
}


def test_every_document_of_the_contract_has_its_schema() -> None:
    assert {path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json")} >= PROMISED


def test_the_judge_sees_a_field_that_is_not_published() -> None:
    with pytest.raises(ValidationError):
        judge("sync").validate({"ready": True, "http": None, "more": 1})


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """Runs a command in this process, as it would run in the lab's folder; what it printed."""

    def run(here: Lab, *command: str, expect: int = 0) -> str:
        monkeypatch.chdir(here.place.folder)
        for name, value in here.place.environment.items():
            monkeypatch.setenv(name, value)
        asked = [*command, "--format", "json", "-f", str(here.place.spec.parent)]
        result = CliRunner().invoke(cli, asked)
        assert result.exit_code == expect, f"{command}: {result.exit_code}\n{result.stdout}{result.stderr}"
        return result.stdout

    return run


def test_what_a_whole_run_prints_is_what_is_published(tmp_path: Path, said: Said) -> None:
    with lab(tmp_path) as here:
        judge("sandbox").validate(here.urls)
        printed("validate", said(here, "validate"))
        # `apply` ran while the lab was built: one changed flag gives plan, apply and drift something to say.
        here.spec(("requireIssueApproval: true", "requireIssueApproval: true, allowSelfApproval: true"))
        assert printed("plan", said(here, "plan", expect=2))["summary"]["update"] == 1
        assert printed("drift", said(here, "drift", expect=2))["summary"]["pending"] == 1
        assert len(printed("apply", said(here, "apply", "--yes"))["outcomes"]) == 1
        sync = here.sync()
        assert sync.process.stdout is not None
        printed("sync", sync.process.stdout.readline())
        stage = f"{here.people.change(1)}/rollout/stages/test"

        def states() -> list[Any]:
            subjects = printed("status", said(here, "status"))["subjects"]
            return [each["state"] for each in subjects if each["subject"] == stage]

        eventually(lambda: states() == ["asked"])
        assert printed("explain", said(here, "explain", stage, "--form"))["request"]
        assert printed("explain", said(here, "explain", stage))["row"] == 15
        assert printed("request", said(here, "request", stage, "--wait", "60"))["answer"]
        refused = printed("error", said(here, "request", stage, "--wait", "60", expect=3))["error"]
        assert refused["where"] == {"resource": stage}
        lines = said(here, "history").splitlines()
        assert len(lines) > 1
        for line in lines:
            printed("history", line)
        assert sync.stop() == 0
        printed("doctor", said(here, "doctor"))


def test_what_several_targets_and_failures_print_is_what_is_published(tmp_path: Path, said: Said) -> None:
    with lab(tmp_path) as here:
        good = here.place.spec.read_text(encoding="utf-8")
        other = (
            good.partition("  feishu:")[0].replace("name: demo}", "name: unreachable}", 1).replace("sandbox", "nowhere")
        )
        other = other.replace(here.urls["bytebase"], "http://127.0.0.1:9").replace("{type: FEISHU, from: feishu}", "")
        (here.place.spec.parent / "other.yaml").write_text(other, encoding="utf-8")
        for command in ("plan", "drift"):
            documents = printed(command, said(here, command, expect=1))["documents"]
            assert ["error" in each for each in documents] == [False, True]
        assert len(printed("status", said(here, "status"))["documents"]) == 2
        here.place.spec.write_text(good.replace("gates:", "gatse:", 1), encoding="utf-8")
        found = printed("validate", said(here, "validate", expect=1))
        assert found["errors"][0]["line"] > 1
        for command in ("plan", "drift", "apply"):
            assert printed("error", said(here, command, expect=1))["error"]["kind"] == "badSpec"
        here.place.spec.write_text(good, encoding="utf-8")
        for command, code, kind in (
            (("plan", "--target", "nobody"), 1, "badSpec"),
            (("explain", "no/such/subject", "--target", "demo"), 1, "notFound"),
            (("apply", "--yes", "--target", "demo", "--expect", "0" * 64), 3, "refused"),
            (("plan", "--no-such-option"), 64, "refused"),
        ):
            assert printed("error", said(here, *command, expect=code))["error"]["kind"] == kind
