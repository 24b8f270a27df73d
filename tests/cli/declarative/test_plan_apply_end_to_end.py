"""The commands against whole stand-ins: what is typed, what comes out, and what reached the upstreams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.command_runs import run
from fakes.declarative_sandbox import SEED, Served, served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("folder")]


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Served]:
    with served() as sandbox:
        yield sandbox


def apply_all(expect: int = 0) -> dict[str, object]:
    result = run("apply", "--yes", "--create-definition", "stage-gate", "--format", "json", expect=expect)
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_the_whole_way_from_a_spec_to_an_empty_plan(sandbox: Served, folder: Path) -> None:
    spec = sandbox.write_spec(folder / "specs")
    shown = run("plan", expect=2)
    assert "bytebase/rolloutPolicy/prod" in shown.stdout
    refused = run("apply", "--yes", expect=3)
    assert "--create-definition stage-gate" in refused.stderr
    outcomes = apply_all()["outcomes"]
    assert isinstance(outcomes, list)
    assert {each["outcome"] for each in outcomes} == {"applied"}
    assert len(outcomes) == 9
    code = next(each["code"] for each in outcomes if each["kind"] == "feishu/definition")
    assert f"code: {code} # written by apply" in spec.read_text(encoding="utf-8")
    again = run("plan", "--format", "json", expect=0)
    document = json.loads(again.stdout)
    assert document["summary"]["keep"] == len(document["changes"]) == 10
    assert document["refusals"] == []
    assert run("drift", expect=0)


def test_two_plans_are_the_same_bytes(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    assert run("plan", "--format", "json").stdout == run("plan", "--format", "json").stdout


def test_looking_writes_nothing_upstream(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    apply_all()
    start = sandbox.seen()
    for command in (("validate",), ("plan",), ("drift",), ("export",), ("plan", "--rewrite", "bytebase/im")):
        run(*command)
    calls = {(each["target"], each["method"], each["path"]) for each in sandbox.requests(start)}
    reading = {
        ("bytebase", "POST", "/v1/auth/login"),
        ("bytebase", "POST", "/v1/projects:search"),
        ("bytebase", "POST", "/v1/auditLogs:search"),
        ("feishu", "POST", "/open-apis/auth/v3/tenant_access_token/internal"),
        ("feishu", "POST", "/open-apis/contact/v3/users/batch_get_id"),
    }
    assert {call for call in calls if call[1] != "GET"} <= reading
    assert not (folder / "specs" / ".reconciler").exists()


def test_a_plan_file_is_applied_while_it_holds_and_refused_afterwards(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    run("plan", "--out", "plan.json", expect=2)
    with sandbox.admin() as admin:
        admin.patch(
            "/v1/projects/demo?update_mask=allow_self_approval", json={"allowSelfApproval": True}
        ).raise_for_status()
    start = sandbox.seen()
    refused = run("apply", "plan.json", "--create-definition", "stage-gate", expect=3)
    assert "bytebase/project/demo: the live resource moved" in refused.stderr
    assert [each for each in sandbox.requests(start) if each["method"] in {"PATCH", "DELETE"}] == []
    run("plan", "--out", "plan.json", expect=2)
    run("apply", "plan.json", "--create-definition", "stage-gate", expect=0)
    run("plan", expect=0)
    refused = run("apply", "plan.json", expect=3)
    assert "not the plan that was shown" in refused.stderr


@pytest.mark.parametrize("damage", ["truncated", "edited", "future", "empty"])
def test_a_damaged_plan_file_changes_nothing(sandbox: Served, folder: Path, damage: str) -> None:
    sandbox.write_spec(folder / "specs")
    run("plan", "--out", "plan.json", expect=2)
    text = (folder / "plan.json").read_text(encoding="utf-8")
    damaged, code = {
        "truncated": (text[: len(text) // 2], 1),
        "edited": (text.replace("roles/projectReleaser", "roles/workspaceMember"), 3),
        "future": (text.replace('"formatVersion": "1"', '"formatVersion": "2"'), 3),
        "empty": ("", 1),
    }[damage]
    (folder / "plan.json").write_text(damaged, encoding="utf-8")
    start = sandbox.seen()
    result = run("apply", "plan.json", "--create-definition", "stage-gate", expect=code)
    assert result.stderr.count("error:") == 1
    assert "next:" in result.stderr
    assert {each["method"] for each in sandbox.requests(start)} <= {"GET", "POST"}


def test_a_live_edit_has_drifted_with_its_author(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    apply_all()
    with sandbox.admin() as admin:
        body = {
            "name": "environments/prod/policies/rollout_policy",
            "type": "ROLLOUT_POLICY",
            "rolloutPolicy": {"automatic": True, "roles": []},
        }
        admin.patch(
            "/v1/environments/prod/policies/rollout_policy?update_mask=rollout_policy&allow_missing=true", json=body
        ).raise_for_status()
    drift = json.loads(run("drift", "--format", "json", expect=2).stdout)
    (item,) = [each for each in drift["items"] if each["class"] == "drifted"]
    assert (item["kind"], item["name"], item["who"]) == ("bytebase/rolloutPolicy", "prod", "admin@example.com")
    assert item["when"] is not None
    assert drift["summary"]["drifted"] == 1
    run("apply", "--yes", expect=0)
    run("drift", expect=0)


def test_what_is_exported_plans_to_nothing(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    apply_all()
    exported = run("export", expect=0).stdout
    (folder / "exported.yaml").write_text(exported, encoding="utf-8")
    run("validate", "-f", "exported.yaml", expect=0)
    document = json.loads(run("plan", "-f", "exported.yaml", "--format", "json", expect=0).stdout)
    assert {"bytebase/project/demo", "bytebase/role/oa"} <= {each["id"] for each in document["changes"]}
    run("plan", "-f", "exported.yaml", "--store", "sqlite:///other/store.db", expect=0)


def test_a_fresh_workspace_is_exported_and_plans_to_nothing(sandbox: Served, folder: Path) -> None:
    file = sandbox.write_spec(folder / "specs")
    connection = file.read_text(encoding="utf-8")
    start, end = connection.index("    im:"), connection.index("  feishu:")
    bare = connection[:start] + "  feishu:\n" + connection[end:].split("    definitions:")[0].split("\n", 1)[1]
    file.write_text(bare, encoding="utf-8")
    (folder / "exported.yaml").write_text(run("export", expect=0).stdout, encoding="utf-8")
    run("plan", "-f", "exported.yaml", expect=0)


def test_an_undeclared_im_type_is_not_erased(sandbox: Served, folder: Path) -> None:
    spec = sandbox.write_spec(folder / "specs")
    apply_all()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("settings: [{type: FEISHU, from: feishu}]", "settings: []"), encoding="utf-8")
    document = json.loads(run("plan", "--format", "json", expect=3).stdout)
    (change,) = [each for each in document["changes"] if each["kind"] == "bytebase/im"]
    assert change["erases"] == ["FEISHU"]
    assert document["refusals"][0]["code"] == "undeclaredIm"
    refused = run("apply", "--yes", expect=3)
    assert "undeclared: erase" in refused.stderr
    erasing = spec.read_text(encoding="utf-8").replace("settings: []", "settings: []\n      undeclared: erase")
    spec.write_text(erasing, encoding="utf-8")
    run("apply", "--yes", expect=0)
    run("plan", expect=0)


def test_wrong_im_credentials_fail_and_the_next_run_heals(
    sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = sandbox.write_spec(folder / "specs")
    text = spec.read_text(encoding="utf-8").replace(
        "{type: FEISHU, from: feishu}", "{type: FEISHU, appId: cli_sandbox, appSecret: {env: IM_SECRET}}"
    )
    spec.write_text(text, encoding="utf-8")
    monkeypatch.setenv("IM_SECRET", "wrong")
    result = run("apply", "--yes", "--create-definition", "stage-gate", expect=4)
    assert "bytebase/im/workspace" in result.stdout
    monkeypatch.setenv("IM_SECRET", "sandbox")
    run("apply", "--yes", expect=0)
    run("plan", expect=0)


def test_without_a_terminal_and_without_yes_nothing_is_written(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    refused = run("apply", "--create-definition", "stage-gate", expect=3)
    assert "--yes" in refused.stderr
    apply_all()
    run("apply", expect=0)


def test_a_partial_plan_says_so(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    document = json.loads(run("plan", "--only", "bytebase/project", "--format", "json", expect=2).stdout)
    assert document["partial"] is True
    assert {each["kind"] for each in document["changes"]} == {"bytebase/project"}
    document = json.loads(run("plan", "--except", "feishu/definition/stage-gate", "--format", "json", expect=2).stdout)
    assert "feishu/definition/stage-gate" not in {each["id"] for each in document["changes"]}


def test_people_and_rights_are_told_and_change_nothing(sandbox: Served, folder: Path) -> None:
    sandbox.write_spec(folder / "specs")
    document = json.loads(run("plan", "--format", "json").stdout)
    people = {each["name"]: each["code"] for each in document["findings"] if each["kind"] == "users"}
    assert people == {"alice@example.com": "userResolves"}
    rights = {each["code"] for each in document["warnings"] if each["kind"] == "capability"}
    assert "canBypassGate" in rights


def test_nothing_printed_or_kept_holds_a_secret(sandbox: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.write_spec(folder / "specs")
    said = ""
    for command in (
        ("plan", "-v", "--out", "plan.json"),
        ("plan", "--format", "markdown"),
        ("apply", "--yes", "-vv", "--create-definition", "stage-gate", "--format", "json", "--out", "apply.json"),
        ("drift", "-vv", "--format", "json"),
        ("export", "-vv"),
    ):
        result = run(*command)
        said += result.stdout + result.stderr
    monkeypatch.setenv("BYTEBASE_KEY", "bbs_wrong-canary")
    result = run("plan", "-vv", "--format", "json")
    said += result.stdout + result.stderr
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in ("bbs_sandbox", "canary-hook", "bbs_wrong-canary", '"sandbox"'):
        assert secret not in said
        assert secret.encode() not in kept


def test_two_targets_never_mix_and_one_that_fails_does_not_stop_the_other(folder: Path) -> None:
    other_seed = SEED.replace("id: demo", "id: demo").replace(
        "ou_0000000000000000000000000000000", "ou_000000000000000000000000000000f"
    )
    with served() as first, served(other_seed) as second:
        first.write_spec(folder / "specs", "alpha")
        second.write_spec(folder / "specs", "beta")
        both = json.loads(apply_text("--create-definition", "stage-gate", expect=0))
        assert [each["target"]["name"] for each in both["documents"]] == ["alpha", "beta"]
        plans = json.loads(run("plan", "--format", "json", expect=0).stdout)["documents"]
        by_name = {each["target"]["name"]: each for each in plans}
        assert by_name["alpha"]["target"]["bytebase"]["url"] == first.bytebase
        assert by_name["beta"]["target"]["bytebase"]["url"] == second.bytebase
        second.fault(target="bytebase", method="GET", path="/v1/", times=1000, fault="status", status=500)
        result = run("plan", "--format", "json", expect=1)
        documents = {each["target"]["name"]: each for each in json.loads(result.stdout)["documents"]}
        assert "error" in documents["beta"]
        assert documents["alpha"]["summary"]["keep"] > 0
        start = second.seen()
        run("apply", "--yes", "--target", "alpha", expect=0)
        assert second.requests(start) == []


def apply_text(*arguments: str, expect: int) -> str:
    return run("apply", "--yes", "--format", "json", *arguments, expect=expect).stdout


def test_swapped_connections_are_refused_by_the_remembered_workspace(folder: Path) -> None:
    with served() as first, served() as second:
        spec = first.write_spec(folder / "specs")
        apply_all()
        spec.write_text(spec.read_text(encoding="utf-8").replace(first.bytebase, second.bytebase), encoding="utf-8")
        start = second.seen()
        refused = run("apply", "--yes", expect=3)
        assert "--accept-identity" in refused.stderr
        assert {each["method"] for each in second.requests(start)} <= {"GET", "POST"}
