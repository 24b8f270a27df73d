"""Resolves references to secrets: from the environment, files, commands and the system's keyring.

Errors name the reference and the place in the spec, never the value or anything a source has printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from reconciler.adapters.secret_command import run_secret_command
from reconciler.errors import CredentialsError, FilePosition, RefusedError
from reconciler.secret import Secret
from reconciler.spec.models.references import EnvRef, ExecRef, FileRef, KeyringRef

Reference = EnvRef | FileRef | ExecRef | KeyringRef
"""A reference that can be resolved on this machine."""

ALLOW_EXEC = "RECONCILER_ALLOW_EXEC"
"""The environment variable that permits commands; a spec cannot permit them itself."""

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SecretResolver:
    """Resolves references against one environment.

    With `untrusted`, the spec is somebody's proposal: commands are refused, and so are files outside `checkout`.
    """

    environment: Mapping[str, str]
    checkout: Path
    untrusted: bool = False

    async def resolve(self, reference: Reference, where: FilePosition | None = None) -> Secret:
        """The value behind a reference that stands at `where`; a relative file starts at that spec file's folder.

        Raises CredentialsError when there is no usable value and RefusedError when looking for it is not permitted.
        """
        match reference:
            case EnvRef():
                value = self._environment_variable(reference, where)
            case FileRef():
                value = self._file(reference, where)
            case ExecRef():
                value = await self._command(reference, where)
            case KeyringRef():
                value = _keyring(reference, where)
            case _:
                assert_never(reference)
        return Secret(_usable(value, describe(reference), where))

    def _environment_variable(self, reference: EnvRef, where: FilePosition | None) -> str:
        value = self.environment.get(reference.env)
        if value is None:
            raise CredentialsError(
                f"environment variable {reference.env} is not set", where=where, next_step=f"set {reference.env}"
            )
        return value

    def _file(self, reference: FileRef, where: FilePosition | None) -> str:
        name = describe(reference)
        folder = Path(where.file).parent if where else Path()
        path = folder / Path(reference.file).expanduser()
        if self.untrusted and not path.resolve().is_relative_to(self.checkout.resolve()):
            raise RefusedError(
                f"{name} lies outside the checkout",
                where=where,
                why="an untrusted spec may not read it",
                next_step="run without --untrusted once the spec is reviewed",
            )
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise CredentialsError(
                f"{name} cannot be read",
                where=where,
                why=error.strerror or "",
                next_step="check the path and its rights",
            ) from error
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise CredentialsError(
                f"{name} is not UTF-8 text", where=where, next_step="write the value as text"
            ) from None
        if len(content) > _MOST_BYTES:
            raise CredentialsError(f"{name} is too large for a secret", where=where, next_step="check the path")
        return text if reference.json_key is None else _json_value(text, reference.json_key, name, where)

    async def _command(self, reference: ExecRef, where: FilePosition | None) -> str:
        name = describe(reference)
        if self.untrusted:
            raise RefusedError(
                f"{name} is not run",
                where=where,
                why="an untrusted spec may not run commands",
                next_step="run without --untrusted once the spec is reviewed",
            )
        if self.environment.get(ALLOW_EXEC) != "1":
            raise RefusedError(
                f"{name} is not run",
                where=where,
                why="commands in specs are not permitted here",
                next_step=f"set {ALLOW_EXEC}=1 where you trust the spec",
            )
        return await run_secret_command(
            reference.exec,
            environment=self.environment,
            deadline=reference.deadline.total_seconds(),
            most_bytes=_MOST_BYTES,
            name=name,
            where=where,
        )


def describe(reference: Reference) -> str:
    """A reference in words for messages; of a command only its program, as arguments may be telling."""
    match reference:
        case EnvRef():
            return f"environment variable {reference.env}"
        case FileRef():
            return f"file {reference.file}" + (f" (key {reference.json_key})" if reference.json_key else "")
        case ExecRef():
            return f"command {reference.exec[0]}"
        case KeyringRef():
            return f"keyring entry {reference.keyring.service}/{reference.keyring.username}"
        case _:
            assert_never(reference)


def _json_value(text: str, key: str, name: str, where: FilePosition | None) -> str:
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError(
            f"{name} is not JSON", where=where, next_step="leave jsonKey out, or write JSON"
        ) from None
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise CredentialsError(f"{name} holds no text under that key", where=where, next_step="check jsonKey")
    return value


def _keyring(reference: KeyringRef, where: FilePosition | None) -> str:
    name = describe(reference)
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise CredentialsError(
            f"{name} cannot be read",
            where=where,
            why="the keyring extra is not installed",
            next_step="pip install 'reconciler[keyring]'",
        ) from None
    try:
        value = keyring.get_password(reference.keyring.service, reference.keyring.username)
    except KeyringError as error:
        raise CredentialsError(
            f"{name} cannot be read", where=where, why=type(error).__name__, next_step="unlock or set up the keyring"
        ) from error
    if value is None:
        raise CredentialsError(f"{name} does not exist", where=where, next_step="store the value in the keyring")
    return str(value)


def _usable(value: str, name: str, where: FilePosition | None) -> str:
    """The value without its final line break; it must be one line of printable text, or it would break a header."""
    line = value.removesuffix("\n").removesuffix("\r")
    if not line.strip():
        raise CredentialsError(f"{name} is empty", where=where, next_step="store the value there")
    if not line.isprintable():
        raise CredentialsError(
            f"{name} holds a line break or control character", where=where, next_step="store the bare value in one line"
        )
    return line
