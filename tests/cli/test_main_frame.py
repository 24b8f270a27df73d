"""How the program ends: exit codes row by row, and what goes to which stream."""

from __future__ import annotations

import importlib.machinery
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from reconciler.cli import main as program
from reconciler.cli.exit_codes import ExitCode, worst
from reconciler.cli.main import COMMANDS, cli
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import write_documents
from reconciler.errors import (
    BugError,
    ConflictError,
    CredentialsError,
    FilePosition,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    SpecError,
    ThrottledError,
    UnavailableError,
)

CANARY = "canary-5e1f"
Does = Callable[[CommonOptions], object]
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command `act` that does what the test says."""

    def run_act(does: Does, *arguments: str) -> Result:
        @click.command("act")
        @common_options(selection=True)
        def command(*, options: CommonOptions) -> object:
            return does(options)

        module = ModuleType("reconciler.cli.act")
        module.__spec__ = importlib.machinery.ModuleSpec("reconciler.cli.act", None)
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "reconciler.cli.act", module)
        monkeypatch.setattr(program, "COMMANDS", {**COMMANDS, "act": "Do what the test says."})
        return CliRunner().invoke(cli, ["act", *arguments])

    return run_act


def failing(error: BaseException) -> Does:
    def does(_options: CommonOptions) -> None:
        raise error

    return does


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (ExitCode.CHANGES, 2), (3, 3), (4, 4)])
def test_a_command_ends_with_the_code_it_returns(run: Run, returned: int | None, code: int) -> None:
    assert run(lambda _options: returned).exit_code == code


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (SpecError, "badSpec", 1),
        (CredentialsError, "badCredentials", 1),
        (ForbiddenError, "forbidden", 1),
        (NotFoundError, "notFound", 1),
        (ConflictError, "conflict", 1),
        (RefusedError, "refused", 3),
        (ThrottledError, "throttled", 1),
        (UnavailableError, "unavailable", 1),
        (BugError, "bug", 1),
    ],
)
def test_every_error_has_its_kind_and_code(run: Run, error: type[ReconcilerError], kind: str, code: int) -> None:
    result = run(
        failing(error("it broke", where="projects/a", why="a reason", next_step="do this")), "--format", "json"
    )
    assert result.exit_code == code
    assert json.loads(result.stdout) == {
        "error": {"kind": kind, "message": "it broke: a reason", "where": {"resource": "projects/a"}, "next": "do this"}
    }
    assert result.stderr == "error: projects/a: it broke: a reason\n  next: do this\n"


def test_an_error_in_a_file_names_its_place(run: Run) -> None:
    error = SpecError("it broke", where=FilePosition("a.yaml", 3, 7))
    result = run(failing(error), "--format=json")
    assert json.loads(result.stdout)["error"] == {
        "kind": "badSpec",
        "message": "it broke",
        "where": {"file": "a.yaml", "line": 3, "column": 7},
        "next": None,
    }
    assert result.stderr == "error: a.yaml:3:7: it broke\n"


def test_without_json_the_sentence_is_all(run: Run) -> None:
    result = run(failing(RefusedError("no")))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", "error: no\n")


def test_an_error_in_a_group_of_tasks_is_found(run: Run) -> None:
    group = ExceptionGroup("tasks", [ValueError(CANARY), ExceptionGroup("inner", [RefusedError("no")])])
    assert run(failing(group)).exit_code == 3


def test_what_nobody_foresaw_is_a_bug_without_its_text(run: Run) -> None:
    result = run(failing(ValueError(CANARY)), "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["kind"] == "bug"
    assert result.stderr.startswith("error: reconciler/cli/options.py:")
    assert "internal error (ValueError)" in result.stderr
    assert "Traceback" not in result.output
    assert CANARY not in result.output


@pytest.mark.parametrize("flag", ["-v", "-vv", "--verbose"])
def test_the_places_of_a_bug_are_shown_on_request_and_still_not_its_text(run: Run, flag: str) -> None:
    def does(_options: CommonOptions) -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error

    result = run(does, flag)
    assert "builtins.ValueError, raised in:" in result.stderr
    assert "builtins.KeyError, raised in:" in result.stderr
    assert "test_main_frame.py" in result.stderr
    assert CANARY not in result.output


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupted_command_ends_with_130(run: Run, error: BaseException) -> None:
    result = run(failing(error))
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["--format", "xml"],
        ["extra"],
        ["--store", "mysql://x"],
        ["--file"],
    ],
)
def test_bad_usage_ends_with_64(run: Run, arguments: list[str]) -> None:
    result = run(lambda _options: None, *arguments)
    assert result.exit_code == 64
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_bad_usage_is_said_to_programs_too(run: Run) -> None:
    result = run(lambda _options: None, "--format", "json", "--nonsense")
    assert result.exit_code == 64
    error = json.loads(result.stdout)["error"]
    assert "--nonsense" in error["message"]
    assert error["next"] == "see --help"


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["validat"])
    assert result.exit_code == 64
    assert "Did you mean 'validate'?" in result.stderr


def test_without_a_command_the_help_is_shown_as_bad_usage() -> None:
    result = CliRunner().invoke(cli, [])
    assert result.exit_code == 64
    assert "Commands:" in result.output


def test_the_help_lists_every_command_of_this_installation() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    listed = result.stdout.split("Commands:\n")[1]
    assert {"init", "validate", "schema"} <= {line.split()[0] for line in listed.strip().split("\n")}


@pytest.mark.parametrize("name", cli.list_commands(click.Context(cli)))
def test_a_listed_command_is_called_so_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: cli {name}" in result.stdout


def test_help_is_given_without_importing_anything_heavy() -> None:
    code = (
        "import sys\n"
        "from reconciler.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(sorted({'pydantic', 'httpx', 'sqlalchemy', 'yaml', 'rich', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_common_options_arrive_as_one_value(run: Run) -> None:
    seen: list[CommonOptions] = []
    arguments = [
        "-f",
        "a.yaml",
        "-f",
        "b",
        "--target",
        "t",
        "--format",
        "markdown",
        "--out",
        "o",
        "--only",
        "bytebase/im",
    ]
    arguments += [
        "--except",
        "users",
        "--except",
        "bytebase/webhook/a",
        "--store",
        "postgresql://db/x",
        "-vv",
        "--no-color",
    ]
    assert run(seen.append, *arguments).exit_code == 0
    assert seen == [
        CommonOptions(
            files=("a.yaml", "b"),
            target="t",
            format="markdown",
            out="o",
            store="postgresql://db/x",
            only=("bytebase/im",),
            exclude=("users", "bytebase/webhook/a"),
            verbose=2,
            color=False,
        )
    ]


def test_common_options_have_defaults(run: Run) -> None:
    seen: list[CommonOptions] = []
    assert run(seen.append).exit_code == 0
    assert seen == [CommonOptions()]


def test_the_store_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[CommonOptions] = []
    monkeypatch.setenv("RECONCILER_STORE", "postgresql://db/y")
    run(seen.append)
    assert seen[0].store == "postgresql://db/y"


def test_no_color_of_the_environment_is_obeyed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[CommonOptions] = []
    monkeypatch.setenv("NO_COLOR", "1")
    run(seen.append)
    assert seen[0].color is False


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0, 0], 0), ([0, 2], 2), ([2, 3], 3), ([3, 4, 2], 4), ([4, 1, 3], 1)],
)
def test_the_worst_code_stands_for_several_targets(codes: list[int], code: int) -> None:
    assert worst(codes) == code


ONE = [{"formatVersion": "1", "target": {"name": "a"}, "text": "数据"}]
TWO = [*ONE, {"formatVersion": "1", "target": {"name": "b"}}]


def test_one_document_stands_for_itself(run: Run) -> None:
    result = run(lambda options: write_documents(options, ONE, text="text"), "--format", "json")
    assert json.loads(result.stdout) == ONE[0]
    assert "数据" in result.stdout


def test_several_documents_are_wrapped(run: Run) -> None:
    result = run(lambda options: write_documents(options, TWO, text="text"), "--format", "json")
    assert json.loads(result.stdout) == {"formatVersion": "1", "documents": TWO}


def test_a_file_gets_json_whatever_is_printed(run: Run, tmp_path: Path) -> None:
    result = run(
        lambda options: write_documents(options, ONE, text="text\n", markdown="*text*"),
        "--format", "markdown", "--out", f"{tmp_path}/out.json",
    )  # fmt: skip
    assert result.stdout == "*text*\n"
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == ONE[0]


def test_a_file_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    result = run(lambda options: write_documents(options, ONE, text=""), "--out", f"{tmp_path}/none/out.json")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr
