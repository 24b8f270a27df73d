"""Runs a command that prints a secret: no shell, a process group of its own, and an end to it in any case."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from reconciler.errors import CredentialsError, FilePosition


async def run_secret_command(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    deadline: float,
    most_bytes: int,
    name: str,
    where: FilePosition | None,
) -> str:
    """What the command prints on its standard output within `deadline` seconds.

    Raises CredentialsError, in which `name` stands for the command and nothing that it printed is repeated. At the end,
    late or not, everything that the command has started in its process group is killed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its arguments are not usable"
        raise CredentialsError(
            f"{name} cannot be run", where=where, why=why or "", next_step="check that it is installed"
        ) from None
    try:
        async with asyncio.timeout(deadline):
            output = await _read_at_most(process, most_bytes)
            code = await process.wait()
    except TimeoutError:
        raise CredentialsError(
            f"{name} did not end within {deadline:g} seconds",
            where=where,
            next_step="raise exec's deadline, or see why it hangs",
        ) from None
    finally:
        await _end(process)
    if code != 0:
        raise CredentialsError(
            f"{name} failed with exit code {code}", where=where, next_step="run it by hand to see what it says"
        )
    if len(output) > most_bytes:
        raise CredentialsError(f"{name} printed too much for a secret", where=where, next_step="print the value alone")
    try:
        return output.decode()
    except UnicodeDecodeError:
        raise CredentialsError(f"{name} did not print UTF-8 text", where=where, next_step="print text") from None


async def _read_at_most(process: asyncio.subprocess.Process, most_bytes: int) -> bytes:
    """The output up to one byte more than allowed; the rest is read and dropped, so that the command can end."""
    kept = bytearray()
    if process.stdout is not None:
        while chunk := await process.stdout.read(8192):
            kept += chunk[: most_bytes + 1 - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
