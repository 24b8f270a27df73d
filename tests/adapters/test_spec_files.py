"""Which files make up a spec, how they are read, and how one value is written back."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from reconciler.adapters.spec_files import MAX_BYTES, load_specs, read_spec_files, write_code
from reconciler.errors import SpecError

DOCUMENT = """apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.acme.example
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
  feishu:
    app: {id: cli_1, secret: {env: S}}
    definitions:
      - name: gate
        code: null # written by apply
"""


def messages(*paths: Path) -> list[str]:
    return [problem.message for problem in read_spec_files([str(path) for path in paths]).problems]


def names(*paths: Path) -> list[str]:
    return [text.name for text in read_spec_files([str(path) for path in paths]).texts]


def test_a_folder_is_read_recursively_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("z.yml", "a.yaml", "b/c.yaml", ".hidden.yaml", ".git/x.yaml", "notes.txt", "b/d.yaml.bak"):
        (tmp_path / name).write_text("a: 1\n")
    (tmp_path / "folder.yaml").mkdir()
    assert names(tmp_path) == [str(tmp_path / name) for name in ("a.yaml", "b/c.yaml", "z.yml")]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "a.yaml")
    assert names(tmp_path / "a.yaml", tmp_path, tmp_path / "." / "a.yaml") == [str(tmp_path / "a.yaml")]


def test_a_file_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / ".spec").write_text("a: 1\n")
    assert names(tmp_path / ".spec") == [str(tmp_path / ".spec")]


def test_a_mounted_folder_of_links_is_read_once(tmp_path: Path) -> None:
    """Kubernetes mounts a folder as links into a hidden one."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "spec.yaml").write_text("a: 1\n")
    (tmp_path / "spec.yaml").symlink_to("..data/spec.yaml")
    assert names(tmp_path) == [str(tmp_path / "spec.yaml")]


def test_a_path_that_leads_nowhere_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("a: 1\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    files = read_spec_files([str(tmp_path / name) for name in ("missing", "empty", "good.yaml", "dangling.yaml")])
    assert [problem.message for problem in files.problems] == [
        "there is no such file or folder",
        "the folder holds no *.yaml or *.yml file",
        "cannot be read: No such file or directory",
    ]
    assert len(files.texts) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\t\r\n", "the file is empty"),
        (b"a: 1\nb: \xff\n", "is not UTF-8: byte 0xff in line 2"),
        ("a: 1".encode("utf-16"), "is not UTF-8: byte 0xff in line 1"),
        (b"a: \xed\xa0\x80", "is not UTF-8: byte 0xed in line 1"),
        (b"x" * (MAX_BYTES + 1), "is larger than 4 MiB, which no spec is"),
    ],
)
def test_a_file_that_is_no_text_of_a_spec_is_a_problem(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    assert messages(tmp_path) == [message]


def test_a_huge_file_is_not_read_to_its_end() -> None:
    assert messages(Path("/dev/zero")) == ["is larger than 4 MiB, which no spec is"]


def test_a_byte_order_mark_does_not_shift_any_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfapiVersion: other\nkind: Integration\n")
    assert [str(error.position) for error in load_specs([str(tmp_path)]).errors] == [f"{tmp_path / 'a.yaml'}:1:13"]


def test_the_digest_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfa: 1\r\n"
    (tmp_path / "a.yaml").write_bytes(content)
    assert read_spec_files([str(tmp_path)]).texts[0].sha256 == hashlib.sha256(content).hexdigest()


def test_problems_of_files_and_of_their_content_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("apiVersion: [\n")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "good.yaml").write_text(DOCUMENT)
    parsed = load_specs([str(tmp_path), "missing"])
    assert len(parsed.errors) == 3
    assert [target.name for target in parsed.targets] == ["acme"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_code_is_written_and_every_other_byte_kept(tmp_path: Path, mark: bytes, ending: str) -> None:
    file = tmp_path / "a.yaml"
    before = mark + DOCUMENT.replace("\n", ending).encode()
    file.write_bytes(before)
    file.chmod(0o640)
    (target,) = load_specs([str(file)]).require()
    write_code(target, definition="gate", code="ABC-1")
    assert file.read_bytes() == before.replace(b"code: null", b"code: ABC-1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_a_link_stays_a_link_to_the_changed_file(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(DOCUMENT)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    (target,) = load_specs([str(tmp_path / "link.yaml")]).require()
    write_code(target, definition="gate", code="ABC-1")
    assert (tmp_path / "link.yaml").is_symlink()
    assert "code: ABC-1" in (tmp_path / "real.yaml").read_text()


def test_what_was_edited_meanwhile_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(DOCUMENT)
    (target,) = load_specs([str(file)]).require()
    file.write_text("# edited\n" + DOCUMENT)
    write_code(target, definition="gate", code="ABC-1")
    assert file.read_text() == "# edited\n" + DOCUMENT.replace("null", "ABC-1")


def test_a_file_that_cannot_be_written_leaves_the_line_to_the_author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(DOCUMENT)
    (target,) = load_specs([str(file)]).require()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpecError) as caught:
        write_code(target, definition="gate", code="ABC-1")
    assert str(caught.value.where) == f"{file}:12:9"
    assert "No space left" in caught.value.why
    assert "write 'code: ABC-1'" in caught.value.next_step
    assert file.read_text() == DOCUMENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_that_is_gone_leaves_the_line_to_the_author(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(DOCUMENT)
    (target,) = load_specs([str(file)]).require()
    file.unlink()
    with pytest.raises(SpecError, match="could not be written"):
        write_code(target, definition="gate", code="ABC-1")
