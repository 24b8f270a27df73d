"""`sync` as a command: its ends, its exit codes, and what it prints; the targets are fakes on a real store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from fakes.daemon_parts import FakePasses, FakeSubjects, Parts, entry, stage

from reconciler.adapters.lock_file import hold_file
from reconciler.adapters.store import SqlLedger
from reconciler.cli import sync as sync_module
from reconciler.cli import sync_session as session_module
from reconciler.cli.main import cli
from reconciler.cli.sync_session import SyncContext
from reconciler.daemon.host import HostSettings
from reconciler.daemon.parts import EventSink, SyncTarget
from reconciler.errors import CredentialsError, UnavailableError
from reconciler.ports.sync import Sighting
from reconciler.spec.target import Target
from reconciler.subjects.entry import EntryState, HistoryRow, LedgerChange, Reason

SPEC = """
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: http://127.0.0.1:1
    identity: acme-prod
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
  feishu:
    platform: {openApi: "http://127.0.0.1:1"}
    app: {id: cli_a1, secret: {env: FEISHU_SECRET}}
"""


class Builds:
    """Builds fake targets, and remembers with what it was asked to."""

    def __init__(self) -> None:
        self.contexts: list[SyncContext] = []
        self.ledgers: dict[str, SqlLedger] = {}
        self.passes = FakePasses()
        self.subjects = FakeSubjects([Sighting("projects/demo/plans/1", stage(1), "1")])
        self.background: Callable[[EventSink], object] | None = None
        self.drained: list[int] = [0]
        self.error: Exception | None = None
        self.errors: list[Exception] = []
        self.closed = 0

    async def __call__(self, target: Target, context: SyncContext) -> SyncTarget:
        self.contexts.append(context)
        self.ledgers[target.name] = context.ledger
        if self.error is not None:
            raise self.error
        if self.errors:
            raise self.errors.pop(0)
        parts = Parts(context.store, target.name, subjects=self.subjects, passes=self.passes)
        parts.ledger = context.ledger

        async def drain() -> int:
            return self.drained.pop(0)

        async def aclose() -> None:
            self.closed += 1

        background = (self.background,) if self.background is not None else ()
        return parts.target(drain=drain, aclose=aclose, background=background)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Builds:
    made = Builds()
    monkeypatch.setattr(sync_module, "build_sync", made)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_STORE", raising=False)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/a.yaml").write_text(SPEC)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sync", *arguments])


def ending_with(number: signal.Signals, found: list[object]) -> Callable[[EventSink], object]:
    """Background work that looks at the page and then ends the process's run by a signal."""

    async def background(_sink: EventSink) -> None:
        await asyncio.sleep(0.1)
        found.append("running")
        os.kill(os.getpid(), number)
        await asyncio.sleep(3_600)

    return background


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_a_signal_ends_it_with_0(builds: Builds, number: signal.Signals) -> None:
    found: list[object] = []
    builds.background = ending_with(number, found)
    result = run("--format", "json", "--http-port", "0")
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert line["ready"] is True
    assert line["http"].startswith("http://127.0.0.1:")
    assert found == ["running"]
    assert builds.passes.done == [stage(1)]
    assert builds.closed == 1


def test_the_page_is_served_where_it_says(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str | None] = []
    monkeypatch.setattr(sync_module, "_teller", lambda _options: said.append)
    answers: list[int] = []

    async def background(_sink: EventSink) -> None:
        async with httpx.AsyncClient() as client:
            paths = ("/healthz", "/readyz", "/metrics", "/")
            answers.extend([(await client.get(f"{said[0]}{path}")).status_code for path in paths])
        os.kill(os.getpid(), signal.SIGTERM)

    builds.background = background
    assert run("--http-port", "0").exit_code == 0
    assert answers == [200, 200, 200, 200]


def test_without_http_nothing_is_served(builds: Builds) -> None:
    builds.background = ending_with(signal.SIGTERM, [])
    assert json.loads(run("--format", "json", "--no-http").stdout) == {"ready": True, "http": None}


def test_once_looks_around_and_ends_with_0(builds: Builds) -> None:
    result = run("--once")
    assert result.exit_code == 0, result.output
    assert builds.passes.done == [stage(1)]
    assert builds.closed == 1
    assert builds.contexts[0].adopt


def test_on_a_store_that_knows_the_target_adoption_has_to_be_asked_for(builds: Builds) -> None:
    async def record(subject: str) -> None:
        await builds.contexts[0].ledger.commit(LedgerChange(entry=entry(subject)))

    builds.passes.act = lambda subject: asyncio.ensure_future(record(subject))
    run("--once")
    run("--once")
    run("--once", "--adopt")
    assert [context.adopt for context in builds.contexts] == [True, False, True]


def test_a_second_sync_on_one_store_is_refused_with_the_holder(builds: Builds, tmp_path: Path) -> None:
    with hold_file(tmp_path / ".reconciler/store.db.sync.lock", what="a sync", now=datetime.now(UTC)):
        result = run("--once")
        assert result.exit_code == 3
        assert f"process {os.getpid()}" in result.stderr
        assert run("--once", "--observe").exit_code == 0
    assert run("--once").exit_code == 0


def test_observing_leaves_no_trace(builds: Builds, tmp_path: Path) -> None:
    result = run("--once", "--observe")
    assert result.exit_code == 0, result.output
    assert builds.contexts[0].observe
    assert not (tmp_path / ".reconciler").exists()


def test_draining_ends_with_0_once_nothing_is_pending(builds: Builds) -> None:
    assert run("--drain").exit_code == 0
    assert builds.contexts[0].drain
    assert builds.drained == []


def test_the_history_is_also_appended_to_a_file(builds: Builds, tmp_path: Path) -> None:
    row = HistoryRow(datetime(2026, 3, 1, tzinfo=UTC), stage(1), 0, "asked", Reason("asked", "asked in Feishu"))
    committed: list[object] = []

    def record(_subject: str) -> None:
        committed.append(asyncio.ensure_future(builds.contexts[0].ledger.commit(LedgerChange(history=(row,)))))

    builds.passes.act = record
    assert run("--once", "--history-log", "logs/history.jsonl").exit_code == 0
    lines = (tmp_path / "logs/history.jsonl").read_text().splitlines()
    assert [json.loads(line)["decision"] for line in lines] == ["asked"]


def test_what_cannot_be_connected_ends_with_its_sentence_and_code(builds: Builds) -> None:
    builds.error = CredentialsError("the key of gitops is wrong", next_step="correct BYTEBASE_KEY")
    result = run("--once", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["kind"] == "badCredentials"
    assert "correct BYTEBASE_KEY" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--once", "--drain"], 64),
        (["--observe", "--drain"], 64),
        (["--http-port", "70000"], 64),
        (["--nonsense"], 64),
        (["--store", "mysql://x"], 64),
        (["--target", "other", "--once"], 1),
        (["-f", "missing", "--once"], 1),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_64_and_a_spec_that_is_wrong_1(
    builds: Builds, arguments: list[str], code: int
) -> None:
    assert run(*arguments).exit_code == code


def test_a_server_that_comes_back_soon_is_waited_for_unless_it_is_to_run_once(
    builds: Builds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_FIRST_RETRY_SECONDS", 0.01)
    builds.errors = [UnavailableError("away"), UnavailableError("away")]
    builds.background = ending_with(signal.SIGTERM, [])
    assert run("--no-http").exit_code == 0
    assert len(builds.contexts) == 3
    builds.errors = [UnavailableError("away")]
    assert run("--once").exit_code == 1


def test_a_changed_spec_is_loaded_and_a_broken_one_is_not(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "HostSettings", lambda **given: HostSettings(reload_every=0.02, **given))
    file = tmp_path / "specs/a.yaml"

    async def background(_sink: EventSink) -> None:
        if len(builds.contexts) > 1:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        file.write_text("gates: [")
        await asyncio.sleep(0.2)
        assert len(builds.contexts) == 1
        file.write_text(f"# changed\n{SPEC}")
        await asyncio.sleep(3_600)

    builds.background = background
    assert run("--no-http").exit_code == 0
    first, second = builds.contexts
    assert first.spec_digest != second.spec_digest
    assert builds.closed == 2


def test_r_03_a_target_leaves_the_spec_only_once_its_requests_are_ended(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "HostSettings", lambda **given: HostSettings(reload_every=0.02, **given))
    monkeypatch.setattr(session_module, "_RETRY_SECONDS", 0.05)
    other = tmp_path / "specs/b.yaml"
    other.write_text(SPEC.replace("name: acme", "name: leaving").replace("acme-prod", "other").replace(":1", ":2"))
    begun: list[int] = []
    shown: list[int] = []

    async def background(_sink: EventSink) -> None:
        begun.append(len(builds.contexts))
        if len(begun) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        if len(begun) > 1:
            return await asyncio.sleep(3_600)
        leaving = builds.ledgers["leaving"]
        asked = entry(stage(1), reason=Reason("asked", "asked"))
        await leaving.commit(LedgerChange(entry=asked))
        other.unlink()
        await asyncio.sleep(0.3)
        shown.append(len(builds.contexts))
        await leaving.commit(LedgerChange(entry=replace(asked, state=EntryState.CLOSED)))
        return await asyncio.sleep(3_600)

    builds.background = background
    result = run("--no-http")
    assert result.exit_code == 0
    assert shown == [2]
    assert len(builds.contexts) == 3
    assert result.stderr.count("leaving leaves the spec with 1 open request") == 1
    assert stage(1) in result.stderr


def test_a_network_address_needs_a_secret(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    builds.background = ending_with(signal.SIGTERM, [])
    refused = run("--http-host", "0.0.0.0", "--http-port", "0")
    assert refused.exit_code == 3
    assert "RECONCILER_HTTP_SECRET" in refused.stderr
    monkeypatch.setenv("RECONCILER_HTTP_SECRET", "s3cret")
    allowed = run("--http-host", "0.0.0.0", "--http-port", "0", "--format", "json")
    assert allowed.exit_code == 0
    assert "s3cret" not in allowed.output


def test_an_unreachable_server_is_said_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_STORE", raising=False)
    monkeypatch.setenv("BYTEBASE_KEY", "k")
    monkeypatch.setenv("FEISHU_SECRET", "s")
    (tmp_path / "a.yaml").write_text(SPEC)
    result = run("-f", "a.yaml", "--once", "--format", "json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "unavailable"
    assert "127.0.0.1" in result.stderr
    assert error["next"]
