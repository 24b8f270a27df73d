"""`validate`, `schema` and `init` as people and programs meet them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.adapters.spec_files import load_specs
from reconciler.cli.main import cli

ROOT = Path(__file__).parents[2]
DAMAGED = ROOT / "tests" / "spec" / "damaged"
MINIMAL = (ROOT / "tests" / "spec" / "minimal.yaml").read_text(encoding="utf-8")
WARNED = MINIMAL + "  externalNodes: [{name: oa, endpoint: https://oa.example, dialect: v1}]\n  gates:\n" + (
    "    - {name: a, at: stage, decide: {externalNode: oa}}\n    - {name: b, at: stage, decide: {externalNode: oa}}\n"
)  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_spec_is_valid(folder: Path) -> None:
    (folder / "specs").mkdir()
    (folder / "specs" / "a.yaml").write_text(MINIMAL)
    result = run("validate")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "valid: 1 target in 1 file\n")


def test_errors_are_shown_with_line_and_caret(folder: Path) -> None:
    (folder / "a.yaml").write_text(MINIMAL.replace("serviceAccount", "serviceAcount"))
    result = run("validate", "-f", "a.yaml")
    assert result.exit_code == 1
    assert result.stdout.startswith("a.yaml:9:7: error: spec.bytebase.credentials: ")
    assert "    9 |       serviceAcount: gitops@service.bytebase.com\n      |       ^" in result.stdout
    assert result.stderr == "1 error and 0 warnings\n"


def test_programs_get_one_document_with_everything(folder: Path) -> None:
    (folder / "a.yaml").write_text(WARNED.replace("https://oa.example", "oa.example"))
    (folder / "b.yaml").write_text(WARNED.replace("acme", "zeta"))
    result = run("validate", "-f", folder, "--format", "json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["formatVersion"], document["target"]) == ("1", None)
    assert [error["message"][:14] for error in document["errors"]] == ["expected a URL"]
    assert document["warnings"] == [
        {
            "file": str(folder / "b.yaml"),
            "line": 14,
            "column": 14,
            "path": "spec.gates[1].name",
            "message": "gate 'b' can never match: gate 'a' above it takes everything it would hold",
            "hint": "move it up or narrow the other",
        }
    ]


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--strict"], 1)])
def test_warnings_count_only_when_strict(folder: Path, flags: list[str], code: int) -> None:
    (folder / "a.yaml").write_text(WARNED)
    result = run("validate", "-f", "a.yaml", *flags)
    assert result.exit_code == code
    assert "warning: spec.gates[1].name" in result.stdout


def test_markdown_cannot_be_broken_out_of(folder: Path) -> None:
    (folder / "a.yaml").write_text(MINIMAL + "  ```: x\n")
    result = run("validate", "-f", "a.yaml", "--format", "markdown")
    assert result.stdout.startswith("**1 error and 0 warnings**")
    assert "\n````\n" in result.stdout


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty", b""),
        ("not-utf-8", b"a: \xff"),
        ("utf-16", "a: 1".encode("utf-16")),
        ("fifty-megabytes", b"a: 'x'\n" * (50 * 1024 * 1024 // 7)),
        ("brackets", b"[" * 100_000),
        ("braces", b"{a: " * 100_000),
        ("tabs", b"a:\n\tb: 1\n"),
        ("duplicate", b"a: 1\na: 2\n"),
        ("control", b"a: \x1b[2J\n"),
        ("bomb", b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"b%d: &b%d [%s]\n" % (n, n, b",".join([b"*b%d" % (n - 1) if n else b"*a"] * 9)) for n in range(9))),
        ("number", b"9" * 5000),
        ("list", b"- 1\n"),
    ],
)  # fmt: skip
def test_no_file_makes_it_fail_otherwise_than_by_an_error(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.yaml").write_bytes(content)
    result = run("validate", "-f", folder)
    assert result.exit_code == 1
    assert f"{name}.yaml:" in result.stdout
    assert "\x1b" not in result.stdout
    assert "internal error" not in result.stderr


@pytest.mark.parametrize("path", ["nowhere", "nowhere/a.yaml"])
def test_a_path_that_does_not_exist_is_an_error_and_not_bad_usage(folder: Path, path: str) -> None:
    result = run("validate", "-f", path)
    assert result.exit_code == 1
    assert f"{path}:1:1: error: there is no such file or folder" in result.stdout


def test_a_folder_without_specs_is_an_error(folder: Path) -> None:
    assert run("validate", "-f", folder).exit_code == 1


def test_an_unknown_target_is_an_error_that_names_the_known_ones(folder: Path) -> None:
    (folder / "a.yaml").write_text(MINIMAL)
    result = run("validate", "-f", "a.yaml", "--target", "acmee")
    assert result.exit_code == 1
    assert "did you mean 'acme'?" in result.stderr


def test_a_name_that_is_not_utf_8_is_still_shown(folder: Path) -> None:
    name = os.fsdecode(b"bad-\xff.yaml")
    (folder / name).write_text("")
    assert run("validate", "-f", folder).exit_code == 1


def test_the_whole_damaged_corpus_ends_in_errors() -> None:
    result = run("validate", "-f", DAMAGED)
    assert result.exit_code == 1
    assert "internal error" not in result.stderr


def test_the_examples_are_valid_without_a_doubt() -> None:
    result = run("validate", "-f", ROOT / "specs", "--strict")
    assert (result.exit_code, result.stdout) == (0, "")
    targets = load_specs([str(ROOT / "specs")]).require()
    assert len({target.name for target in targets}) == len({target.spec.bytebase.url for target in targets}) == 4


def test_the_schema_is_printed_and_written(folder: Path) -> None:
    result = run("schema", "--out", "spec.schema.json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["properties"]["kind"] == {"const": "Integration", "type": "string"}
    assert (folder / "spec.schema.json").read_text(encoding="utf-8") == result.stdout


def test_a_first_spec_is_valid_and_commented(folder: Path) -> None:
    result = run("init")
    assert (result.exit_code, result.stdout) == (0, "specs/reconciler.yaml\n")
    text = (folder / "specs" / "reconciler.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert "since: 20" in text
    assert "2000-01-01" not in text
    assert run("validate", "--strict").exit_code == 0


def test_a_first_spec_is_never_written_over_a_file(folder: Path) -> None:
    (folder / "mine.yaml").write_text("mine")
    result = run("init", "--out", "mine.yaml")
    assert result.exit_code == 3
    assert "next: name another file with --out" in result.stderr
    assert (folder / "mine.yaml").read_text() == "mine"


def test_a_first_spec_is_named_to_programs(folder: Path) -> None:
    result = run("init", "--out", "deep/er/spec.yaml", "--format", "json")
    assert json.loads(result.stdout) == {"formatVersion": "1", "target": None, "file": "deep/er/spec.yaml"}
    assert (folder / "deep" / "er" / "spec.yaml").exists()


def test_a_first_spec_in_a_place_that_is_a_file_is_an_error(folder: Path) -> None:
    (folder / "taken").write_text("")
    result = run("init", "--out", "taken/spec.yaml")
    assert result.exit_code in {1, 3}
    assert "internal error" not in result.stderr
