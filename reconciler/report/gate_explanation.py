"""How one subject is decided: the facts, the row of the table they reach, the decision and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum

from reconciler.report.values import plain
from reconciler.subjects.change import Change, ReviewStep, Stage
from reconciler.subjects.entry import Entry, Reason
from reconciler.subjects.instance import Instance, InstanceRequest, LiveDefinition, NodeBrief
from reconciler.sync.assess import Assessment
from reconciler.sync.observation import Observation

_LOCALE = "en-US"


@dataclass(frozen=True, slots=True)
class Explained:
    """What is explained: the facts, their judgement, and what a pass would decide. `request` is what would be sent."""

    seen: Observation
    judged: Assessment
    decision: str
    row: int
    reason: Reason
    request: InstanceRequest | None = None


def explanation_document(
    target: Mapping[str, object], explained: Explained, *, with_form: bool
) -> Mapping[str, object]:
    """`{subject, facts, row, decision, reason}`, with `request` where the form was asked for."""
    document: dict[str, object] = {
        "formatVersion": "1",
        "target": target,
        "subject": explained.seen.subject,
        "facts": _facts(explained.seen, explained.judged),
        "row": explained.row,
        "decision": explained.decision,
        "reason": {"code": explained.reason.code, "text": explained.reason.text},
    }
    if with_form:
        document["request"] = _request(explained.request) if explained.request is not None else None
    return document


def explanation_text(explained: Explained, *, with_form: bool) -> str:
    """The same for people: first the answer, then the facts."""
    lines = [
        plain(explained.seen.subject),
        f"  decision  {explained.decision} (row {explained.row})",
        f"  because   {plain(explained.reason.text)}",
        "  facts",
        *_indented(_facts(explained.seen, explained.judged), "    "),
    ]
    if with_form and explained.request is not None:
        lines += ["  what would be sent", f"    title: {plain(explained.request.title.text(_LOCALE))}"]
        for field in explained.request.form:
            lines.append(f"    {field.id}:")
            lines += [f"      {plain(line, 4_000)}" for line in field.text(_LOCALE).splitlines()]
    elif with_form:
        lines.append("  nothing would be sent: there is no waiting stage, or no definition to ask by")
    return "\n".join(lines) + "\n"


def _facts(seen: Observation, judged: Assessment) -> dict[str, object]:
    return {
        "readAt": seen.now.isoformat().replace("+00:00", "Z"),
        "failure": seen.failure or None,
        "situation": {field.name: _word(getattr(judged.situation, field.name)) for field in fields(judged.situation)},
        "change": _change(seen.change) if seen.change is not None else None,
        "stage": _stage(seen.stage) if seen.stage is not None else None,
        "reviewStep": _step(seen.step) if seen.step is not None else None,
        "account": {"email": seen.own_email, "problem": seen.own_problem}
        if seen.own_email or seen.own_problem
        else None,
        "decidedAt": _place(seen.definition) if seen.definition is not None else None,
        "gate": seen.gate.name if seen.gate is not None else None,
        "fingerprint": judged.fingerprint or None,
        "blockedBy": judged.blocked_by.reason.text if judged.blocked_by is not None else None,
        "notSentBecause": judged.quiet_reason.text if judged.quiet_reason is not None else None,
        "entry": _entry(seen.entry) if seen.entry is not None else None,
        "instance": _instance(seen.instance) if seen.instance is not None else None,
        "entitled": sorted(seen.entitlement.people) if seen.entitlement is not None else None,
        "notes": list(seen.entitlement.notes) if seen.entitlement is not None else [],
        "approvers": sorted(seen.approvers),
        "foundInFeishu": sorted(seen.resolved),
        "lostTheRight": list(judged.lost),
        "wishes": [{"by": wish.by, "source": wish.source} for wish in seen.wishes],
        "vanishedStages": list(seen.vanished),
        "clockIsSure": seen.clock_is_sure,
        "isDraining": seen.is_draining,
    }


def _change(change: Change) -> dict[str, object]:
    issue = change.issue
    return {
        "plan": change.plan,
        "title": change.display_title,
        "isActive": change.is_active,
        "created": change.created.isoformat().replace("+00:00", "Z"),
        "requesters": sorted(change.requesters),
        "checks": change.checks.status.value,
        "issue": issue.name if issue is not None else None,
        "review": issue.review.value if issue is not None else None,
        "frontier": change.frontier.name if change.frontier is not None else None,
        "link": change.link or None,
    }


def _stage(stage: Stage) -> dict[str, object]:
    return {
        "environment": stage.environment,
        "automatic": stage.automatic,
        "tasks": [
            {
                "name": task.name,
                "status": task.status.value,
                "newestRun": task.newest_run.name if task.newest_run is not None else None,
            }
            for task in stage.tasks
        ],
    }


def _step(step: ReviewStep) -> dict[str, object]:
    return {
        "step": f"{step.index + 1} of {len(step.flow)}" if step.flow else "not found yet",
        "role": step.role or None,
        "rule": step.template or None,
        "environments": list(step.environments),
        "tasks": [{"target": task.target, "sheet": task.sheet, "release": task.release} for task in step.tasks],
    }


def _place(definition: LiveDefinition) -> dict[str, object]:
    return {"name": definition.name, "dialect": definition.dialect.value, "problem": definition.problem or None}


def _entry(entry: Entry) -> dict[str, object]:
    return {
        "state": entry.state.value,
        "generation": entry.generation,
        "since": entry.since.isoformat().replace("+00:00", "Z"),
        "fingerprint": entry.fingerprint or None,
        "spent": entry.spent,
        "reason": entry.reason.text,
    }


def _instance(instance: Instance) -> dict[str, object]:
    return {
        "code": instance.code,
        "status": instance.status.value,
        "started": instance.started.isoformat().replace("+00:00", "Z"),
        "tasks": [{"openId": task.open_id, "status": task.status.value} for task in instance.tasks],
    }


def _request(request: InstanceRequest) -> dict[str, object]:
    return {
        "uuid": request.uuid,
        "definition": request.definition_code,
        "node": request.node_key,
        "submitter": request.submitter,
        "approvers": [{"email": person.email, "openId": person.open_id} for person in request.approvers],
        "title": dict(request.title.texts),
        "form": [{"id": field.id, "texts": dict(field.texts)} for field in request.form],
        **({"brief": _brief(request.brief)} if request.brief is not None else {}),
    }


def _brief(brief: NodeBrief) -> dict[str, object]:
    """What an external node is told, instead of the form."""
    return {
        "issue": brief.issue,
        "project": brief.project,
        "creator": brief.creator,
        "title": brief.title,
        "stage": brief.stage,
        "statement": brief.statement,
        "link": brief.link,
        "digest": brief.digest,
    }


def _word(value: object) -> object:
    return value.name.lower() if isinstance(value, Enum) else value


def _indented(facts: Mapping[str, object], margin: str) -> list[str]:
    """Facts as lines; what is empty says nothing and is left out."""
    lines: list[str] = []
    for name, value in facts.items():
        if value is None or value in ([], {}, ""):
            continue
        if isinstance(value, Mapping):
            lines += [f"{margin}{name}:", *_indented(value, f"{margin}  ")]
        elif isinstance(value, list) and isinstance(value[0], Mapping):
            lines.append(f"{margin}{name}:")
            lines += [f"{margin}  - {plain(', '.join(f'{k} {v}' for k, v in item.items() if v))}" for item in value]
        else:
            shown = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
            lines.append(f"{margin}{name}: {plain(shown)}")
    return lines
