"""References to secrets: a spec says where a value is kept and never holds one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from reconciler.spec.models.base import SpecModel, chosen_by_key, label_of, tag
from reconciler.spec.models.scalars import Duration, Like, Text


class EnvRef(SpecModel):
    """The value is in an environment variable."""

    env: Annotated[str, Like(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]


class FileRef(SpecModel):
    """The value is in a file, whole or under a key of a JSON object; a relative path starts at the spec file's folder."""

    file: Text
    json_key: Text | None = None


class ExecRef(SpecModel):
    """The value is what a command prints. The command is run without a shell and only where the environment allows it."""

    exec: Annotated[tuple[str, ...], Field(min_length=1)]
    deadline: Duration = timedelta(seconds=10)


class KeyringEntry(SpecModel):
    """Names one entry of the system's keyring."""

    service: Text
    username: Text


class KeyringRef(SpecModel):
    """The value is in the system's keyring (needs the `keyring` extra)."""

    keyring: KeyringEntry


class GithubActionsRef(SpecModel):
    """The value is the OIDC token that GitHub Actions gives to the running job."""

    github_actions: Literal[True]
    audience: Text = "bytebase"


SecretRef = Annotated[
    Annotated[EnvRef, tag(EnvRef)]
    | Annotated[FileRef, tag(FileRef)]
    | Annotated[ExecRef, tag(ExecRef)]
    | Annotated[KeyringRef, tag(KeyringRef)],
    chosen_by_key(
        {"env": EnvRef, "file": FileRef, "exec": ExecRef, "keyring": KeyringRef},
        error="reference",
        message="expected a reference to a secret, such as {env: NAME}, {file: PATH}, {exec: […]} or {keyring: …}, never the value itself",
    ),
]
"""Where a secret is kept."""

TokenRef = Annotated[
    Annotated[EnvRef, tag(EnvRef)]
    | Annotated[FileRef, tag(FileRef)]
    | Annotated[ExecRef, tag(ExecRef)]
    | Annotated[GithubActionsRef, tag(GithubActionsRef)],
    chosen_by_key(
        {"env": EnvRef, "file": FileRef, "exec": ExecRef, "githubActions": GithubActionsRef},
        error="reference",
        message="expected a reference to a token, such as {env: NAME}, {file: PATH}, {exec: […]} or {githubActions: true}, never the value itself",
    ),
]
"""Where a workload identity's token comes from."""

REFERENCE_LABELS = frozenset(label_of(m) for m in (EnvRef, FileRef, ExecRef, KeyringRef, GithubActionsRef))
"""The union labels below which an author may have written a secret by mistake."""
