"""Plans, outcomes and drift as a pull-request comment: summary first, details folded, within a budget of characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.drift import Drift, DriftClass, DriftItem
from reconciler.plan.change import Action, Change, Plan, Target
from reconciler.plan.document import digest
from reconciler.plan.failed import FailedTarget
from reconciler.plan.outcome import Applied, Result
from reconciler.report.escape import code, prose
from reconciler.report.values import AGAIN, counted, summary_sentence, symbol, value
from reconciler.resources.finding import Finding

BUDGET = 65_536
"""The longest comment that GitHub takes, in characters."""
_RESERVE = 1_500
"""Room for what is said when something had to be left out, and for the frame."""


def plans_markdown(plans: Sequence[Plan], failed: Sequence[FailedTarget] = (), *, budget: int = BUDGET) -> str:
    """One comment for all targets. Failed ones, then summary, refusals and warnings come first; changes are folded and cut."""
    return _comment("plan", [_PlanSection(plan) for plan in plans], failed, budget)


def applied_markdown(results: Sequence[Applied], failed: Sequence[FailedTarget] = (), *, budget: int = BUDGET) -> str:
    """What became of each change, what failed first."""
    return _comment("apply", [_AppliedSection(each) for each in results], failed, budget)


def drift_markdown(drifts: Sequence[Drift], failed: Sequence[FailedTarget] = (), *, budget: int = BUDGET) -> str:
    """What moved, first what counts."""
    return _comment("drift", [_DriftSection(each) for each in drifts], failed, budget)


class _Section:
    """A part of a comment: what is always said, and the details that may be cut at a line."""

    heading: str
    always: list[str]
    summary: str
    details: Iterator[str]


class _PlanSection(_Section):
    def __init__(self, plan: Plan) -> None:
        state = "refused" if plan.refusals else "changes" if plan.pending else "nothing to do"
        self.heading = f"### {code(plan.target.name)}: {state}"
        self.always = [
            _place(plan.target),
            "",
            f"**{prose(summary_sentence(plan.summary()))}**"
            + (" (partial plan: never deletes)" if plan.partial else ""),
            "",
            *_findings("⛔", plan.refusals),
            *_findings("⚠️", plan.warnings),
            *(_irreversible(change) for change in plan.pending if change.irreversible or change.erases),
            "",
            f"Digest {code(digest(plan))}",
            "",
        ]
        self.summary = f"{counted(len(plan.pending), 'change')} in detail"
        self.details = _plan_details(plan)


class _AppliedSection(_Section):
    def __init__(self, applied: Applied) -> None:
        failed = [each for each in applied.outcomes if each.result is not Result.APPLIED]
        self.heading = f"### {code(applied.target.name)}: {'not all applied' if failed else 'applied'}"
        count = f"{len(applied.outcomes) - len(failed)} of {len(applied.outcomes)} applied"
        self.always = [_place(applied.target), "", f"**{count}**", ""]
        self.always += [f"- **{each.result.value}** {code(each.id)} {prose(each.reason)}".rstrip() for each in failed]
        self.always += [f"- to do: {prose(message)}" for message in applied.messages]
        self.always += ["", AGAIN] if failed else []
        self.always.append("")
        self.summary = "all outcomes"
        self.details = (
            f"- {each.result.value} {code(each.id)}"
            + (f" {prose(each.reason)}" if each.reason else "")
            + (f" code {code(each.code)}" if each.code else "")
            for each in applied.outcomes
        )


class _DriftSection(_Section):
    def __init__(self, drift: Drift) -> None:
        counts = drift.summary()
        words = ", ".join(f"{counts[each.value]} {each.value}" for each in DriftClass if counts[each.value])
        self.heading = f"### {code(drift.target.name)}: {'drift' if drift.exit_code else 'no drift'}"
        moving = {DriftClass.PENDING, DriftClass.DRIFTED}
        self.always = [_place(drift.target), "", f"**{words or 'everything is as declared'}**", ""]
        self.summary = f"{counted(len(drift.items), 'resource')} in detail"
        self.details = map(_drift_line, sorted(drift.items, key=lambda item: item.drift_class not in moving))


def _plan_details(plan: Plan) -> Iterator[str]:
    for change in plan.pending:
        yield from _change(change)
    yield from _findings("ℹ️", [each for each in plan.findings if each.code != "userResolves"])
    for change in plan.changes:
        if change.action is Action.KEEP:
            yield from _kept(change)


def _drift_line(item: DriftItem) -> str:
    line = f"- **{item.drift_class.value}** {code(f'{item.kind}/{item.name}')}"
    if item.code:
        line += f" code {code(item.code)}"
    if item.fields:
        line += ": " + ", ".join(code(field) for field in item.fields)
    if item.who and item.when:
        line += f", by {code(item.who)} at {item.when:%Y-%m-%d %H:%M:%S} UTC"
    return line + (f" ({prose(item.note)})" if item.note else "")


def _place(target: Target) -> str:
    place = f"Bytebase {code(target.bytebase.url)} {code(target.bytebase.workspace or target.bytebase.identity)}"
    if target.feishu is not None:
        place += f" · Feishu {code(target.feishu.platform)} app {code(target.feishu.app_id)}"
    return place


def _findings(mark: str, findings: Iterable[Finding]) -> list[str]:
    lines = []
    for each in findings:
        about = f"{each.kind}/{each.name}" if each.name else each.kind
        origin = f" ({code(str(each.origin))})" if each.origin is not None else ""
        following = f" *Next:* {prose(each.next)}" if each.next else ""
        lines.append(f"- {mark} {code(about)}{origin}: {prose(each.message)}.{following}")
    return lines


def _irreversible(change: Change) -> str:
    what = "can never be undone" if change.irreversible else f"erases {code(', '.join(change.erases))}"
    return f"- ❗ {code(change.id)} {what}"


def _change(change: Change) -> list[str]:
    origin = f" ({code(str(change.origin))})" if change.origin is not None else ""
    lines = [f"- **{symbol(change.action.value)} {change.action.value}** {code(change.id)}{origin}"]
    for row in change.fields:
        remark = " (write-only)" if row.mark.value == "writeOnly" else ""
        lines.append(f"  - {code(row.path)}: {code(value(row.before))} → {code(value(row.after))}{remark}")
    if change.unverifiable:
        lines.append("  - cannot be verified: " + ", ".join(code(path) for path in change.unverifiable))
    return lines


def _kept(change: Change) -> list[str]:
    if not change.unverifiable:
        return [f"- = {code(change.id)}"]
    return [f"- = {code(change.id)}, cannot be verified: " + ", ".join(code(path) for path in change.unverifiable)]


def _comment(command: str, sections: Sequence[_Section], failed: Sequence[FailedTarget], budget: int) -> str:
    """Failed targets, then the sections with their details, cut fairly: an equal share of what the certain parts leave."""
    head = f"<!-- reconciler:{command} -->\n" + failures_markdown(failed, budget // 2)
    certain = [[section.heading, "", *section.always] for section in sections]
    left = budget - len(head) - sum(len("\n".join(lines)) + 1 for lines in certain) - _RESERVE
    text = head
    for place, (section, lines) in enumerate(zip(sections, certain, strict=True)):
        share = max(left, 0) // (len(sections) - place)
        body, used = _folded(section, share)
        left -= used
        text += "\n".join([*lines, *body]) + "\n"
    if len(text) <= budget:
        return text
    note = "\n\n*The rest is too long for a comment: see the JSON document of this run.*\n"
    return text[: budget - len(note)].rpartition("\n")[0] + note


def failures_markdown(failed: Sequence[FailedTarget], room: int) -> str:
    """Every failed target by name; reasons and next steps are shortened until all of them fit."""
    limit = 2_000
    text = "".join(_failure(each, limit) for each in failed)
    while len(text) > room and limit > 1:
        limit //= 2
        text = "".join(_failure(each, limit) for each in failed)
    return text


def _failure(failed: FailedTarget, limit: int) -> str:
    state = "refused" if failed.kind == "refused" else "failed"
    where = f"{code(str(failed.where), limit)}: " if failed.where else ""
    following = f" *Next:* {prose(failed.next, limit)}" if failed.next else ""
    return f"### {code(failed.name, 100)}: {state}\n\n- ⛔ {where}{prose(failed.message, limit)}.{following}\n\n"


def _folded(section: _Section, room: int) -> tuple[list[str], int]:
    shown: list[str] = []
    used = 0
    is_cut = False
    for line in section.details:
        if used + len(line) + 1 > room:
            is_cut = True
            break
        shown.append(line)
        used += len(line) + 1
    if not shown and not is_cut:
        return [], 0
    more = ["", "*The rest is left out: see the JSON document of this run.*"] if is_cut else []
    body = ["<details>", f"<summary>{prose(section.summary)}</summary>", "", *shown, *more, "", "</details>", ""]
    return body, used
