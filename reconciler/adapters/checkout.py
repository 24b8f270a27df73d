"""What Git knows about the spec files, where there is a Git and a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from reconciler.errors import NotFoundError, UnavailableError

_SECONDS = 20


def commit_of(file: str) -> str | None:
    """The commit that is checked out where the file lies; None without Git or outside a checkout."""
    try:
        return _git(Path(file), "rev-parse", "HEAD").strip() or None
    except (NotFoundError, UnavailableError):
        return None


def top_of(file: str) -> Path:
    """The top folder of the checkout that holds the file."""
    return Path(_git(Path(file), "rev-parse", "--show-toplevel").strip())


def files_at(reference: str, folder: Path) -> tuple[str, ...]:
    """Every file of the checkout at a reference, by its path from the top."""
    return tuple(name for name in _git(folder, "ls-tree", "-r", "-z", "--name-only", reference).split("\0") if name)


def text_at(reference: str, name: str, folder: Path) -> str:
    """The content of a file at a reference."""
    return _git(folder, "show", f"{reference}:{name}")


def _git(place: Path, *arguments: str) -> str:
    folder = place if place.is_dir() else place.absolute().parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments without a shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own Git
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environment,
        )
    except FileNotFoundError as error:
        raise UnavailableError("Git is not installed", next_step="install git") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError("Git does not answer", where=str(folder), next_step="run the command again") from error
    if done.returncode != 0:
        raise NotFoundError(
            "Git does not find this", where=" ".join(arguments)[:200], next_step="check the reference and the checkout"
        )
    return done.stdout.decode("utf-8", "replace")
