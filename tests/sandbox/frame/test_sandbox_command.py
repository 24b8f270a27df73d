"""`reconciler sandbox` as a process: one line when ready, exit 0 when asked to stop, one sentence for a bad seed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.sandbox.serving import LoopbackServer

pytestmark = pytest.mark.slow

START = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "sandbox"]


def _started(*options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([*START, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_json_line_says_ready_and_a_signal_ends_it_with_0(number):
    process, line = _started("--format", "json")
    try:
        urls = json.loads(line)
        assert list(urls) == ["bytebase", "feishu", "page"]
        assert httpx.get(f"{urls['bytebase']}/healthz").status_code == 200
        assert httpx.post(f"{urls['feishu']}/open-apis/auth/v3/tenant_access_token/internal", json={}).json()["code"]
        assert len(httpx.get(f"{urls['page']}/sandbox/requests").json()["requests"]) == 2
        assert httpx.get(urls["page"]).status_code == 200
    finally:
        process.send_signal(number)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")


def test_a_seed_file_is_the_world_it_begins_with(tmp_path):
    seed = tmp_path / "seed.yaml"
    seed.write_text("bytebase: {users: [{email: zoe@example.com, password: pw}]}")
    process, line = _started("--seed", str(seed), "--format", "json")
    try:
        login = {"email": "zoe@example.com", "password": "pw"}
        assert "token" in httpx.post(f"{json.loads(line)['bytebase']}/v1/auth/login", json=login).json()
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_text_for_people_names_the_three_addresses():
    process, line = _started()
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(3)]
    process.terminate()
    process.communicate(timeout=20)
    assert "ready" in line
    named = [re.fullmatch(r"(\w+) +http://127\.0\.0\.1:\d+", text) for text in lines]
    assert [found and found.group(1) for found in named] == ["bytebase", "feishu", "page"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"bytebase: {licens: FREE}", "bytebase.licens: unknown key"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot be read"),
        (b"#" + b" " * 4 * 1024 * 1024, "over 4 MiB"),
    ],
)
def test_a_bad_seed_is_one_clear_error(tmp_path, content, words):
    seed = tmp_path / "seed.yaml"
    if content is not None:
        seed.write_bytes(content)
    result = CliRunner().invoke(cli, ["sandbox", "--seed", str(seed)])
    assert words in result.stderr
    assert str(seed) in result.stderr
    assert (result.exit_code, result.stdout) == (1, "")


async def test_a_taken_port_is_one_clear_error():
    async def nothing(scope, receive, send):
        raise AssertionError

    server = LoopbackServer(nothing, name="taken")
    await server.start()
    try:
        process = subprocess.run(
            [*START, "--page-port", str(server.port)], capture_output=True, text=True, timeout=30, check=False
        )
    finally:
        await server.stop()
    assert process.returncode == 1
    assert "the page port cannot be opened" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    "options", [["--time-scale", "0"], ["--time-scale", "nan"], ["--page-port", "70000"], ["--bogus"]]
)
def test_bad_options_are_bad_usage(options):
    assert CliRunner().invoke(cli, ["sandbox", *options]).exit_code == 64
