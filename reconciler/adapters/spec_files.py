"""Spec files on disk: which ones belong to a folder, how they are read, and how one value is written back."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import FilePosition, SpecError
from reconciler.spec import Diagnostic, ParsedSpecs, SpecText, Target, parse_documents
from reconciler.spec.splice import splice_code

MAX_BYTES = 4 * 1024 * 1024
"""The size above which a file is taken for a mistake."""

_SUFFIXES = (".yaml", ".yml")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SpecFiles:
    """The files that could be read, in order, and what is wrong with the others."""

    texts: tuple[SpecText, ...]
    problems: tuple[Diagnostic, ...]


def read_spec_files(paths: Sequence[str]) -> SpecFiles:
    """Read files and folders as named on the command line; each file once, folders recursively and sorted."""
    texts: list[SpecText] = []
    problems: list[Diagnostic] = []
    seen: set[str] = set()
    for path in paths:
        for name in _files(path, problems):
            real = os.path.realpath(name)
            if real in seen:
                continue
            seen.add(real)
            read = _read(name)
            if isinstance(read, SpecText):
                texts.append(read)
            else:
                problems.append(read)
    return SpecFiles(tuple(texts), tuple(problems))


def load_specs(paths: Sequence[str]) -> ParsedSpecs:
    """Read and check everything below the paths; what is wrong with files is among the errors."""
    files = read_spec_files(paths)
    parsed = parse_documents(files.texts)
    return ParsedSpecs(parsed.files, parsed.targets, (*files.problems, *parsed.errors), parsed.warnings)


def write_code(target: Target, *, definition: str, code: str) -> None:
    """Write a definition's code into the target's file, atomically, leaving all else as it is.

    Raises SpecError, naming the line to edit by hand, when the file cannot be read or written or has another shape.
    """
    read = _read(target.file)
    if not isinstance(read, SpecText):
        raise _by_hand(target, definition, code, read.message)
    changed = splice_code(read, document=target.index, definition=definition, code=code)
    try:
        _replace(Path(target.file), changed.encode())
    except OSError as error:
        raise _by_hand(target, definition, code, error.strerror or "the file cannot be written") from error


def _by_hand(target: Target, definition: str, code: str, why: str) -> SpecError:
    names = [d.name for d in target.spec.feishu.definitions] if target.spec.feishu else []
    index = names.index(definition) if definition in names else 0
    return SpecError(
        f"the code of definition '{definition}' could not be written into the spec",
        where=target.origin("spec", "feishu", "definitions", index, "code"),
        why=why,
        next_step=f"write 'code: {code}' for definition '{definition}' by hand and commit it",
    )


def _files(path: str, problems: list[Diagnostic]) -> Iterator[str]:
    """The files that a path stands for; adds a problem when there are none."""
    if not os.path.lexists(path):
        problems.append(_whole_file(path, "there is no such file or folder", "'reconciler init' writes a first spec"))
        return
    if not Path(path).is_dir():
        yield path
        return
    found = sorted(_below(path, problems))
    if not found:
        problems.append(_whole_file(path, "the folder holds no *.yaml or *.yml file", "'reconciler init' writes one"))
    yield from found


def _below(folder: str, problems: list[Diagnostic]) -> Iterator[str]:
    def cannot_list(error: OSError) -> None:
        problems.append(_whole_file(str(error.filename), f"cannot be listed: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=cannot_list):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                yield str(Path(parent, name))


def _read(name: str) -> SpecText | Diagnostic:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _whole_file(name, f"cannot be read: {error.strerror}")
    if len(content) > MAX_BYTES:
        return _whole_file(name, "is larger than 4 MiB, which no spec is", "name the spec files themselves with --file")
    if not content.strip():
        return _whole_file(name, "the file is empty", "remove it, or write a spec: 'reconciler init' shows how")
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"is not UTF-8: byte 0x{content[error.start]:02x} in line {line}"
        return Diagnostic(FilePosition(name, line, 1), "", message, "save it as UTF-8")
    return SpecText(name, text, hashlib.sha256(content).hexdigest())


def _whole_file(name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(FilePosition(name, 1, 1), "", message, hint)


def _replace(path: Path, content: bytes) -> None:
    """Put the content in the file's place in one step; a reader sees the old file or the new one, never a part."""
    real = path.resolve()
    mark = _BOM if _starts_with_mark(real) else b""
    handle, temporary = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mark + content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(stat.S_IMODE(real.stat().st_mode))
        Path(temporary).replace(real)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _starts_with_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_BOM)) == _BOM
