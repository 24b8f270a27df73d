"""The commands that read the store: with and without one, with and without a spec, while somebody else writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.adapters.store import SqlLedger, open_store
from reconciler.cli.main import cli
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, Reason, Wish
from reconciler.subjects.instance import AskedPerson, FieldText, InstanceRequest

NOW = datetime.now(UTC).replace(microsecond=0)
PROD = "projects/demo/plans/101/rollout/stages/prod"
TEST = "projects/demo/plans/101/rollout/stages/test"
OTHER = "projects/demo/plans/102/rollout/stages/prod"
TITLE = FieldText("title", (("en-US", "t"),))
REQUEST = InstanceRequest("u", "D", "n", "ou_1", (AskedPerson("ann@x.example", "ou_2"),), TITLE, ())

SPEC = """
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.example
    identity: acme-prod
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
  feishu: {app: {id: cli_a1, secret: {env: FEISHU_SECRET}}}
"""


def entry(subject: str, state: EntryState, code: str = "asked", text: str = "asked in Feishu", **more: object) -> Entry:
    base = {"generation": 0, "gate": "prod", "since": NOW, "title": "Add column"}
    return Entry(subject=subject, state=state, reason=Reason(code, text), **{**base, **more})  # type: ignore[arg-type]


Run = Callable[..., Result]


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/.reconciler/store.db"


@pytest.fixture
def run(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_STORE", raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--store", address])

    return invoke


def fill(address: str, *entries: Entry, target: str = "acme", rows: tuple[HistoryRow, ...] = ()) -> None:
    async def write() -> None:
        store = await open_store(address)
        ledger = SqlLedger(store, target)
        for each in entries:
            await ledger.commit(LedgerChange(entry=each))
        await ledger.commit(LedgerChange(history=rows))
        await store.aclose()

    asyncio.run(write())


@pytest.mark.parametrize("command", ["status", "history"])
def test_without_a_store_the_answer_is_empty_and_no_store_is_made(run: Run, tmp_path: Path, command: str) -> None:
    result = run(command, "--format", "json")
    assert result.exit_code == 0
    assert list(tmp_path.iterdir()) == []
    if command == "status":
        assert json.loads(result.stdout) == {"formatVersion": "1", "documents": []}
    else:
        assert result.stdout == ""


def test_status_lists_what_waits_with_reason_instance_and_approvers(run: Run, address: str, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/a.yaml").write_text(SPEC)
    fill(
        address,
        entry(
            PROD, EntryState.ASKED, instance="CODE", link="https://feishu.example/CODE", request=REQUEST, generation=2
        ),
        entry(OTHER, EntryState.HELD, "checksError", "the plan checks report errors"),
        entry(TEST, EntryState.CLOSED, "ran", "ran", since=NOW - timedelta(days=2)),
    )
    document = json.loads(run("status", "--format", "json").stdout)
    assert document["formatVersion"] == "1"
    assert document["target"] == {
        "name": "acme",
        "bytebase": {"url": "https://bytebase.example", "identity": "acme-prod", "workspace": ""},
        "feishu": {"platform": "feishu", "appId": "cli_a1"},
    }
    asked, held = document["subjects"]
    assert asked == {
        "subject": PROD,
        "kind": "stage",
        "gate": "prod",
        "state": "asked",
        "reason": {"code": "asked", "text": "asked in Feishu"},
        "generation": 2,
        "instance": {"code": "CODE", "link": "https://feishu.example/CODE"},
        "since": NOW.isoformat().replace("+00:00", "Z"),
        "approvers": ["ann@x.example"],
    }
    assert (held["subject"], held["state"], held["instance"]) == (OTHER, "held", None)
    text = run("status").stdout
    assert "the plan checks report errors" in text
    assert "https://feishu.example/CODE" in text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (entry(PROD, EntryState.INTENDED), "asked"),
        (entry(PROD, EntryState.ASKED, outcome="rejected"), "rejected"),
        (entry(PROD, EntryState.ASKED, outcome="withdrawnByPerson"), "held"),
        (entry(PROD, EntryState.ASKED, "approvalOld"), "approved"),
        (entry(PROD, EntryState.RUNNING), "running"),
        (entry(PROD, EntryState.WITHDRAWING), "withdrawing"),
        (entry(PROD, EntryState.VOID), "void"),
        (entry(PROD, EntryState.CLOSED), "closed"),
    ],
)
def test_each_state_is_shown_in_the_contracts_words(run: Run, address: str, given: Entry, shown: str) -> None:
    fill(address, given)
    assert json.loads(run("status", "--format", "json").stdout)["subjects"][0]["state"] == shown


def test_several_targets_are_several_documents_and_one_can_be_chosen(run: Run, address: str) -> None:
    fill(address, entry(PROD, EntryState.HELD))
    fill(address, entry(OTHER, EntryState.HELD), target="beta")
    document = json.loads(run("status", "--format", "json").stdout)
    assert [each["target"]["name"] for each in document["documents"]] == ["acme", "beta"]
    one = json.loads(run("status", "--format", "json", "--target", "beta").stdout)
    assert [each["subject"] for each in one["subjects"]] == [OTHER]
    unknown = run("status", "--target", "gamma")
    assert unknown.exit_code == 1
    assert "acme, beta" in unknown.stderr


def row(subject: str, decision: str, minute: int, **more: object) -> HistoryRow:
    return HistoryRow(NOW + timedelta(minutes=minute), subject, 0, decision, Reason("c", "why"), **more)  # type: ignore[arg-type]


def test_history_is_one_json_object_a_line_oldest_first(run: Run, address: str, tmp_path: Path) -> None:
    spent = row(PROD, "spent", 1, actor="ann@x.example", instance="CODE", fingerprint="f", spec_digest="s", gate="prod")
    fill(address, entry(PROD, EntryState.HELD), rows=(row(PROD, "asked", 0), spent, row(OTHER, "held:10", 2)))
    result = run("history", "--format", "json", "--out", str(tmp_path / "copy"))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["decision"] for line in lines] == ["asked", "spent", "held:10"]
    assert lines[1] == {
        "time": (NOW + timedelta(minutes=1)).isoformat().replace("+00:00", "Z"), "target": "acme", "subject": PROD,
        "generation": 0, "decision": "spent", "reason": {"code": "c", "text": "why"}, "actor": "ann@x.example",
        "instance": "CODE", "fingerprint": "f", "specDigest": "s", "gate": "prod", "evidence": {},
    }  # fmt: skip
    assert (tmp_path / "copy").read_text() == result.stdout
    assert len(run("history", "--format", "json", "--limit", "2").stdout.splitlines()) == 2
    of_one = run("history", "stages/prod", "--format", "json")
    assert of_one.exit_code == 0
    assert len(of_one.stdout.splitlines()) == 2


def test_foreign_text_cannot_forge_a_line_of_history(run: Run, address: str) -> None:
    evil = HistoryRow(NOW, PROD, 0, "asked", Reason("c", "nice\n2026-01-01 forged \x1b[31m \u202e"), actor="x\ny")
    fill(address, rows=(evil,))
    for arguments in (["history"], ["history", "--format", "json"]):
        output = run(*arguments).stdout
        assert len(output.splitlines()) == 1
        assert "\x1b" not in output


def wishes(address: str, subject: str) -> list[Wish]:
    async def read() -> list[Wish]:
        store = await open_store(address)
        found = list(await SqlLedger(store, "acme").wishes(subject))
        await store.aclose()
        return found

    return asyncio.run(read())


@pytest.mark.parametrize("given", [PROD, "101/rollout/stages/prod"])
def test_a_request_is_recorded_for_the_one_subject_with_that_suffix(run: Run, address: str, given: str) -> None:
    fill(address, entry(PROD, EntryState.HELD), entry(OTHER, EntryState.HELD))
    result = run("request", given, "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["subject"], document["wish"], document["answer"]) == (PROD, "recorded", None)
    assert [(wish.subject, wish.source) for wish in wishes(address, PROD)] == [(PROD, "cli")]


def test_an_unknown_subject_is_1_and_an_ambiguous_one_64(run: Run, address: str, tmp_path: Path) -> None:
    assert run("request", "stages/prod").exit_code == 1
    assert not (tmp_path / ".reconciler").exists()
    fill(address, entry(PROD, EntryState.HELD), entry(OTHER, EntryState.HELD))
    ambiguous = run("request", "stages/prod")
    assert ambiguous.exit_code == 64
    assert PROD in ambiguous.stderr
    assert OTHER in ambiguous.stderr
    assert run("request", "").exit_code == 1
    assert wishes(address, PROD) == []


def test_a_flood_of_requests_is_refused(run: Run, address: str) -> None:
    fill(address, entry(PROD, EntryState.HELD))
    assert run("request", PROD).exit_code == 0
    refused = run("request", PROD)
    assert refused.exit_code == 3
    assert "too often" in refused.stderr


def test_waiting_for_an_answer_ends_with_it_or_with_3(run: Run, address: str) -> None:
    fill(address, entry(PROD, EntryState.HELD), entry(OTHER, EntryState.HELD))
    late = run("request", PROD, "--wait", "0", "--format", "json")
    assert late.exit_code == 3
    assert json.loads(late.stdout)["answer"] is None

    async def answering() -> Result:
        store = await open_store(address)
        ledger = SqlLedger(store, "acme")
        asking = asyncio.create_task(asyncio.to_thread(run, "request", OTHER, "--wait", "20", "--format", "json"))
        while not (waiting := await ledger.wishes(OTHER)):
            await asyncio.sleep(0.02)
        await ledger.commit(LedgerChange(wishes_done=((waiting[0].id, "asked in Feishu"),)))
        result = await asking
        await store.aclose()
        return result

    result = asyncio.run(answering())
    assert result.exit_code == 0
    assert json.loads(result.stdout)["answer"] == "asked in Feishu"


def test_migrate_makes_the_store_and_says_what_it_did(run: Run, tmp_path: Path) -> None:
    first = json.loads(run("migrate", "--format", "json").stdout)
    assert (first["before"], first["after"]) == (None, "0001")
    assert (tmp_path / ".reconciler/store.db").exists()
    assert "was up to date" in run("migrate").stdout
