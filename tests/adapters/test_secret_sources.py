"""Secrets are found where their references say, and never shown by an error."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from reconciler.adapters.secret_sources import SecretResolver, describe
from reconciler.errors import CredentialsError, FilePosition, ReconcilerError, RefusedError
from reconciler.spec.models.references import EnvRef, ExecRef, FileRef, KeyringEntry, KeyringRef

CANARY = "canary-5e1f"


def resolver(tmp_path: Path, *, untrusted: bool = False, **environment: str) -> SecretResolver:
    return SecretResolver({"PATH": os.environ["PATH"], **environment}, tmp_path, untrusted=untrusted)


def spec_in(folder: Path) -> FilePosition:
    return FilePosition(str(folder / "spec.yaml"), 3, 7)


def script(code: str, deadline: str = "10s") -> ExecRef:
    return ExecRef(exec=(sys.executable, "-c", code), deadline=deadline)


async def failure(
    found: SecretResolver, reference: EnvRef | FileRef | ExecRef | KeyringRef, where: FilePosition
) -> ReconcilerError:
    with pytest.raises(ReconcilerError) as caught:
        await found.resolve(reference, where)
    assert CANARY not in f"{caught.value!r} {caught.value} {caught.value.why} {caught.value.next_step}"
    assert caught.value.where == where
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize("value", [CANARY, CANARY + "\n", CANARY + "\r\n"])
async def test_a_variable_is_read_without_its_final_line_break(tmp_path: Path, value: str) -> None:
    secret = await resolver(tmp_path, TOKEN=value).resolve(EnvRef(env="TOKEN"))
    assert secret.reveal() == CANARY
    assert CANARY not in f"{secret!r} {secret}"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "environment variable TOKEN is not set"),
        ({"TOKEN": ""}, "environment variable TOKEN is empty"),
        ({"TOKEN": " \n"}, "environment variable TOKEN is empty"),
        ({"TOKEN": CANARY + "\nX: y"}, "holds a line break"),
        ({"TOKEN": CANARY + "\x00"}, "holds a line break or control character"),
    ],
)
async def test_a_variable_without_a_usable_value_is_named(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    error = await failure(resolver(tmp_path, **environment), EnvRef(env="TOKEN"), spec_in(tmp_path))
    assert isinstance(error, CredentialsError)
    assert said in error.what


async def test_a_file_is_found_from_the_spec_files_folder(tmp_path: Path) -> None:
    (tmp_path / "specs" / "keys").mkdir(parents=True)
    (tmp_path / "specs" / "keys" / "token").write_text(CANARY + "\n")
    secret = await resolver(tmp_path).resolve(FileRef(file="keys/token"), spec_in(tmp_path / "specs"))
    assert secret.reveal() == CANARY


async def test_a_key_of_a_json_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(f'{{"other": 1, "token": "{CANARY}"}}')
    secret = await resolver(tmp_path).resolve(FileRef(file=str(tmp_path / "keys.json"), jsonKey="token"))
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"token": "{CANARY}"', "is not JSON"),
        ("[" * 60_000, "is not JSON"),
        (f'{{"other": "{CANARY}"}}', "holds no text under that key"),
        (f'["{CANARY}"]', "holds no text under that key"),
        ('{"token": 5}', "holds no text under that key"),
        ('{"token": ""}', "is empty"),
    ],
)
async def test_a_json_file_without_the_key_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    error = await failure(resolver(tmp_path), FileRef(file="keys.json", jsonKey="token"), spec_in(tmp_path))
    assert f"file keys.json (key token) {said}" in error.what


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\xff\xfe", "is not UTF-8 text"), (b"x" * 70_000, "too large"), (None, "cannot be read")],
)
async def test_a_file_without_a_usable_value_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    error = await failure(resolver(tmp_path), FileRef(file="token"), spec_in(tmp_path))
    assert isinstance(error, CredentialsError)
    assert said in error.what


async def test_a_command_is_not_run_unless_the_environment_allows_it(tmp_path: Path) -> None:
    reference = script(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for environment in ({}, {"RECONCILER_ALLOW_EXEC": "0"}, {"RECONCILER_ALLOW_EXEC": "yes"}):
        error = await failure(resolver(tmp_path, **environment), reference, spec_in(tmp_path))
        assert isinstance(error, RefusedError)
        assert "RECONCILER_ALLOW_EXEC=1" in error.next_step
    assert not (tmp_path / "ran").exists()


async def test_what_a_command_prints_is_the_value(tmp_path: Path) -> None:
    found = resolver(tmp_path, RECONCILER_ALLOW_EXEC="1", FROM=CANARY)
    secret = await found.resolve(script("import os, sys; sys.stderr.write('talk'); print(os.environ['FROM'])"))
    assert secret.reveal() == CANARY


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    found = resolver(tmp_path, RECONCILER_ALLOW_EXEC="1")
    secret = await found.resolve(ExecRef(exec=("echo", "$HOME; `id`")))
    assert secret.reveal() == "$HOME; `id`"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"import sys; print('{CANARY}'); sys.exit('{CANARY}')", "failed with exit code 1"),
        ("pass", "is empty"),
        (f"print('{CANARY}'); print('two')", "holds a line break"),
        (f"print('{CANARY}' * 10_000)", "printed too much"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "did not print UTF-8"),
    ],
)
async def test_a_command_without_a_usable_value_is_named(tmp_path: Path, code: str, said: str) -> None:
    found = resolver(tmp_path, RECONCILER_ALLOW_EXEC="1")
    error = await failure(found, script(code), spec_in(tmp_path))
    assert isinstance(error, CredentialsError)
    assert said in error.what


@pytest.mark.parametrize("program", ["no-such-program-here", "a\0b"])
async def test_a_command_that_does_not_exist_is_named(tmp_path: Path, program: str) -> None:
    found = resolver(tmp_path, RECONCILER_ALLOW_EXEC="1")
    error = await failure(found, ExecRef(exec=(program, CANARY)), spec_in(tmp_path))
    assert "cannot be run" in error.what


@pytest.mark.slow
async def test_a_late_command_is_killed_with_all_it_has_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(child)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    found = resolver(tmp_path, RECONCILER_ALLOW_EXEC="1")
    error = await failure(found, script(code, deadline="2s"), spec_in(tmp_path))
    assert "did not end within 2 seconds" in error.what
    assert _ends(int(child.read_text()))


def _ends(pid: int) -> bool:
    """Whether a process is gone, or only waits to be collected by whoever inherited it."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


async def test_an_untrusted_spec_runs_no_command_even_where_they_are_allowed(tmp_path: Path) -> None:
    found = resolver(tmp_path, untrusted=True, RECONCILER_ALLOW_EXEC="1")
    error = await failure(found, script(f"open({str(tmp_path / 'ran')!r}, 'w')"), spec_in(tmp_path))
    assert isinstance(error, RefusedError)
    assert not (tmp_path / "ran").exists()


async def test_an_untrusted_spec_reads_no_file_outside_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "specs").mkdir(parents=True)
    (tmp_path / "outside").write_text(CANARY)
    (checkout / "inside").write_text("inside")
    (checkout / "specs" / "link").symlink_to(tmp_path / "outside")
    found = resolver(checkout, untrusted=True)
    where = spec_in(checkout / "specs")
    assert (await found.resolve(FileRef(file="../inside"), where)).reveal() == "inside"
    for outside in (str(tmp_path / "outside"), "../../outside", "link", "~/x", "/proc/self/environ"):
        error = await failure(found, FileRef(file=outside), where)
        assert isinstance(error, RefusedError)
        assert "outside the checkout" in error.what


async def test_an_untrusted_spec_may_name_variables(tmp_path: Path) -> None:
    secret = await resolver(tmp_path, untrusted=True, TOKEN=CANARY).resolve(EnvRef(env="TOKEN"))
    assert secret.reveal() == CANARY


KEYRING = KeyringRef(keyring=KeyringEntry(service="acme", username="bytebase"))


async def test_a_keyring_entry_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, user: f"{service}/{user}")
    assert (await resolver(tmp_path).resolve(KEYRING)).reveal() == "acme/bytebase"


async def test_a_keyring_without_the_entry_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, user: None)
    error = await failure(resolver(tmp_path), KEYRING, spec_in(tmp_path))
    assert error.what == "keyring entry acme/bytebase does not exist"


async def test_a_locked_keyring_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.errors import KeyringLocked

    def locked(service: str, user: str) -> str:
        raise KeyringLocked(CANARY)

    monkeypatch.setattr(keyring, "get_password", locked)
    error = await failure(resolver(tmp_path), KEYRING, spec_in(tmp_path))
    assert error.why == "KeyringLocked"


async def test_a_missing_keyring_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    error = await failure(resolver(tmp_path), KEYRING, spec_in(tmp_path))
    assert "reconciler[keyring]" in error.next_step


def test_a_command_is_described_without_its_arguments() -> None:
    assert describe(ExecRef(exec=("vault", "read", CANARY))) == "command vault"
