"""What Git knows about the spec files, where there is a Git and a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from reconciler.errors import ForbiddenError, NotFoundError, UnavailableError

_SECONDS = 20


def commit_of(file: str) -> str | None:
    """The commit that is checked out where the file lies; None without Git or outside a checkout."""
    try:
        return _git(Path(file), "rev-parse", "HEAD").strip() or None
    except (ForbiddenError, NotFoundError, UnavailableError):
        return None


def top_of(file: str) -> Path:
    """The top folder of the checkout that holds the file. NotFoundError outside of one, ForbiddenError where Git distrusts it."""
    return Path(_git(Path(file), "rev-parse", "--show-toplevel").strip())


def commit_at(revision: str, folder: Path) -> str:
    """The commit that a revision names in a checkout. NotFoundError, with what is likely missing, where it names none."""
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    except NotFoundError:
        shown = revision[:100]
        is_shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
        remote, _, branch = revision.partition("/")
        fetched = f"git fetch {remote} {branch}" if remote == "origin" and branch else "git fetch --all --tags"
        raise NotFoundError(
            f"the Git revision `{shown}` is not known in this checkout",
            where=str(folder),
            why="it is a shallow clone, which holds the newest commits only" if is_shallow else "",
            next_step=(
                "clone with the whole history (in GitHub Actions: `fetch-depth: 0`), or run git fetch --unshallow"
                if is_shallow
                else f"check its spelling, or fetch it: {fetched}"
            ),
        ) from None


def files_at(commit: str, folder: Path) -> tuple[str, ...]:
    """Every file of the checkout at a commit, by its path from the top."""
    return tuple(name for name in _git(folder, "ls-tree", "-r", "-z", "--name-only", commit).split("\0") if name)


def text_at(commit: str, name: str, folder: Path) -> str:
    """The content of a file at a commit."""
    return _git(folder, "show", f"{commit}:{name}")


def _git(place: Path, *arguments: str) -> str:
    folder = place if place.is_dir() else place.absolute().parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments without a shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own Git
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={**environment, "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise UnavailableError("Git is not installed", next_step="install git") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError("Git does not answer", where=str(folder), next_step="run the command again") from error
    if done.returncode != 0:
        raise _failed(folder, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")


def _failed(folder: Path, said: str) -> NotFoundError | ForbiddenError:
    if "dubious ownership" in said:
        return ForbiddenError(
            "Git does not trust this checkout",
            where=str(folder),
            why="it belongs to another user",
            next_step=f"git config --global --add safe.directory {folder}",
        )
    if "not a git repository" in said:
        return NotFoundError(
            "this folder is in no Git checkout",
            where=str(folder),
            next_step="run the command in a checkout of the repository that holds the spec",
        )
    return NotFoundError("Git does not find this", where=str(folder), next_step="look with git status what is there")
