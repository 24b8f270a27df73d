"""Plans, outcomes and drift for a terminal."""

from __future__ import annotations

from reconciler.drift import Drift, DriftClass
from reconciler.plan.change import Action, Change, Plan
from reconciler.plan.document import digest
from reconciler.plan.failed import FailedTarget
from reconciler.plan.outcome import Applied, Result
from reconciler.report.page import Page
from reconciler.report.values import AGAIN, counted, plain, summary_sentence, symbol, value

_ACTION_STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.KEEP: "dim",
}
_RESULT_STYLES = {Result.APPLIED: "green", Result.FAILED: "red", Result.SKIPPED: "yellow", Result.NOT_REACHED: "dim"}
_DRIFT_STYLES = {
    DriftClass.PENDING: "yellow",
    DriftClass.DRIFTED: "red",
    DriftClass.UNMANAGED: "cyan",
    DriftClass.UNVERIFIABLE: "dim",
}


def plan_text(plan: Plan, *, color: bool, verbose: bool = False) -> str:
    """A plan: what changes and why, then warnings and refusals, then one sentence. `verbose` also lists what is kept."""
    page = Page(color=color)
    page.target(plan.target)
    for change in plan.changes:
        if change.is_pending or verbose:
            _change(page, change)
        elif change.unverifiable:
            page.line(f"  ? {plain(change.id)}", "dim", f"cannot be verified: {plain(', '.join(change.unverifiable))}")
    _findings(page, plan, verbose=verbose)
    page.line("")
    if plan.partial:
        page.line("This plan is partial (--only, --except): it never deletes.", "dim")
    page.line(f"Plan: {summary_sentence(plan.summary())}.", "bold")
    page.line(f"Digest: {digest(plan)}", "dim")
    return page.text()


def applied_text(applied: Applied, *, color: bool) -> str:
    """What became of each change."""
    page = Page(color=color)
    page.target(applied.target)
    for outcome in applied.outcomes:
        code = f" (code {plain(outcome.code)})" if outcome.code else ""
        page.line(f"  {outcome.result.value:<10} {plain(outcome.id)}{code}", _RESULT_STYLES[outcome.result])
        if outcome.reason:
            page.line(f"             {plain(outcome.reason)}")
    for message in applied.messages:
        page.line(f"  to do: {plain(message)}", "yellow")
    results = [outcome.result for outcome in applied.outcomes]
    parts = [f"{results.count(result)} {_WORDS[result]}" for result in Result if result in results]
    page.line(f"Apply: {', '.join(parts) or 'nothing to do'}.", "bold")
    if applied.exit_code:
        page.line(AGAIN)
    return page.text()


_WORDS = {
    Result.APPLIED: "applied",
    Result.FAILED: "failed",
    Result.SKIPPED: "skipped",
    Result.NOT_REACHED: "not reached",
}


def drift_text(drift: Drift, *, color: bool) -> str:
    """What is pending, drifted, unmanaged or unverifiable."""
    page = Page(color=color)
    page.target(drift.target)
    for item in drift.items:
        by = f", by {plain(item.who)} at {item.when:%Y-%m-%d %H:%M:%S} UTC" if item.who and item.when else ""
        fields = f": {plain(', '.join(item.fields))}" if item.fields else ""
        style = _DRIFT_STYLES[item.drift_class]
        code = f" (code {plain(item.code)})" if item.code else ""
        page.line(f"  {item.drift_class.value:<12} {plain(item.kind)}/{plain(item.name)}{code}{fields}{by}", style)
        if item.note:
            page.line(f"               {plain(item.note)}")
    summary = drift.summary()
    words = ", ".join(f"{summary[each.value]} {each.value}" for each in DriftClass if summary[each.value])
    page.line(f"Drift: {words or 'none'}.", "bold")
    return page.text()


def failed_text(failed: FailedTarget, *, color: bool) -> str:
    """A target for which nothing came out, with the reason and the next step."""
    page = Page(color=color)
    state = "refused" if failed.kind == "refused" else "failed"
    where = f"{plain(str(failed.where))}: " if failed.where else ""
    page.line(f"{plain(failed.name)}: {state}", "bold red")
    page.line(f"  {where}{plain(failed.message, 2_000)}")
    if failed.next:
        page.line(f"      next: {plain(failed.next, 2_000)}")
    return page.text()


def _change(page: Page, change: Change) -> None:
    marks = [mark for mark, is_set in (("irreversible", change.irreversible),) if is_set]
    origin = f"  {change.origin}" if change.origin is not None else ""
    head = f"  {symbol(change.action.value)} {plain(change.id)}  {change.action.value}"
    page.line(head + (f" ({', '.join(marks)})" if marks else ""), _ACTION_STYLES[change.action], plain(origin))
    for row in change.fields:
        page.line(f"      {plain(row.path)}: {value(row.before)} → {value(row.after)}{_remark(row.mark.value)}")
    if change.erases:
        page.line(f"      erases: {plain(', '.join(change.erases))}", "red")
    if change.unverifiable:
        page.line(f"      cannot be verified: {plain(', '.join(change.unverifiable))}", "dim")


def _remark(mark: str) -> str:
    return "  (write-only)" if mark == "writeOnly" else ""


def _findings(page: Page, plan: Plan, *, verbose: bool) -> None:
    shown = [each for each in plan.findings if verbose or each.code != "userResolves"]
    hidden = len(plan.findings) - len(shown)
    page.findings("note", "cyan", shown)
    if hidden:
        page.line(f"  {counted(hidden, 'person') if hidden == 1 else f'{hidden} people'} found in Feishu.", "dim")
    page.findings("warning", "yellow", plan.warnings)
    page.findings("refused", "red", plan.refusals)
