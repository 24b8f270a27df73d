"""Names and ids: how resource names are taken apart, and ids that are derived and never drawn at random."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence

SLOT_NAMESPACE = uuid.UUID("5f0c9a52-3b0e-5d57-9c1e-2f4d1f6a7b10")
"""Namespace of the slot uuids; changing it would orphan every request ever made."""

type_json = Mapping[str, object] | Sequence[object] | str | int | float | bool | None


def canonical_json(value: type_json) -> str:
    """JSON text with sorted keys and no spare whitespace: equal values give equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha256(text: str) -> str:
    """Hex SHA-256 of the text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def slot_uuid(identity: str, integration: str, subject: str, generation: int) -> str:
    """The uuid of one slot: at most one instance can ever carry it (facts: Feishu keeps a uuid for ever)."""
    return str(uuid.uuid5(SLOT_NAMESPACE, f"{identity}/{integration}/{subject}/{generation}"))


def plan_of(subject: str) -> str:
    """`projects/p/plans/n` of a stage's name."""
    parts = subject.split("/")
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "plans":
        raise ValueError(f"not a stage of a plan: {subject}")
    return "/".join(parts[:4])


def step_of(subject: str) -> tuple[str, int] | None:
    """(issue, index) of a review step's name `projects/p/issues/n#<index>`; None for any other name."""
    issue, mark, index = subject.rpartition("#")
    if not mark or not is_issue(issue) or not index.isdecimal():
        return None
    return issue, int(index)


def is_issue(name: str) -> bool:
    """Whether a resource name is an issue's."""
    parts = name.split("/")
    return len(parts) == 4 and parts[2] == "issues"


def root_of(subject: str) -> str:
    """What is read to know a subject: the plan of a stage, the issue of a review step; of any other name, itself."""
    step = step_of(subject)
    if step is not None:
        return step[0]
    try:
        return plan_of(subject)
    except ValueError:
        return subject


def project_of(name: str) -> str:
    """`projects/p` of any name below a project."""
    return "/".join(name.split("/")[:2])


def last_segment(name: str) -> str:
    """The last segment of a resource name."""
    return name.rsplit("/", 1)[-1]
