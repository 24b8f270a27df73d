"""The fingerprint: a hash of exactly the question that is asked, so that an approval counts for that question only.

It covers the stage and the stages up to it, or the review step with its flow; and for each task its target, kind, SQL,
backup flag, status class and newest run. A failed, cancelled, skipped, hand-run or added task is therefore a new question, and a run spends the approval it came from.
"""

from __future__ import annotations

import re

from reconciler.ids import canonical_json, sha256
from reconciler.subjects.change import ACTIVE, Change, Question, ReviewStep, Stage, Task


def fingerprint(change: Change, question: Question) -> str:
    """Hex SHA-256 over the canonical JSON of the question; independent of the order in which tasks are listed."""
    about = _place_in_rollout(change, question) if isinstance(question, Stage) else _place_in_review(question)
    tasks = [_task(task) for task in sorted(question.tasks, key=lambda t: t.name)]
    return sha256(canonical_json({"subject": question.name, **about, "tasks": tasks}))


def _place_in_rollout(change: Change, stage: Stage) -> dict[str, object]:
    names: list[str] = []
    for each in change.stages:
        names.append(each.name)
        if each.name == stage.name:
            break
    return {"stages": names}


def _place_in_review(step: ReviewStep) -> dict[str, object]:
    return {"flow": list(step.flow), "template": step.template, "step": step.index}


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


_DIGEST = re.compile(
    r"([0-9a-f]{64}) ([^/\s#]+)/"
    r"(projects/[^/\s#]+/(?:plans/[^/\s#]+/rollout/stages/[^/\s#]+|issues/[^/\s#]+#(?:0|[1-9][0-9]{0,3})))"
    r"#(0|[1-9][0-9]{0,8})",
    re.ASCII,
)
"""Strict, because anyone may type one: what it names is looked up, and a number must be one that can be counted with."""


def digest_text(print_: str, integration: str, subject: str, generation: int) -> str:
    """The digest field of a form: names the content, the subject and the slot."""
    return f"{print_} {integration}/{subject}#{generation}"


def parse_digest(text: str) -> tuple[str, str, str, int] | None:
    """(fingerprint, integration, subject, generation) of a digest field, or None when it is not ours."""
    found = _DIGEST.fullmatch(text.strip())
    if found is None:
        return None
    print_, integration, subject, number = found.groups()
    return print_, integration, subject, int(number)
