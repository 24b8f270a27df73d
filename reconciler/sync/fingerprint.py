"""The fingerprint: a hash of exactly the question that is asked, so that an approval counts for that question only.

It covers the stage, the stages up to it, and for each task its target, kind, SQL, backup flag, status class and newest run.
A failed, cancelled, skipped, hand-run or added task is therefore a new question, and a run spends the approval it came from.
"""

from __future__ import annotations

from reconciler.ids import canonical_json, sha256
from reconciler.subjects.change import ACTIVE, Change, Stage, Task


def fingerprint(change: Change, stage: Stage) -> str:
    """Hex SHA-256 over the canonical JSON of the question; independent of the order in which tasks are listed."""
    names: list[str] = []
    for each in change.stages:
        names.append(each.name)
        if each.name == stage.name:
            break
    question = {
        "subject": stage.name,
        "stages": names,
        "tasks": [_task(task) for task in sorted(stage.tasks, key=lambda t: t.name)],
    }
    return sha256(canonical_json(question))


def _task(task: Task) -> dict[str, object]:
    return {
        "task": task.name,
        "target": task.target,
        "type": task.type,
        "sheet": task.sheet or "",
        "release": task.release or "",
        "files": [list(entry) for entry in sorted(task.release_files)],
        "backup": task.prior_backup,
        "status": "ACTIVE" if task.status in ACTIVE else task.status.value,
        "run": task.newest_run.name if task.newest_run else "",
    }


DIGEST_LENGTH = 64


def digest_text(print_: str, integration: str, subject: str, generation: int) -> str:
    """The digest field of a form: names the content, the subject and the slot."""
    return f"{print_} {integration}/{subject}#{generation}"


def parse_digest(text: str) -> tuple[str, str, str, int] | None:
    """(fingerprint, integration, subject, generation) of a digest field, or None when it is not ours."""
    print_, space, rest = text.strip().partition(" ")
    key, hash_sign, number = rest.rpartition("#")
    integration, slash, subject = key.partition("/")
    well_formed = space and hash_sign and slash and number.isdecimal() and len(print_) == DIGEST_LENGTH
    if not well_formed or not subject.startswith("projects/"):
        return None
    return print_, integration, subject, int(number)
